import { setTimeout as sleep } from 'node:timers/promises';
import type { Launched } from './launcher.js';

/** What came of ending a process tree. */
export interface TerminationResult {
  /** True: every process of the tree was seen to be gone. False: it could not be seen, or some are still there. */
  readonly confirmed: boolean;
  readonly forced: boolean;
  /** Process ids that are still alive after SIGKILL. */
  readonly escaped: readonly number[];
}

/** How long the tree may take to go after SIGKILL, before what is left is reported as escaped. */
const afterKill = 5_000;

/** Signals that ask a process to end, so that they are followed by SIGKILL and count as a kill. */
export const endingSignals: ReadonlySet<string> = new Set([
  'SIGTERM',
  'SIGKILL',
  'SIGINT',
  'SIGHUP',
  'SIGQUIT',
  'SIGABRT',
]);

/**
 * Ends the whole tree of one launched process and says so only when it is gone: signals it, waits for the process,
 * looks at what is left, signals again, and turns to SIGKILL at the deadline. There is no notification for the end of
 * processes that are not our children, so what is left is looked at again in growing intervals, bounded by two deadlines.
 */
export class Termination {
  readonly #launched: Launched;
  #signal: NodeJS.Signals;
  #forceAt: number;
  #forced = false;
  #wake = new AbortController();
  readonly result: Promise<TerminationResult>;

  constructor(launched: Launched, signal: NodeJS.Signals, forceAfter: number) {
    this.#launched = launched;
    this.#signal = signal;
    this.#forceAt = Date.now() + forceAfter;
    this.result = this.#run();
  }

  /** Another kill while this one is under way: the new signal is sent now, and the nearer deadline counts. */
  escalate(signal: NodeJS.Signals, forceAfter: number): void {
    if (signal === 'SIGKILL' && this.#signal !== 'SIGKILL') this.#forced = true;
    this.#signal = signal;
    this.#forceAt = signal === 'SIGKILL' ? 0 : Math.min(this.#forceAt, Date.now() + forceAfter);
    this.#wake.abort();
    this.#wake = new AbortController();
    void this.#launched.signal(signal);
  }

  async #run(): Promise<TerminationResult> {
    let gone = false;
    void this.#launched.exited.then(() => {
      gone = true;
      this.#wake.abort();
    });
    await this.#launched.signal(this.#signal);
    if (this.#signal !== 'SIGKILL') {
      // Waiting for the process itself costs nothing; looking at the tree begins at its end.
      while (!gone && Date.now() < this.#forceAt) await this.#pause(this.#forceAt - Date.now());
      const left = await this.#watch(this.#forceAt, () => gone);
      if (left !== 'alive') return this.#done(left);
      this.#forced = true;
      await this.#launched.signal('SIGKILL');
    }
    this.#signal = 'SIGKILL';
    const left = await this.#watch(Date.now() + afterKill, () => gone);
    if (left !== 'alive') return this.#done(left);
    const escaped = (await this.#launched.survivors()) ?? [];
    return { confirmed: gone && escaped.length === 0, forced: this.#forced, escaped };
  }

  #done(left: 'gone' | 'unknown'): TerminationResult {
    return { confirmed: left === 'gone', forced: this.#forced, escaped: [] };
  }

  /** Looks until the tree is gone or the deadline has passed; once at least. */
  async #watch(deadline: number, isGone: () => boolean): Promise<'gone' | 'unknown' | 'alive'> {
    let quiet = false;
    for (let wait = 10; ; wait = Math.min(wait * 2, 250)) {
      const survivors = await this.#launched.survivors();
      if (survivors === undefined && isGone()) return 'unknown';
      if (survivors?.length === 0 && isGone()) {
        // One look takes a while, and misses what is within fork(2) or execve(2) meanwhile.
        if (quiet) return 'gone';
        quiet = true;
        continue;
      }
      quiet = false;
      if (Date.now() >= deadline || (this.#forceAt === 0 && this.#signal !== 'SIGKILL')) return 'alive';
      // Children that were forked while the signal was on its way have not had it.
      if (survivors?.length && isGone()) await this.#launched.signal(this.#signal);
      await this.#pause(wait);
    }
  }

  async #pause(ms: number): Promise<void> {
    try {
      await sleep(Math.max(0, Math.min(ms, 2 ** 31 - 1)), undefined, { signal: this.#wake.signal });
    } catch {
      if (this.#wake.signal.aborted) this.#wake = new AbortController();
    }
  }
}
