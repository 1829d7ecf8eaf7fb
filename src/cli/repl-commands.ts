import { writeFileSync } from 'node:fs';
import type { REPLServer } from 'node:repl';
import { foldHosts, hostList, type Host } from '../host/index.js';
import { ProcessBase } from '../process/index.js';
import { Report } from '../report/index.js';
import { messageOf } from '../util/index.js';
import type { Paint } from './colors.js';
import { expandGroups, type LoadedConfig } from './config.js';
import { describeFailures } from './failures.js';
import { gatheredText } from './gathered-output.js';
import { hostNames } from './hosts.js';
import type { Session } from './repl-session.js';
import { showValue } from './repl-writer.js';
import { version } from './version.js';

const session = globalThis as unknown as { hosts: unknown };

export function banner(hosts: readonly Host[], paint: Paint): string {
  const where = hosts.length > 0 ? ` · ${describeHosts(hosts)}` : '';
  return `${paint('bold', `Rookery ${version}`)} · Node ${process.version}${where} · ${paint('dim', '.help tells what there is')}\n`;
}

function describeHosts(hosts: readonly Host[]): string {
  return `${hosts.length} ${hosts.length === 1 ? 'host' : 'hosts'}: ${foldHosts(hosts)}`;
}

/** `.hosts`, `.last`, `.report` and `.help`. */
export function addCommands(
  server: REPLServer,
  log: Session,
  { paint, groups }: { readonly paint: Paint; readonly groups: LoadedConfig['config']['groups'] },
): void {
  const define = (name: string, help: string, work: (argument: string) => string) => {
    const action = (argument: string): void => {
      let answer: string;
      try {
        answer = work(argument.trim());
      } catch (error) {
        answer = paint('red', messageOf(error));
      }
      server.output.write(`${answer}\n`);
      server.displayPrompt();
    };
    server.defineCommand(name, { help, action });
  };
  define('hosts', 'the hosts of the session; .hosts LIST sets them', (list) => {
    if (list !== '') session.hosts = hostList(expandGroups(list, groups, '.hosts'));
    const { hosts } = session;
    return Array.isArray(hosts) && hosts.length > 0
      ? describeHosts(hosts as Host[])
      : 'no hosts; .hosts node[1-9] sets some, as rookery repl -w does';
  });
  define('last', 'all output of what was run last', () => describeLast(log, paint));
  define('report', 'a table of what was run; .report FILE writes it as JSON', (file) => {
    const report = new Report(log.started, { name: 'session' });
    if (file === '') return log.started.length > 0 ? showValue(report, paint) : 'nothing was run yet';
    writeFileSync(file, JSON.stringify(report));
    return `written: ${file}`;
  });
  define('help', 'this', () => help(server, paint));
}

function describeLast({ last }: Session, paint: Paint): string {
  if (!last) return 'nothing was run yet';
  if (last instanceof ProcessBase || last.hosts.length === 0) return last.dump();
  const names = hostNames(last.hosts);
  const parts = [`${showValue(last, paint)}\n`, gatheredText(last.processes, { names, paint })];
  if (last.ended) parts.push(describeFailures(last.processes, names, paint));
  return parts.join('').trimEnd();
}

function help(server: REPLServer, paint: Paint): string {
  const commands = Object.entries(server.commands)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, command]) => `  ${`.${name}`.padEnd(9)} ${command?.help ?? ''}`);
  return `${examples.map(([code, what]) => `  ${code.padEnd(46)} ${paint('dim', what)}`).join('\n')}

${commands.join('\n')}

Tab completes, the arrow keys go through the history, Ctrl-C ends what runs, Ctrl-D leaves.`;
}

const examples = [
  ["p = await new Process('ls').run()", 'here: p.stdout, p.exitCode, p.ok'],
  ["a = await new Remote('uptime', hosts).run()", 'on all hosts of the session'],
  ["b = new Remote('sleep 60', hosts).start()", 'goes on meanwhile: b, b.kill()'],
  ["await new Put(hosts, 'file', '/tmp/').run()", 'copies: Put, Get, TorrentPut'],
  ['gatherOutput(a).map(g => g.text)', 'equal outputs once'],
  ['bed = await Testbed.start({hosts: 4})', 'hosts to try things on: bed.hosts'],
  ['await new Report([a, b])', 'counts of several actions'],
] as const;
