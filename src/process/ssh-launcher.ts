import type { Readable } from 'node:stream';
import { dialectOf, poolOf } from '../host/index.js';
import type {
  Channel,
  ChannelEnd,
  ChannelOptions,
  HostPool,
  ShellProfile,
  Target,
  Warden,
} from '../host/index.js';
import { newTreeId, ProcessTree, RookeryError } from '../util/index.js';
import type { CommandLine } from './command.js';
import type { Ending, Launched } from './launcher.js';
import { signalName } from './ending.js';
import { MarkFilter, takeMark } from './mark-filter.js';
import type { ResolvedOptions } from './options.js';
import { bareCommand, isSimple, probingCommand, wrappedCommand } from './remote-command.js';
import type { RemoteCommand } from './remote-command.js';

/** What has not ended after this long is not called started before the host's warden watches over it; ms. */
const shortLife = 30;
/** How long an unknown login shell may take to speak to us, and a warden to come; ms. */
const patience = 10_000;
/** How long a command that is killed while it starts may take to tell its process id, by which it is killed best; ms. */
const afterAbort = 1_000;

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
    const sent = await send(pool, command, options, signal);
    const { channel, begun, covered } = sent;
    const unwatched = !options.detached && sent.tree !== undefined && !pool.guard.settled;
    void begun.exited.then(() => begun.lost() || covered());
    if (unwatched) await watchedOrOver(pool, begun, signal);
    if (options.detached || pool.guard.settled) covered();
    return {
      pid: begun.pid,
      stdin: channel.stdin,
      stdout: begun.stdout,
      stderr: options.pty ? undefined : begun.stderr,
      exited: begun.exited,
      ...remoteTree(pool, sent),
      release: () => {
        channel.close();
        if (unwatched) pool.guardLater();
        letGo();
      },
    };
  } catch (error) {
    letGo();
    throw error;
  }
}

interface Sent {
  readonly channel: Channel;
  readonly begun: Begun;
  /** Mark of its tree; undefined where the account has no shell that could set it. */
  readonly tree: string | undefined;
  /** To be called when a warden watches over it, or it has ended. */
  readonly covered: () => void;
}

/** Sends the command in the form that the account's login shell understands. */
async function send(
  pool: HostPool,
  command: CommandLine,
  options: ResolvedOptions,
  signal: AbortSignal,
): Promise<Sent> {
  const { guard, target } = pool;
  const simple = isSimple(command, options);
  await guard.probed(signal);
  if (guard.mayProbe && simple && target.transport === 'ssh2') {
    const sent = await guard.probe(() => probe(pool, command, options, signal));
    if (sent) return sent;
  }
  const warden = simple && guard.profile ? undefined : await guard.warden(signal);
  const profile = warden ?? guard.profile;
  return transmit(pool, { pty: options.pty }, undefined, signal, () => {
    // What is detached does not carry the warden's mark, so that it outlives the connection.
    const id = profile && !options.detached ? guard.nextId() : newTreeId();
    const remote = profile
      ? wrappedCommand(command, options, profile, id, target.transport === 'ssh2')
      : bareCommand(command, options);
    return { remote, tree: profile && id };
  });
}

/** Sends what is made for the connection that it goes out on, so that it has the mark of those who watch over that. */
async function transmit(
  pool: HostPool,
  options: ChannelOptions,
  waitAtMost: number | undefined,
  signal: AbortSignal,
  make: () => { remote: RemoteCommand; tree: string | undefined },
): Promise<Sent> {
  let made: ReturnType<typeof make> | undefined;
  let covered = () => {};
  try {
    const channel = await pool.open(
      () => {
        made = make();
        covered = pool.guard.expose();
        return made.remote.text;
      },
      options,
      signal,
    );
    const { remote, tree } = made as unknown as ReturnType<typeof make>;
    const begun = await begin(channel, remote, !!options.pty, new Patience(waitAtMost, signal));
    return { channel, begun, tree, covered };
  } catch (error) {
    // When the connection is lost while the command is asked for, it may run.
    if (!(error instanceof RookeryError && error.code === 'ERR_CONNECTION_LOST')) covered();
    throw error;
  }
}

/**
 * The first command on a host goes out before anything is known of the login shell, and finds it out. No result when the shell
 * was one that refused it.
 */
