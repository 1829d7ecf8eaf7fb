/** Where a combination stands. */
export type CombinationState = 'todo' | 'in progress' | 'done' | 'skipped';

/** Which combinations `reset()` makes todo, besides those that were skipped. */
export interface ResetOptions {
  /** Also those that are done: everything begins anew. Ask for it while nobody works. Default false. */
  done?: boolean;
  /** Also those in progress: who holds one finds that it is no longer his. Default false. */
  inProgress?: boolean;
}

/**
 * Where it is kept who does which combination and what has been done. Many stores, in many processes, share what they keep; each
 * is an owner of its own. A combination is known by its key, and is todo unless something else is known.
 */
export interface SweepStore {
  /** What is known, of all keys that are not todo. What a dead owner held is todo. */
  load(): Promise<Map<string, Exclude<CombinationState, 'todo'>>>;
  /**
   * Takes up to `count` of the keys for this owner, trying them in their order, and returns those that it got. No key is
   * ever given to two living owners.
   */
  claim(keys: readonly string[], count: number): Promise<string[]>;
  /** Ends a key that this owner holds. False when it no longer does; nothing is changed then. */
  end(key: string, state: 'done' | 'skipped'): Promise<boolean>;
  /** Makes a key that this owner holds todo again. False when it no longer holds it. */
  release(key: string): Promise<boolean>;
  reset(options: ResetOptions): Promise<void>;
  /** Lets go of files, timers and connections. Keys that are still held become todo as those of a dead owner do. */
  close(): Promise<void>;
}
