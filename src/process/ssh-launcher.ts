import type { Readable } from 'node:stream';
import { poolOf } from '../host/index.js';
import type { Channel, ChannelEnd, HostPool, Target, Warden } from '../host/index.js';
import { newTreeId, ProcessTree } from '../util/index.js';
import type { CommandLine } from './command.js';
import type { Ending, Launched } from './launcher.js';
import { signalName } from './ending.js';
import { MarkFilter, takeMark } from './mark-filter.js';
import type { ResolvedOptions } from './options.js';
import { bareCommand, wrappedCommand } from './remote-command.js';
import type { RemoteCommand } from './remote-command.js';

let count = 0;

/** Starts a command on a host, on the pooled connection of either transport. */
export async function launchRemotely(
  target: Target,
  command: CommandLine,
  options: ResolvedOptions,
  signal: AbortSignal,
): Promise<Launched> {
  const pool = poolOf(target);
  const letGo = pool.hold();
  try {
    const warden = await pool.warden(signal);
    // What is detached does not carry the warden's mark, so that it outlives the connection.
    const id = warden && !options.detached ? `${warden.id}.${++count}` : newTreeId();
    const remote = warden
      ? wrappedCommand(command, options, warden, id, target.transport === 'ssh2')
      : bareCommand(command, options);
    const channel = await pool.open(remote.text, { pty: options.pty }, signal);
    const begun = await begin(channel, remote, !!options.pty);
    return {
      pid: begun.pid,
      stdin: channel.stdin,
      stdout: begun.stdout,
      stderr: options.pty ? undefined : begun.stderr,
      exited: begun.exited,
      ...remoteTree(pool, warden, id, begun, channel),
      release: () => {
        channel.close();
        letGo();
      },
    };
  } catch (error) {
    letGo();
    throw error;
  }
}

/** The part of {@link Launched} that finds and signals the tree of a remote process: the host's warden does it. */
function remoteTree(
  pool: HostPool,
  first: Warden | undefined,
  id: string,
  begun: Begun,
  channel: Channel,
): Pick<Launched, 'signal' | 'survivors'> {
  const tree = new ProcessTree(id, begun.pid);
  void begun.exited.then(() => tree.leaderEnded());
  const living = async (): Promise<Warden | undefined> => {
    if (!first || begun.lost()) return undefined;
    return first.gone ? pool.warden(new AbortController().signal).catch(() => undefined) : first;
  };
  const members = async () => {
    const all = await (await living())?.processes();
    return all && tree.living(all);
  };
  return {
    survivors: members,
    signal: async (name) => {
      const found = await members();
      if (found) await (await living())?.signal(name, found);
      else channel.signal(name);
    },
  };
}

interface Begun {
  readonly pid: number | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<Ending>;
  readonly lost: () => boolean;
}

/** Waits for the first line, which tells the process id, and takes our own lines out of the output. */
async function begin(channel: Channel, remote: RemoteCommand, pty: boolean): Promise<Begun> {
  let lost = false;
  let ended = channel.exited.then((end) => {
    lost = 'error' in end;
    return toEnding(end);
  });
  let { stdout, stderr }: { stdout: Readable; stderr: Readable } = channel;
  if (remote.end) {
    const { end } = remote;
    ended = new Promise<Ending>((resolve) => {
      const filter = new MarkFilter(end, (match) => resolve(fromStatus(Number(match[1]), match[2] === 's')));
      if (pty) stdout = stdout.pipe(filter);
      else stderr = stderr.pipe(filter);
      // Without a status line the shell around the command was killed, or the connection is gone.
      void channel.exited.then(async (how) => {
        await channel.closed;
        setImmediate(() =>
          resolve('code' in how && how.code === 255 ? { kind: 'signal', signal: 'SIGKILL' } : toEnding(how)),
        );
      });
    });
  }
  if (pty) stderr.resume();
  let pid: number | undefined;
  if (remote.begin) {
    const { match, rest } = await takeMark(stdout, remote.begin, channel.closed);
    stdout = rest;
    pid = match && Number(match[1]);
  }
  return { pid, stdout, stderr, exited: ended, lost: () => lost };
}

function toEnding(end: ChannelEnd): Ending {
  if ('error' in end) return { kind: 'error', error: end.error };
  return 'code' in end ? { kind: 'exit', code: end.code } : { kind: 'signal', signal: end.signal };
}

/** A shell tells a signal as 128 plus its number. */
function fromStatus(status: number, bySignal: boolean): Ending {
  if (!bySignal) return { kind: 'exit', code: status };
  return { kind: 'signal', signal: signalName(status - 128) };
}
