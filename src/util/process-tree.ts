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
  /** When it started, in ticks since the boot: with the number it names a process for ever. Undefined where it cannot be told. */
  readonly start: number | undefined;
  /** Value of {@link treeVariable}, where it can be read. */
  readonly id: string | undefined;
}

/**
 * The processes of one tree: those that carry its id, the group of its leader, what was seen of it before, and all
 * descendants of these. What was seen is remembered because a process without our id (`env -i`, `sudo`, a daemon that writes
 * over its environment) belongs to the tree only by its parent or its group, and both may end before it.
 */
export class ProcessTree {
  readonly #id: string;
  #leader: number | undefined;
  #seen = new Map<number, number>();

  constructor(id: string, leader: number | undefined) {
    this.#id = id;
    this.#leader = leader;
  }

  /** From now on the number of the leader may belong to somebody else. */
  leaderEnded(): void {
    this.#leader = undefined;
  }

  /** Process ids of those that live. Zombies are dead. */
  living(all: readonly ProcessEntry[]): number[] {
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
    for (const entry of all) if (this.#isMember(entry)) add(entry);
    const living = [...members.values()].filter((entry) => !entry.zombie);
    this.#seen = new Map(
      living.flatMap(({ pid, start }) => (start === undefined ? [] : [[pid, start] as const])),
    );
    return living.map((entry) => entry.pid);
  }

  #isMember({ id, pid, pgid, start }: ProcessEntry): boolean {
    if (id === this.#id) return true;
    if (this.#leader !== undefined && (pgid === this.#leader || pid === this.#leader)) return true;
    return start !== undefined && this.#seen.get(pid) === start;
  }
}

/** Reads lines of `ps -A -o pid=,ppid=,pgid=,stat=`. */
export function parsePs(text: string): ProcessEntry[] {
  return [...text.matchAll(/^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S)/gm)].map(([, pid, ppid, pgid, state]) => ({
    pid: Number(pid),
    ppid: Number(ppid),
    pgid: Number(pgid),
    zombie: state === 'Z',
    start: undefined,
    id: undefined,
  }));
}

/** `pid (name) state ppid pgid`, 16 more fields and the start; the name may hold anything (proc(5)). */
const statLine = /^(\d+) \(.{0,64}?\) ([A-Za-z]) (\d+) (\d+) (?:-?\d+ ){16}(\d+)/gms;

/** Reads the text of `/proc/PID/stat`, of one process or of several. */
export function parseStat(text: string): ProcessEntry[] {
  return [...text.matchAll(statLine)].map(([, pid, state, ppid, pgid, start]) => ({
    pid: Number(pid),
    ppid: Number(ppid),
    pgid: Number(pgid),
    zombie: state === 'Z' || state === 'X',
    start: Number(start),
    id: undefined,
  }));
}
