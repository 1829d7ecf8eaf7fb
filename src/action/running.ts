import type { Action } from './action.js';

/** All actions that run, for who has to end them or to tell of them. */
class RunningActions {
  readonly #running = new Set<Action>();
  readonly #watchers = new Set<(action: Action) => void>();

  get all(): ReadonlySet<Action> {
    return this.#running;
  }

  add(action: Action): void {
    this.#running.add(action);
    for (const watcher of this.#watchers) watcher(action);
  }
  delete(action: Action): void {
    this.#running.delete(action);
  }

  /** Tells of every action that starts, until the function that it returns is called. */
  watch(watcher: (action: Action) => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }
}

export const runningActions = new RunningActions();
