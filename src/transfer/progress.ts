/** How far a transfer is. */
export interface Progress {
  /** Bytes to be moved; undefined while that is not known. */
  readonly bytesTotal: number | undefined;
  readonly bytesDone: number;
  /** Bytes per second, over the last seconds. */
  readonly rate: number;
  /** Milliseconds that the rest takes at this rate; undefined while nobody can tell. */
  readonly timeLeft: number | undefined;
}

/** Rates are those of about this long: long enough to be calm, short enough to notice a stall. */
const window = 3_000;

/** Counts the bytes of one transfer. */
export class ProgressMeter {
  total: number | undefined;
  done = 0;
  #marks: { readonly time: number; readonly done: number }[] = [];

  add(bytes: number): void {
    this.done += bytes;
    const time = performance.now();
    const last = this.#marks.at(-1);
    if (last && time - last.time < 50) return;
    this.#marks.push({ time, done: this.done });
    while (this.#marks.length > 2 && time - (this.#marks[0]?.time ?? 0) > window) this.#marks.shift();
  }

  get rate(): number {
    const first = this.#marks[0];
    if (!first) return 0;
    const seconds = (performance.now() - first.time) / 1000;
    return seconds > 0 ? (this.done - first.done) / seconds : 0;
  }

  get timeLeft(): number | undefined {
    if (this.total === undefined) return undefined;
    if (this.done >= this.total) return 0;
    return this.rate > 0 ? ((this.total - this.done) / this.rate) * 1000 : undefined;
  }
}
