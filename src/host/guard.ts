import { newTreeId, RookeryError } from '../util/index.js';
import type { Channel, ChannelOptions } from './channel.js';
import type { ShellDialect } from './shell-dialect.js';
import { sweepCommand, Warden } from './warden.js';

/** What is known of the login shell of an account. */
export interface ShellProfile {
  readonly dialect: ShellDialect;
  /** Path of its program. */
  readonly shell: string;
  /** SSH_CONNECTION of the connection whose unmarked login shells the warden takes for its own; empty where it cannot tell. */
  readonly sshConnection: string;
}

/** Runs a command on a session of the host's. */
export type Open = (command: string, options: ChannelOptions, signal: AbortSignal) => Promise<Channel>;

interface WardenStart {
  readonly abort: AbortController;
  readonly promise: Promise<Warden | undefined>;
  interested: number;
  settled: boolean;
  warden?: Warden | undefined;
}

/**
 * What watches over the commands of one host: the {@link Warden}, when it is started, and what is known of the login shell.
 * A warden costs a session, as much as a short command does, so a simple command is sent before it and the warden follows
 * when the command lives on, or later when there is nothing else to do. Everything else waits for the warden.
 */
export class Guard {
  readonly #open: Open;
  #id = newTreeId();
  #start: WardenStart | undefined;
  #profile: ShellProfile | undefined;
  #probing: Promise<unknown> | undefined;
  #probed = false;
  readonly #exposed = new Set<object>();
  #commands = 0;

  constructor(open: Open) {
    this.#open = open;
  }

  /** Undefined while it is not known, and where there is none that we can talk to. */
  get profile(): ShellProfile | undefined {
    return this.#profile;
  }
  /** Whether the first command may be sent at once, to find out. */
  get mayProbe(): boolean {
    return !this.#profile && !this.#start && !this.#probing && !this.#probed;
  }
  /** Whether a warden is there, or there can be none. */
  get settled(): boolean {
    return this.#start?.settled === true && !this.#start.warden?.gone;
  }

  /** The mark of one more command that ends with the connection. */
  nextId(): string {
    return `${this.#id}.${++this.#commands}`;
  }

  /** Runs the first command, which tells what the login shell is like, or fails to. */
  async probe<T>(run: () => Promise<{ profile: ShellProfile | undefined; result: T }>): Promise<T> {
    const probing = run();
    this.#probing = probing;
    try {
      const { profile, result } = await probing;
      this.#profile ??= profile;
      this.#probed = true;
      return result;
    } finally {
      this.#probing = undefined;
    }
  }

  /** Waits while the first command finds out. Where it cannot connect, nobody else can. */
  async probed(signal: AbortSignal): Promise<void> {
    while (this.#probing) {
      await abortable(this.#probing, signal).catch((error: unknown) => {
        const given = error instanceof RookeryError && error.code === 'ERR_KILLED';
        if (signal.aborted || !given) throw error;
      });
      // The one that ran it goes first.
      await Promise.resolve();
    }
  }

  /** The host's warden; undefined where there can be none. */
  async warden(signal: AbortSignal): Promise<Warden | undefined> {
    if (this.#start?.warden?.gone) this.forget();
    const start = (this.#start ??= this.#startWarden());
    start.interested++;
    try {
      return await abortable(start.promise, signal);
    } finally {
      // One start serves all who wait for it, so it is given up only by the last of them, and nobody joins it after that.
      if (--start.interested === 0 && !start.settled) {
        start.abort.abort();
        if (this.#start === start) this.#start = undefined;
      }
    }
  }

  /** It has turned out that there can be no warden. */
  hasNone(): void {
    this.#start ??= {
      abort: new AbortController(),
      promise: Promise.resolve(undefined),
      interested: 0,
      settled: true,
    };
  }

  #startWarden(): WardenStart {
    const abort = new AbortController();
    const id = this.#id;
    const run = async () => {
      const { channel, warden } = await Warden.start(
        (command, options) => this.#open(command, options, abort.signal),
        id,
      );
      // Given up too late: it serves all the same, unless another is on its way, whose charges it must not end.
      if (abort.signal.aborted) {
        if (this.#start) warden?.dismiss();
        else this.#start = start;
      }
      start.warden = warden;
      if (warden) this.#profile = warden;
      void channel.closed.then(() => {
        // Where there is none there will be none: that is remembered. One that has died is replaced when it is needed, and
        // what starts from then on carries another mark, since the dying one ends all that carries its own.
        if (warden && this.#start === start) this.forget();
      });
      return warden;
    };
    const start: WardenStart = { abort, interested: 0, settled: false, promise: run() };
    start.promise.then(
      () => (start.settled = true),
      () => {
        start.settled = true;
        if (this.#start === start) this.#start = undefined;
      },
    );
    return start;
  }

  /**
   * Before the connections are closed: ends what commands left behind while there was no warden. Settles when the host has been
   * asked to. Never rejects.
   */
  async sweep(): Promise<void> {
    // Without a warden the profile is that of the first command, which only a POSIX shell has answered.
    if (this.#start || !this.#profile) return;
    const never = new AbortController().signal;
    await this.#open(sweepCommand(this.#id, true), {}, never).catch(() => undefined);
  }

  /** Whether there are commands that no warden watches over. */
  get exposed(): boolean {
    return this.#exposed.size > 0;
  }

  /** A command runs, or is about to, that no warden watches over yet. Returns what is called when one does, or it has ended. */
  expose(): () => void {
    const command = {};
    this.#exposed.add(command);
    return () => void this.#exposed.delete(command);
  }

  /**
   * The connections are gone: the next may find another login shell. Returns the mark of what nobody on the host will end, where
   * there is such.
   */
  forget(): string | undefined {
    const left = this.#exposed.size > 0 && !this.#start?.warden ? this.#id : undefined;
    this.#exposed.clear();
    this.#start = this.#profile = undefined;
    this.#probed = false;
    this.#id = newTreeId();
    return left;
  }

  /** The connections are about to be closed in good order. */
  leave(): void {
    this.#start?.warden?.leave();
  }
}

/** Rejects when the signal aborts, whatever becomes of the promise. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(new RookeryError('ERR_KILLED', 'given up before it was connected'));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
