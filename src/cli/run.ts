import { writeFileSync } from 'node:fs';
import { Remote, showProgress, type Action, type RemoteOptions } from '../action/index.js';
import type { Host } from '../host/index.js';
import { InvalidArgument, parseDuration, RookeryError, show } from '../util/index.js';
import { painter } from './colors.js';
import { describeFailures, exitCodeOf } from './failures.js';
import { printGathered } from './gathered-output.js';
import type { HostOptions } from './host-options.js';
import { chooseHosts, connectionParams, hostNames, toCount } from './hosts.js';
import { Interrupts } from './interrupts.js';
import { toJSONLine } from './json-output.js';
import { liveHandlers } from './live-output.js';
import { shareInput } from './shared-input.js';

export interface RunOptions extends HostOptions {
  readonly gather?: boolean;
  readonly diff?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly failedTo?: string;
  readonly report?: string;
  readonly concurrency?: string;
  readonly timeout?: string;
  readonly stdin?: boolean;
  readonly pty?: boolean;
  readonly var?: readonly string[];
}

/** Bytes of output that a report shows, when nothing else needs it. */
const keptForReports = 64 * 1024;

/** `rookery run`: resolves with the exit code. */
export async function run(words: readonly string[], options: RunOptions): Promise<number> {
  if (options.stdin && [options.hosts, options.hostsFile].some((list) => list?.includes('-')))
    throw new InvalidArgument('standard input can be a list of hosts or go to the hosts, not both');
  if (options.json && (options.gather || options.diff))
    throw new InvalidArgument('--json goes with neither -b nor --diff');
  const hosts = await chooseHosts(options);
  const names = hostNames(hosts);
  const gather = (options.gather || options.diff) ?? false;
  const input = options.stdin ? await shareInput(process.stdin) : undefined;
  try {
    const live = gather || options.json ? undefined : liveHandlers(names);
    // A single word is text for the shell; several are a program and its arguments, each kept as it is.
    const command = words.length === 1 ? (words[0] as string) : words;
    const action = new Remote(command, hosts, {
      ...remoteOptions(options),
      stdin: input?.stdin ?? 'ignore',
      ...(live ? { ...live.options, maxOutput: keptForReports } : {}),
    });
    if (options.json) action.on('processEnd', (p) => process.stdout.write(`${toJSONLine(p)}\n`));
    // Without output to watch, how far it is; only where somebody watches.
    const watched = !live && !options.quiet && process.stderr.isTTY;
    const display = watched ? showProgress(action, { clear: true }) : undefined;
    using interrupts = new Interrupts(() => {
      display?.stop();
      action.kill();
    });
    await action.run();
    live?.flush();
    if (gather) {
      const show = { names, paint: painter(process.stdout), diff: options.diff ?? false };
      await printGathered(action.processes, show, process);
    }
    await finish(action, names, options);
    return interrupts.code ?? exitCodeOf(action.processes);
  } finally {
    input?.release();
  }
}

function remoteOptions(options: RunOptions): RemoteOptions {
  const { concurrency, timeout, pty } = options;
  const { columns, rows } = process.stdout;
  return {
    connectionParams: connectionParams(options),
    ...(concurrency === undefined ? {} : { concurrency: toCount('--concurrency', concurrency) }),
    ...(timeout === undefined ? {} : { timeout: parseDuration(timeout, '--timeout') }),
    ...(pty ? { pty: process.stdout.isTTY ? { columns, rows } : true } : {}),
    vars: Object.fromEntries((options.var ?? []).map(toVar)),
    // They are told at the end, by cause.
    ...{
      logExitCode: false,
      logTimeout: false,
      logError: false,
      logWriteError: false,
      ignoreWriteError: true,
    },
  };
}

function toVar(text: string): [string, string[]] {
  const [, name, values] = /^(\w+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || values === undefined)
    throw new InvalidArgument(`--var must be name=value,value,…, not ${show(text)}`);
  return [name, values.split(',')];
}

/** The list of failures, and the files that were asked for. */
export async function finish(
  action: Action,
  names: ReadonlyMap<Host, string>,
  options: Pick<RunOptions, 'quiet' | 'failedTo' | 'report'>,
): Promise<void> {
  const { processes } = action;
  if (!options.quiet) process.stderr.write(describeFailures(processes, names, painter(process.stderr)));
  if (options.failedTo !== undefined) {
    const failed = processes.filter((p) => !p.ok).map((p) => `${String(p.host)}\n`);
    writeOut('--failed-to', options.failedTo, failed.join(''));
  }
  if (options.report !== undefined) {
    const { Report } = await import('../report/index.js');
    const report = new Report(action, { name: action.name });
    writeOut('--report', options.report, JSON.stringify(report));
  }
}

function writeOut(option: string, file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw new RookeryError('ERR_OUTPUT_HANDLER', `${option}: cannot write ${file}: ${String(cause)}`, {
      cause,
    });
  }
}
