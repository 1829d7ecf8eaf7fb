import type { ConnectionParams } from '../host/index.js';
import {
  processOptionChecks,
  sshProcessOptionChecks,
  type ProcessOptions,
  type SshProcessOptions,
  type Vars,
} from '../process/index.js';
import {
  InvalidArgument,
  isAnything,
  isFunction,
  isPositive,
  isRecordOf,
  isString,
  type Check,
  type Duration,
} from '../util/index.js';
import type { ActionEvents } from './events.js';

/** Options of every kind of action. Durations are milliseconds or text such as `'10s'`. */
export interface ActionOptions {
  /** Shown in logs and reports. Default: the command, or what the action consists of. */
  name?: string;
  /**
   * Ends the whole action this long after its start: what runs is killed, what waits for its turn is never started, and
   * both count as timed out. Default: none.
   */
  actionTimeout?: Duration | false;
  /** Called at the events of that name, see {@link ActionEvents}. */
  on?: Partial<ActionEvents>;
}

/** Options of an action that runs commands: those of its processes, which each of them gets, and its own. */
export interface CommandActionOptions extends ActionOptions, Omit<ProcessOptions, 'name' | 'on'> {
  /**
   * How many processes run at the same time, at most; the next starts when one ends. The `timeout` of a process begins at its
   * own start. Default: no limit.
   */
  concurrency?: number;
  /** Values of `{{name}}` in commands that are strings or lists; process `i` gets element `i % length` of an array. */
  vars?: Vars;
}

/** Options of `Remote`. */
export interface RemoteOptions extends CommandActionOptions {
  /** How to reach the hosts; stronger than what the hosts themselves carry. */
  connectionParams?: ConnectionParams;
}

export const actionOptionChecks: { readonly [K in keyof Required<ActionOptions>]: Check } = {
  name: isString,
  // A bad duration is refused, with its own sentence, where it is parsed.
  actionTimeout: isAnything,
  on: isRecordOf(isFunction),
};
const commandChecks = { ...actionOptionChecks, concurrency: isPositive, vars: isAnything };

export const localOptionChecks: { readonly [K in keyof Required<CommandActionOptions>]: Check } = {
  ...processOptionChecks,
  ...commandChecks,
};
export const remoteOptionChecks: { readonly [K in keyof Required<RemoteOptions>]: Check } = {
  ...sshProcessOptionChecks,
  ...commandChecks,
};

const events: { readonly [K in keyof ActionEvents]: true } = {
  start: true,
  end: true,
  reset: true,
  processStart: true,
  processEnd: true,
  stdout: true,
  stderr: true,
  line: true,
};

/** Throws InvalidArgument for a name in `on` that is not an event. */
export function checkEvents(what: string, on: ActionOptions['on']): void {
  for (const name of Object.keys(on ?? {})) {
    if (!Object.hasOwn(events, name)) {
      throw new InvalidArgument(
        `${what}: option on: no event '${name}'; there are ${Object.keys(events).join(', ')}`,
      );
    }
  }
}

/** What is left for the processes when the action has taken its own options: one frozen object for all of them. */
export function processOptions(options: RemoteOptions): SshProcessOptions {
  const {
    name: _name,
    actionTimeout: _timeout,
    on: _on,
    concurrency: _concurrency,
    vars: _vars,
    ...rest
  } = options;
  return Object.freeze(rest);
}
