import { Remote, showProgress, type RemoteOptions } from '../action/index.js';
import { InvalidArgument } from '../util/index.js';
import { painter } from './colors.js';
import { exitCodeOf } from './failures.js';
import { printGathered } from './gathered-output.js';
import { commonOptions, finish, type CommonOptions } from './common-options.js';
import { chooseHosts, hostNames } from './hosts.js';
import { Interrupts } from './interrupts.js';
import { toJSONLine } from './json-output.js';
import { liveHandlers } from './live-output.js';
import { shareInput } from './shared-input.js';

export interface RunOptions extends CommonOptions {
  readonly gather?: boolean;
  readonly diff?: boolean;
  readonly stdin?: boolean;
  readonly pty?: boolean;
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
  const { columns, rows } = process.stdout;
  return {
    ...commonOptions(options),
    ...(options.pty ? { pty: process.stdout.isTTY ? { columns, rows } : true } : {}),
    ignoreWriteError: true,
  };
}