async function probe(
  pool: HostPool,
  command: CommandLine,
  options: ResolvedOptions,
  signal: AbortSignal,
): Promise<{ profile: ShellProfile | undefined; result: Sent | undefined }> {
  const { guard } = pool;
  const sent = await transmit(pool, {}, patience, signal, () => {
    const tree = guard.nextId();
    return { remote: probingCommand(command, options, tree), tree };
  });
  const { channel, begun } = sent;
  let profile: ShellProfile | undefined;
  if (begun.match) {
    const [, , shell = '', sshConnection = ''] = begun.match;
    const dialect = dialectOf(shell);
    profile = dialect && { dialect, shell, sshConnection };
  } else if (begun.over && !begun.lost()) {
    // A forced command, a shell that ended before it came to ours, or one that could not read it: the warden knows. Neither csh
    // nor fish says on stdout that it could not.
    if (begun.said) guard.hasNone();
    const warden = await guard.warden(signal);
    if (warden?.dialect.name !== 'posix') {
      channel.close();
      sent.covered();
      return { profile, result: undefined };
    }
  }
  return { profile, result: sent };
}

/** Settles after a time, or a moment after the signal aborts. To be ended by {@link Patience.end}. */
class Patience {
  readonly over: Promise<undefined>;
  readonly #signal: AbortSignal;
  #resolve!: (value: undefined) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number | undefined, signal: AbortSignal) {
    this.over = new Promise((resolve) => (this.#resolve = resolve));
    this.#signal = signal;
    if (ms !== undefined) this.#set(ms);
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener('abort', this.#onAbort);
  }

  #set(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.end(), ms);
  }

  readonly #onAbort = (): void => this.#set(afterAbort);

  end(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#resolve(undefined);
  }
}

/** Waits until the command has ended or the host's warden is there: what is called started ends with this program. */
async function watchedOrOver(pool: HostPool, { exited }: Begun, signal: AbortSignal): Promise<void> {
  if (await endsWithin(exited, shortLife)) return;
  const given = new Patience(patience, signal);
  await Promise.race([pool.guard.warden(signal).catch(() => undefined), exited, given.over]);
  given.end();
}

function endsWithin(exited: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    // When the timer is late, as on a busy machine, the end may have come but not been read yet.
    const timer = setTimeout(() => setImmediate(() => setImmediate(resolve, false)), ms);
    void exited.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

/** The part of {@link Launched} that finds and signals the tree of a remote process: the host's warden does it. */
function remoteTree(
  { guard }: HostPool,
  { channel, begun, tree: id }: Sent,
): Pick<Launched, 'signal' | 'survivors'> {
  const tree = id === undefined ? undefined : new ProcessTree(id, begun.pid);
  void begun.exited.then(() => tree?.leaderEnded());
  const living = async (): Promise<Warden | undefined> =>
    tree && !begun.lost() ? guard.warden(new AbortController().signal).catch(() => undefined) : undefined;
  const members = async () => {
    const all = await (await living())?.processes();
    return all && tree?.living(all);
  };
  return {
    survivors: members,
    signal: async (name) => {
      const found = await members();
      if (found) await (await living())?.signal(name, found);
      // Nothing is known of a login shell that has not come to our first line, but what the server makes of this.
      if (!found || begun.pid === undefined) channel.signal(name);
    },
  };
}

interface Begun {
  readonly pid: number | undefined;
  /** Our first line. */
  readonly match: RegExpExecArray | undefined;
  /** The output ended without it. */
  readonly over: boolean;
  /** There was other output before it, or in its place. */
  readonly said: boolean;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<Ending>;
  readonly lost: () => boolean;
}

/** Waits for the first line, which tells the process id, and takes our own lines out of the output. */
async function begin(channel: Channel, remote: RemoteCommand, pty: boolean, wait: Patience): Promise<Begun> {
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
  let match: RegExpExecArray | undefined;
  let [over, said] = [false, false];
  if (remote.begin) {
    const taken = await takeMark(stdout, remote.begin, channel.closed, wait.over);
    ({ match, over, said } = taken);
    stdout = taken.rest;
  }
  wait.end();
  const pid = match && Number(match[1]);
  return { pid, match, over, said, stdout, stderr, exited: ended, lost: () => lost };
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
