import { foldHosts, type Host } from '../host/index.js';
import { failureKind, type ProcessBase } from '../process/index.js';
import { formatDuration, show } from '../util/index.js';
import type { Action } from './action.js';

/** The processes that are not ok, by the kind of failure; the most frequent kind first. */
export function failuresByKind(processes: readonly ProcessBase[]): Map<string, ProcessBase[]> {
  const kinds = new Map<string, ProcessBase[]>();
  for (const process of processes) {
    if (process.ok) continue;
    const kind = failureKind(process) ?? 'failed';
    const group = kinds.get(kind);
    if (group) group.push(process);
    else kinds.set(kind, [process]);
  }
  return new Map([...kinds].sort(([, a], [, b]) => b.length - a.length));
}

/** Names processes in a few words: a folded host list, and the names of local ones. */
export function nameProcesses(processes: readonly ProcessBase[]): string {
  const hosts: Host[] = [];
  const local: string[] = [];
  for (const process of processes) {
    if (process.host) hosts.push(process.host);
    else local.push(show(process.name));
  }
  const shown = local.slice(0, 3).join(', ') + (local.length > 3 ? ` and ${local.length - 3} more` : '');
  return [foldHosts(hosts), shown].filter((text) => text !== '').join(', ');
}

/** One line on what it is and where it stands. */
export function describeAction(action: Action): string {
  const { processes } = action;
  const where = action.hosts.length > 0 ? ` on ${foldHosts(action.hosts)}` : '';
  const parts = [`${processes.length} ${processes.length === 1 ? 'process' : 'processes'}`];
  const running = processes.filter((p) => p.running).length;
  if (running > 0) parts.push(`${running} running`);
  if (action.started) parts.push(`${processes.filter((p) => p.finishedOk).length} ok`);
  for (const [kind, group] of failuresByKind(processes)) {
    parts.push(`${group.length} ${kind}${action.hosts.length > 0 ? ` (${nameProcesses(group)})` : ''}`);
  }
  return `${action.constructor.name} ${show(action.name)}${where}: ${standing(action)}: ${parts.join(', ')}`;
}

function standing(action: Action): string {
  if (action.state === 'created') return 'not started';
  const how = action.timedOut ? 'timeout' : action.killed ? 'killed' : 'ended';
  if (!action.startDate) return `${how} before it was started`;
  const length = formatDuration((action.endDate?.getTime() ?? Date.now()) - action.startDate.getTime());
  return action.running ? `running for ${length}` : `${how} in ${length}`;
}

/** The whole of it for people. */
export function dumpAction(action: Action): string {
  return [action.toString(), ...action.processes.map((p) => p.dump().replaceAll(/^/gm, '  '))].join('\n');
}
