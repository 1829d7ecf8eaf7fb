import { checkOptions, InvalidArgument, show } from '../util/index.js';
import { Action } from './action.js';
import { actionOptionChecks, type ActionOptions } from './options.js';

/** Checks what an action of actions is given. */
export function checkParts(
  what: string,
  actions: unknown,
  options: ActionOptions,
): asserts actions is readonly Action[] {
  checkOptions(what, options, actionOptionChecks);
  checkActions(what, actions);
  const twice = actions.find((action, i) => actions.indexOf(action) !== i);
  if (twice)
    throw new InvalidArgument(
      `${what}: ${show(twice.name)} is listed twice; an action can run once at a time`,
    );
}

/** Throws InvalidArgument unless the value is a list of actions. */
export function checkActions(what: string, actions: unknown): asserts actions is readonly Action[] {
  if (!Array.isArray(actions))
    throw new InvalidArgument(`${what} takes a list of actions, not ${show(actions)}`);
  const wrong = actions.findIndex((action) => !(action instanceof Action));
  if (wrong >= 0)
    throw new InvalidArgument(`${what}: element ${wrong} is not an action: ${show(actions[wrong])}`);
}

/** Several actions at the same time. It ends when the last of them does. */
export class ParallelActions extends Action {
  constructor(actions: readonly Action[], options: ActionOptions = {}) {
    checkParts('new ParallelActions()', actions, options);
    super(`${actions.length} actions in parallel`, options, [...actions]);
  }

  protected override async execute(): Promise<void> {
    if (this.stopReason !== undefined) return;
    for (const child of this.children) child.start();
    await Promise.all(this.children.map((child) => child.wait()));
  }
}

/** Several actions, one after the other, whether they succeed or not. A kill or timeout ends the one that runs and the rest. */
export class SequentialActions extends Action {
  constructor(actions: readonly Action[], options: ActionOptions = {}) {
    checkParts('new SequentialActions()', actions, options);
    super(`${actions.length} actions in sequence`, options, [...actions]);
  }

  protected override async execute(): Promise<void> {
    for (const child of this.children) {
      if (this.stopReason !== undefined) return;
      await child.run();
    }
  }
}
