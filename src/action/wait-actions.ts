import { toHosts, type Host, type HostListItem } from '../host/index.js';
import { InvalidArgument, longestTimer, optionalDuration, type Duration } from '../util/index.js';
import { Action } from './action.js';
import { checkActions } from './composite.js';

/** Options of {@link waitAnyActions} and {@link waitAllActions}. */
export interface WaitActionsOptions {
  /** How long to wait at most. Default: no limit. */
  timeout?: Duration;
}

/**
 * Waits until at least one of some started actions has ended, and resolves with those that have, in the order given; with an empty
 * list if none has within `timeout`, or if there are none.
 */
export function waitAnyActions<A extends Action>(
  actions: readonly A[],
  options: WaitActionsOptions = {},
): Promise<A[]> {
  return waitActions('waitAnyActions()', actions, options, (waits) => Promise.race(waits));
}

/**
 * Waits until all of some started actions have ended, and resolves with those that have, in the order given: all of them, unless
 * `timeout` has passed.
 */
export function waitAllActions<A extends Action>(
  actions: readonly A[],
  options: WaitActionsOptions = {},
): Promise<A[]> {
  return waitActions('waitAllActions()', actions, options, (waits) => Promise.all(waits));
}

async function waitActions<A extends Action>(
  what: string,
  actions: readonly A[],
  options: WaitActionsOptions,
  combine: (waits: Promise<A>[]) => Promise<unknown>,
): Promise<A[]> {
  checkActions(what, actions);
  const timeout = optionalDuration(options.timeout, `${what}: timeout`);
  const idle = actions.find((action) => action.state === 'created');
  if (idle) throw new InvalidArgument(`${what}: ${idle.name} was not started`);
  if (actions.length === 0) return [];
  const races: Promise<unknown>[] = [combine(actions.map((action) => action.wait()))];
  let timer: NodeJS.Timeout | undefined;
  if (timeout !== undefined) {
    races.push(
      new Promise<void>((resolve) => (timer = setTimeout(resolve, Math.min(timeout, longestTimer)))),
    );
  }
  await Promise.race(races);
  clearTimeout(timer);
  return actions.filter((action) => action.ended);
}

/**
 * The hosts none of whose processes in these actions has failed. Without `hosts`, of all hosts of the actions, each once; with it,
 * of those hosts, also when no process ran there.
 */
export function filterBadHosts(actions: Action | readonly Action[], hosts?: HostListItem): Host[] {
  const list: readonly Action[] = actions instanceof Action ? [actions] : actions;
  checkActions('filterBadHosts()', list);
  const bad = new Set<string>();
  for (const action of list) {
    for (const process of action.processes) if (process.host && !process.ok) bad.add(process.host.toString());
  }
  const all = hosts === undefined ? list.flatMap((action) => action.hosts) : toHosts(hosts);
  const kept = new Map<string, Host>();
  for (const host of all) if (!bad.has(host.toString())) kept.set(host.toString(), host);
  return [...kept.values()];
}
