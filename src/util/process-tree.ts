import { randomBytes } from 'node:crypto';

/**
 * The environment variable by which processes are known to belong together. A child that leaves its process group and
 * session (`setsid`) still carries it, so that a kill finds it, and a reused process id never does.
 */
export const treeVariable = 'ROOKERY_ID';

/** A new value for {@link treeVariable}, or a prefix of several. Not a secret. */
export function newTreeId(): string {
  return randomBytes(8).toString('hex');
}

/** One process of a machine, as far as its tree is concerned. */
export interface ProcessEntry {
  readonly pid: number;
  readonly ppid: number;
  readonly pgid: number;
  readonly zombie: boolean;
  /** Value of {@link treeVariable}, where it can be read. */
  readonly id: string | undefined;
}

/**
 * The living processes of one tree: those that carry its id, the group of its leader, and all descendants of both.
 * Zombies are dead. `leader` is left out once it may have been reused.
 */
export function treeMembers(all: readonly ProcessEntry[], id: string, leader: number | undefined): number[] {
  const children = new Map<number, ProcessEntry[]>();
  for (const entry of all) {
    const siblings = children.get(entry.ppid);
    if (siblings) siblings.push(entry);
    else children.set(entry.ppid, [entry]);
  }
  const members = new Map<number, ProcessEntry>();
  const add = (entry: ProcessEntry) => {
    if (members.has(entry.pid)) return;
    members.set(entry.pid, entry);
    for (const child of children.get(entry.pid) ?? []) add(child);
  };
  for (const entry of all) {
    if (entry.id === id || (leader !== undefined && (entry.pgid === leader || entry.pid === leader)))
      add(entry);
  }
  return [...members.values()].filter((entry) => !entry.zombie).map((entry) => entry.pid);
}

/** Reads lines of `ps -A -o pid=,ppid=,pgid=,stat=`. */
export function parsePs(text: string, ids: ReadonlyMap<number, string>): ProcessEntry[] {
  const entries: ProcessEntry[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S)/.exec(line);
    if (!match) continue;
    const pid = Number(match[1]);
    entries.push({
      pid,
      ppid: Number(match[2]),
      pgid: Number(match[3]),
      zombie: match[4] === 'Z',
      id: ids.get(pid),
    });
  }
  return entries;
}
