import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import pLimit from 'p-limit';
import { newTreeId, parsePs, parseStat, ProcessTree, treeVariable } from '../util/index.js';
import type { ProcessEntry } from '../util/index.js';
import type { Ending, Launched } from './launcher.js';
import type { ResolvedOptions } from './options.js';

/** Each look opens two files for every process of the machine, which may be more than there are descriptors. */
const fewAtOnce = pLimit(16);
let upcoming: Promise<ProcessEntry[]> | undefined;

/** All processes of this machine. Calls of one turn of the event loop share one look: a thousand kills cost one. */
export function localProcesses(): Promise<ProcessEntry[]> {
  upcoming ??= new Promise<ProcessEntry[]>((resolve) => {
    setImmediate(() => {
      upcoming = undefined;
      void look().then(resolve, () => resolve([]));
    });
  });
  return upcoming;
}

async function look(): Promise<ProcessEntry[]> {
  const names = await readdir('/proc').catch(() => undefined);
  if (!names) {
    const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,pgid=,stat=']);
    return parsePs(stdout);
  }
  const entries = await Promise.all(
    names.filter((name) => /^\d/.test(name)).map((name) => fewAtOnce(() => readEntry(name))),
  );
  return entries.filter((entry) => entry !== undefined);
}

async function readEntry(name: string): Promise<ProcessEntry | undefined> {
  try {
    const [entry] = parseStat(await readFile(`/proc/${name}/stat`, 'latin1'));
    // Unreadable for other users' processes: those are found by their group and their parents.
    const environ = await readFile(`/proc/${name}/environ`, 'latin1').catch(() => '');
    const at = `\0${environ}`.indexOf(`\0${treeVariable}=`);
    const id = at < 0 ? undefined : environ.slice(at + treeVariable.length + 1, endOf(environ, at));
    return entry && { ...entry, id };
  } catch {
    return undefined; // It ended meanwhile.
  }
}

function endOf(environ: string, at: number): number {
  const end = environ.indexOf('\0', at);
  return end < 0 ? environ.length : end;
}

/** Process group leaders that run and must not outlive this program. */
const leaders = new Set<number>();
const ours = newTreeId();
let count = 0;

/** The tree id of a new local process; one that is detached does not carry the mark of this program. */
export function newLocalId(detached: boolean): string {
  if (detached) return newTreeId();
  if (count++ === 0) process.on('exit', endLocalTrees);
  return `${ours}.${count}`;
}

/** When this program leaves, by whatever way runs 'exit' handlers, what it started here goes with it. */
function endLocalTrees(): void {
  for (const leader of leaders) sendKill(-leader);
  let names: string[] = [];
  try {
    names = readdirSync('/proc').filter((name) => /^\d/.test(name));
  } catch {
    // No /proc: the groups must do.
  }
  const mark = `\0${treeVariable}=${ours}.`;
  for (const name of names) {
    try {
      if (`\0${readFileSync(`/proc/${name}/environ`, 'latin1')}`.includes(mark)) sendKill(Number(name));
    } catch {
      // Not ours to read, so not ours.
    }
  }
}

function sendKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

/** The part of {@link Launched} that finds and signals the tree of a local process. */
export function localTree(
  pid: number,
  id: string,
  exited: Promise<Ending>,
  options: ResolvedOptions,
): Pick<Launched, 'signal' | 'survivors'> {
  const tree = new ProcessTree(id, pid);
  if (!options.detached) leaders.add(pid);
  void exited.then(() => {
    tree.leaderEnded();
    leaders.delete(pid);
  });
  const members = async () => tree.living(await localProcesses());
  return {
    survivors: members,
    signal: async (name) => {
      for (const member of await members()) sendSignal(member, name);
    },
  };
}

function sendSignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended meanwhile, or is another user's: then it is seen among the survivors.
  }
}
