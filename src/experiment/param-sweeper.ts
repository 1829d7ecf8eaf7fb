import { hash } from 'node:crypto';
import { checkOptions, InvalidArgument, isBoolean, show } from '../util/index.js';
import { keyOf } from './combination.js';
import { FilesStore } from './files-store.js';
import type { CombinationState, ResetOptions, SweepStore } from './store.js';

/** How many combinations are in each state. */
export interface SweepStats {
  total: number;
  todo: number;
  inProgress: number;
  done: number;
  skipped: number;
}

interface Item<C> {
  readonly key: string;
  readonly combination: C;
  /** Known not to be held or ended by anybody, as far as this process knows: it may be tried. */
  free: boolean;
}
/** How many are tried at once after others have been found to be held: a worker that comes late is not to ask for each. */
const mostAtOnce = 256;

/**
 * Gives out combinations one by one, to any number of processes, and remembers which are done: a run that was interrupted goes
 * on where it stopped. What a process held when it died is given out again.
 * @example
 * await using sweeper = new ParamSweeper('results/sweep', sweep({ size: [1, 10], tool: ['put', 'torrent'] }));
 * for await (const combination of sweeper) {
 *   await measure(combination);
 *   await sweeper.done(combination);
 * }
 */
export class ParamSweeper<C extends object> implements AsyncIterable<C>, AsyncDisposable {
  readonly store: SweepStore;
  readonly #items = new Map<string, Item<C>>();
  /** Those to try, in their order, from `#at` on. */
  #queue: Item<C>[] = [];
  #at = 0;
  #held = new Set<string>();
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /**
   * @param directory the folder that keeps what is done, or another store
   * @param sweeps the combinations, usually of `sweep()`; one that is there twice counts once
   */
  constructor(directory: string | SweepStore, sweeps: Iterable<C>) {
    if (typeof sweeps !== 'object' || sweeps === null || !(Symbol.iterator in sweeps))
      throw new InvalidArgument(`ParamSweeper: sweeps must be a list of combinations, not ${show(sweeps)}`);
    for (const combination of sweeps) {
      const key = hashOf(keyOf(combination));
      if (!this.#items.has(key)) this.#items.set(key, { key, combination, free: false });
    }
    const isStore = typeof directory === 'object' && directory !== null && 'claim' in directory;
    this.store = isStore ? directory : new FilesStore(directory);
  }

  /** Reads what is known. Everything else does so when it is needed. */
  async open(): Promise<this> {
    if (this.#closing) throw new InvalidArgument('ParamSweeper: it has been closed');
    await (this.#opening ??= this.#refresh().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    }));
    return this;
  }

  /**
   * Takes the next combination that is todo, in progress from now on; undefined when there is none. With a filter, the next
   * for which it returns true.
   */
  async getNext(filter?: (combination: C) => boolean): Promise<C | undefined> {
    return (await this.getNextBatch(1, filter))[0];
  }

  /** Takes up to `count` combinations. */
  async getNextBatch(count: number, filter: (combination: C) => boolean = () => true): Promise<C[]> {
    if (!(Number.isInteger(count) && count >= 1))
      throw new InvalidArgument(`getNextBatch(): the count must be a whole number ≥ 1, not ${show(count)}`);
    if (typeof filter !== 'function')
      throw new InvalidArgument(`getNext(): the filter must be a function, not ${show(filter)}`);
    await this.open();
    const got: C[] = [];
    let atOnce = 1;
    for (let refreshed = false; ; refreshed = true) {
      for (;;) {
        const tried = this.#take(Math.max(atOnce, count - got.length), filter);
        if (tried.length === 0) break;
        got.push(...(await this.#claim(tried, count - got.length, got)));
        if (got.length >= count) return got;
        atOnce = Math.min(atOnce * 4, mostAtOnce);
        // Many are held by others: it is quicker to look which.
        if (atOnce === mostAtOnce && !refreshed) break;
      }
      if (refreshed) return got;
      await this.#refresh();
    }
  }

  /** Takes the free ones that come next out of the queue. */
  #take(count: number, filter: (combination: C) => boolean): Item<C>[] {
    const taken: Item<C>[] = [];
    for (let i = this.#at; i < this.#queue.length && taken.length < count; i++) {
      const item = this.#queue[i] as Item<C>;
      if (item.free && filter(item.combination)) taken.push(item);
    }
    for (const item of taken) item.free = false;
    while (this.#queue[this.#at]?.free === false) this.#at++;
    return taken;
  }

  async #claim(items: readonly Item<C>[], count: number, before: readonly C[]): Promise<C[]> {
    let untried = items;
    try {
      const keys = items.map(({ key }) => key);
      const got = new Set(await this.store.claim(keys, count));
      for (const key of got) this.#held.add(key);
      const mine = items.filter(({ key }) => got.has(key));
      untried = got.size < count ? [] : items.slice(items.indexOf(mine.at(-1) as Item<C>) + 1);
      return mine.map(({ combination }) => combination);
    } catch (error) {
      // Nobody learns of those that were taken before.
      await Promise.allSettled(before.map((combination) => this.cancel(combination)));
      throw error;
    } finally {
      for (const item of untried) item.free = true;
      if (untried.length > 0) this.#at = 0;
    }
  }

  async #refresh(): Promise<void> {
    const known = await this.store.load();
    this.#queue = [];
    this.#at = 0;
    for (const item of this.#items.values()) {
      item.free = !known.has(item.key) && !this.#held.has(item.key);
      if (item.free) this.#queue.push(item);
    }
  }

  /**
   * The combination is done and is not given out again. False when it is not for this process to say: it is done or skipped
   * already, or another holds it. One that nobody holds may be said to be done, too.
   */
  done(combination: C): Promise<boolean> {
    return this.#end(combination, 'done');
  }

  /** The same, but it counts as skipped: it is not given out before `reset()`. */
  skip(combination: C): Promise<boolean> {
    return this.#end(combination, 'skipped');
  }

  /** Gives a combination back: it is todo again, after the others. False when this process does not hold it. */
  async cancel(combination: C): Promise<boolean> {
    const item = this.#itemOf(combination);
    await this.open();
    if (!this.#held.has(item.key)) return false;
    const given = await this.store.release(item.key);
    this.#held.delete(item.key);
    if (given) {
      item.free = true;
      this.#queue.push(item);
    }
    return given;
  }

  async #end(combination: C, state: 'done' | 'skipped'): Promise<boolean> {
    const item = this.#itemOf(combination);
    await this.open();
    if (!this.#held.has(item.key) && (await this.store.claim([item.key], 1)).length === 0) return false;
    item.free = false;
    // Held until the answer is there: a refresh meanwhile must not take it for one that is free.
    this.#held.add(item.key);
    const ended = await this.store.end(item.key, state);
    this.#held.delete(item.key);
    return ended;
  }

  /** Makes what was skipped todo again; and, when asked, what is done or in progress. */
  async reset(options: ResetOptions = {}): Promise<void> {
    checkOptions<ResetOptions>('reset()', options, { done: isBoolean, inProgress: isBoolean });
    await this.open();
    if (options.inProgress) this.#held.clear();
    await this.store.reset(options);
    await this.#refresh();
  }

  /** How many combinations are in each state, for all processes. What a dead process held is todo. */
  async stats(): Promise<SweepStats> {
    const stats = { total: this.#items.size, todo: 0, inProgress: 0, done: 0, skipped: 0 };
    for (const state of await this.#states()) stats[state === 'in progress' ? 'inProgress' : state]++;
    return stats;
  }

  /** The combinations that are in a state. */
  async list(state: CombinationState): Promise<C[]> {
    const states = await this.#states();
    return [...this.#items.values()].flatMap(({ combination }, i) =>
      states[i] === state ? [combination] : [],
    );
  }

  async #states(): Promise<CombinationState[]> {
    await this.open();
    const known = await this.store.load();
    return [...this.#items.keys()].map((key) => known.get(key) ?? 'todo');
  }

  #itemOf(combination: C): Item<C> {
    const item = this.#items.get(hashOf(keyOf(combination)));
    if (!item) throw new InvalidArgument(`ParamSweeper: ${show(combination)} is not one of the combinations`);
    return item;
  }

  /** Takes one combination after the other until none is todo, or it is closed. Each is to be ended by `done()`, `skip()` or `cancel()`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<C, void, undefined> {
    while (!this.#closing) {
      const next = await this.getNext();
      if (next === undefined) return;
      yield next;
    }
  }

  /** Gives back what is held, and lets go of the store. */
  close(): Promise<void> {
    return (this.#closing ??= this.store.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Short enough for a file's name, and never the same for two in practice. */
function hashOf(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 32);
}
