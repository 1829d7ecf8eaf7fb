import pLimit from 'p-limit';

/** How long nothing must have happened, before what could wait is done; ms. */
const quietTime = 100;
/** For how long it may wait at most while something happens all the time; ms. */
const longestWait = 10_000;
/** Hosts that are looked after at once. */
const atOnce = 32;

/** A host on which commands ran, and none lived long enough to need a warden. */
export interface Unguarded {
  /** Starts its warden. Never rejects. */
  guardNow(): Promise<void>;
  /** Ends what was left behind, and closes the connections. Never rejects. */
  leave(): Promise<void>;
}

/**
 * Hosts whose warden is still to come. A short command may have left a daemon behind, which is to end with this program, but
 * a warden for each of hundreds of hosts must not slow what is being waited for: they are started when nothing else is
 * under way, or at the end of the program.
 */
class LateGuards {
  readonly #hosts = new Set<Unguarded>();
  #active = 0;
  #quiet: NodeJS.Timeout | undefined;
  #bound: NodeJS.Timeout | undefined;

  add(host: Unguarded): void {
    if (this.#hosts.size === 0) process.on('beforeExit', this.#onBeforeExit);
    this.#hosts.add(host);
    this.#bound ??= setTimeout(() => void this.#flush(), longestWait).unref();
  }
  /** False when it was not among them. */
  delete(host: Unguarded): boolean {
    const was = this.#hosts.delete(host);
    if (was && this.#hosts.size === 0) this.#rest();
    return was;
  }

  /** Counts who uses any host's connections. */
  setActive(change: 1 | -1): void {
    this.#active += change;
    clearTimeout(this.#quiet);
    if (this.#active > 0 || this.#hosts.size === 0) return;
    this.#quiet = setTimeout(() => void this.#flush(), quietTime).unref();
  }

  async #flush(): Promise<void> {
    const hosts = [...this.#hosts];
    this.#hosts.clear();
    this.#rest();
    const few = pLimit(atOnce);
    await Promise.all(hosts.map((host) => few(() => host.guardNow())));
  }

  #rest(): void {
    clearTimeout(this.#quiet);
    clearTimeout(this.#bound);
    this.#bound = undefined;
    process.off('beforeExit', this.#onBeforeExit);
  }

  readonly #onBeforeExit = (): void => {
    const few = pLimit(atOnce);
    for (const host of this.#hosts) void few(() => host.leave());
  };
}

export const lateGuards = new LateGuards();
