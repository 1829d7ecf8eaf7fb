/** What happens next, and when: events in the order of their times, and those of one time in the order in which they were planned. */
export class EventQueue {
  now = 0;
  steps = 0;
  #heap: { readonly time: number; readonly order: number; readonly run: () => void }[] = [];
  #planned = 0;

  get idle(): boolean {
    return this.#heap.length === 0;
  }

  in(delay: number, run: () => void): void {
    this.at(this.now + delay, run);
  }

  at(time: number, run: () => void): void {
    const event = { time, order: this.#planned++, run };
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(event, heap[above] as typeof event)) break;
      heap[at] = heap[above] as typeof event;
      at = above;
    }
    heap[at] = event;
  }

  /** Lets the next thing happen; false when there is none. */
  step(): boolean {
    const heap = this.#heap;
    const next = heap[0];
    const last = heap.pop();
    if (!next || !last) return false;
    if (heap.length > 0) {
      let at = 0;
      for (;;) {
        let below = 2 * at + 1;
        if (below >= heap.length) break;
        const right = below + 1;
        if (right < heap.length && isBefore(heap[right] as typeof last, heap[below] as typeof last))
          below = right;
        if (!isBefore(heap[below] as typeof last, last)) break;
        heap[at] = heap[below] as typeof last;
        at = below;
      }
      heap[at] = last;
    }
    this.now = next.time;
    this.steps++;
    next.run();
    return true;
  }
}

interface Planned {
  readonly time: number;
  readonly order: number;
}
function isBefore(a: Planned, b: Planned): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}

/** The same numbers from 0 to 1 for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
