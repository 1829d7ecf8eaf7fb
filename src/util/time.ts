import { setTimeout as wait } from 'node:timers/promises';
import { longestTimer, parseDuration, type Duration } from './duration.js';
import { InvalidArgument, show } from './errors.js';

/** How a wait can be given up. */
export interface SleepOptions {
  /** When it is aborted, the wait rejects with an AbortError. Default none. */
  signal?: AbortSignal;
}

/**
 * Waits for a length of time; resolves with the milliseconds that have passed.
 * @example
 * await sleep('1m30');
 */
export async function sleep(duration: Duration, options: SleepOptions = {}): Promise<number> {
  const begin = performance.now();
  const end = begin + parseDuration(duration, 'sleep()');
  // A timer may be a little early, and holds 24.8 days at most.
  for (let left = end - begin; left > 0; left = end - performance.now())
    await wait(Math.min(Math.ceil(left), longestTimer), undefined, options);
  return performance.now() - begin;
}

/**
 * Waits until a date: a Date, milliseconds since 1970, an ISO date, or a time of day, `'18:30'` or `'18:30:15'`, which is that of
 * tomorrow when it has passed. Returns at once when a date has passed. When the clock is set meanwhile, it is followed.
 * Resolves with the milliseconds that have passed.
 */
export async function sleepUntil(date: Date | number | string, options: SleepOptions = {}): Promise<number> {
  const begin = performance.now();
  const end = dateOf(date);
  for (let left = end - Date.now(); left > 0; left = end - Date.now())
    await wait(Math.min(Math.ceil(left), longestLook), undefined, options);
  return performance.now() - begin;
}
/** How long the clock is not looked at. */
const longestLook = 60_000;

function dateOf(date: Date | number | string): number {
  const clock = typeof date === 'string' && /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(date.trim());
  let time = NaN;
  if (clock) {
    const [hours, minutes, seconds] = clock.slice(1).map((part) => Number(part ?? 0)) as [
      number,
      number,
      number,
    ];
    if (hours < 24 && minutes < 60 && seconds < 60) {
      const day = new Date();
      day.setHours(hours, minutes, seconds, 0);
      if (day.getTime() <= Date.now()) day.setDate(day.getDate() + 1);
      time = day.getTime();
    }
  } else time = new Date(date).getTime();
  if (!Number.isFinite(time))
    throw new InvalidArgument(
      `sleepUntil(): the date must be a Date, milliseconds, an ISO date or a time like '18:30', not ${show(date)}`,
    );
  return time;
}

/** Tells how much time has passed since it was made, by a clock that nobody sets. */
export class Timer {
  /** When it was made. */
  readonly startDate = new Date();
  readonly #begin = performance.now();
  readonly #timeout: number | undefined;

  /** @param timeout after which `expired` is true; without one it never is */
  constructor(timeout?: Duration) {
    this.#timeout = timeout === undefined ? undefined : parseDuration(timeout, 'Timer: timeout');
  }

  /** Milliseconds since it was made. */
  get elapsed(): number {
    return performance.now() - this.#begin;
  }
  /** Milliseconds until the timeout, 0 when it has passed; undefined without a timeout. */
  get remaining(): number | undefined {
    return this.#timeout === undefined ? undefined : Math.max(0, this.#timeout - this.elapsed);
  }
  get expired(): boolean {
    return this.remaining === 0;
  }
  /** Waits until so much time has passed since it was made. */
  async waitElapsed(duration: Duration, options: SleepOptions = {}): Promise<this> {
    await sleep(Math.max(0, parseDuration(duration, 'waitElapsed()') - this.elapsed), options);
    return this;
  }
}
