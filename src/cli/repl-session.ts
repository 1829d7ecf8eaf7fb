import type { Action } from '../action/index.js';
import { runningActions } from '../action/index.js';
import type { ProcessBase } from '../process/index.js';
import { registry } from '../process/index.js';

/** What was run that is remembered; more would keep the outputs of a long session in memory. */
const remembered = 500;

/** What is run in a session: remembers what somebody started, as opposed to what is part of that. */
export class Session implements Disposable {
  readonly #owned = new WeakSet<object>();
  readonly #started: (Action | ProcessBase)[] = [];
  readonly #unwatch: readonly (() => void)[];

  constructor() {
    this.#unwatch = [
      runningActions.watch((action) => this.#onAction(action)),
      registry.watch((process) => this.#onProcess(process)),
    ];
  }

  /** The actions and processes that were run, the oldest first. */
  get started(): readonly (Action | ProcessBase)[] {
    return this.#started;
  }
  get last(): Action | ProcessBase | undefined {
    return this.#started.at(-1);
  }

  /** Ends what runs: actions first, so that they start nothing more. Resolves with the number of processes that were ended. */
  async killAll(): Promise<number> {
    const processes = [...registry.running];
    const actions = [...runningActions.all];
    for (const action of actions) action.kill();
    await Promise.all([registry.killAll(), ...actions.map((action) => action.wait())]);
    return processes.length;
  }

  get busy(): boolean {
    return registry.running.size > 0 || runningActions.all.size > 0;
  }

  [Symbol.dispose](): void {
    for (const unwatch of this.#unwatch) unwatch();
  }

  #onAction(action: Action): void {
    if (!this.#owned.has(action)) this.#remember(action);
    this.#own(action);
  }
  #own(action: Action): void {
    for (const process of action.processes) this.#owned.add(process);
    for (const child of action.children) {
      this.#owned.add(child);
      this.#own(child);
    }
  }
  #onProcess(process: ProcessBase): void {
    if (this.#owned.has(process)) return;
    // One that an action made after its start, or that serves one without being counted.
    for (const action of runningActions.all) if (action.processes.includes(process)) return;
    this.#remember(process);
  }
  #remember(what: Action | ProcessBase): void {
    const before = this.#started.indexOf(what);
    if (before >= 0) this.#started.splice(before, 1);
    this.#started.push(what);
    if (this.#started.length > remembered) this.#started.shift();
  }
}
