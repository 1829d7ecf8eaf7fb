import type { ProcessBase } from './base.js';

/** Signals at which what runs is ended first. */
const interrupts = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const signals = Object.keys(interrupts) as (keyof typeof interrupts)[];
/** After an interrupt, when all has ended, a script may still write its report for this long. */
const reportTime = 5_000;

/**
 * All processes that are running. While there are some, an interrupt ends them first: once, they are killed and waited
 * for, `wait()` resolves, reports stay available, and the exit code is 128 + the signal's number; twice, the program
 * leaves at once. What is local is killed by an 'exit' handler in any case (see local-tree.ts), what is remote by its
 * host, which notices that the connection is gone.
 */
class Registry {
  readonly #running = new Set<ProcessBase>();
  readonly #watchers = new Set<(process: ProcessBase) => void>();
  #listening = false;
  #handling = true;
  /** True from the first interrupt on: nothing more is started. */
  interrupted = false;

  get running(): ReadonlySet<ProcessBase> {
    return this.#running;
  }

  add(process: ProcessBase): void {
    this.#running.add(process);
    this.#listen();
    for (const watcher of this.#watchers) watcher(process);
  }
  delete(process: ProcessBase): void {
    this.#running.delete(process);
    if (this.#running.size === 0 && !this.interrupted) this.#unlisten();
  }

  /** Tells of every process that starts, until the function that it returns is called. */
  watch(watcher: (process: ProcessBase) => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** False: this program handles signals itself, and calls `killAll()` when it wants to. */
  setHandling(handling: boolean): void {
    this.#handling = handling;
    if (!handling) this.#unlisten();
    else if (this.#running.size > 0) this.#listen();
  }

  async killAll(): Promise<void> {
    await Promise.all([...this.#running].map((p) => p.kill('SIGTERM').wait()));
  }

  #listen(): void {
    if (this.#listening || !this.#handling) return;
    this.#listening = true;
    // First of all listeners, so that one that the program added by once() can still be counted.
    for (const signal of signals) process.prependListener(signal, this.#onSignal);
  }
  #unlisten(): void {
    if (!this.#listening) return;
    this.#listening = false;
    for (const signal of signals) process.off(signal, this.#onSignal);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    const code = interrupts[signal as keyof typeof interrupts];
    if (this.interrupted) process.exit(code);
    // A program with a handler of its own decides itself when to leave; what runs is ended all the same.
    const alone = process.listenerCount(signal) === 1;
    this.interrupted = alone;
    if (alone) process.exitCode = code;
    void this.killAll().then(() => {
      if (alone) setTimeout(() => process.exit(code), reportTime).unref();
    });
  };
}

export const registry = new Registry();
