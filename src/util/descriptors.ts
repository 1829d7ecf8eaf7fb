import { readFileSync } from 'node:fs';

/** Descriptors left for everything that is not counted here: files, the event loop, the user's own. */
const reserve = 64;

interface Waiting {
  readonly count: number;
  readonly begin: () => void;
}

/**
 * A share of the file descriptors that this process may open (`ulimit -n`), so that a thousand hosts under a small limit
 * wait for each other instead of failing with EMFILE.
 */
class Descriptors {
  #free: number | undefined;
  readonly #waiting: Waiting[] = [];
  /** Called when somebody waits: whoever holds descriptors that it can spare gives some back. */
  readonly reclaimers = new Set<() => void>();

  /** Resolves when `count` descriptors are free, and takes them. */
  async take(count: number): Promise<void> {
    this.#free ??= budget();
    if (this.#waiting.length === 0 && this.#free >= count) {
      this.#free -= count;
      return;
    }
    await new Promise<void>((resolve) => {
      this.#waiting.push({ count, begin: resolve });
      for (const reclaim of this.reclaimers) reclaim();
    });
  }

  /** True while somebody waits. */
  get wanted(): boolean {
    return this.#waiting.length > 0;
  }

  give(count: number): void {
    this.#free = (this.#free ?? budget()) + count;
    for (let next = this.#waiting[0]; next && this.#free >= next.count; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= next.count;
      next.begin();
    }
  }
}

/** See proc(5); Node itself raises the soft limit to the hard one. Without /proc nothing is limited here. */
function budget(): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return limit === undefined ? Infinity : Math.max(16, Number(limit) - reserve);
  } catch {
    return Infinity;
  }
}

export const descriptors = new Descriptors();
