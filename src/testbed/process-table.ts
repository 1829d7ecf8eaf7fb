import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { RookeryError } from '../util/index.js';
import { markVariable } from './endpoints.js';

/** A live process that was started on a host of a testbed. */
export interface TestbedProcess {
  readonly pid: number;
  readonly ppid: number;
  readonly pgid: number;
  /** One letter, as in proc(5): R running, S sleeping, T stopped, … never Z or X. */
  readonly state: string;
  /** The words of the command line, with spaces between them. */
  readonly command: string;
  /** Address of the host, when the process still knows it. */
  readonly host: string | undefined;
}

interface Entry {
  readonly pid: number;
  readonly ppid: number;
  readonly pgid: number;
  readonly state: string;
  readonly name: string;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined; // It has ended since, or belongs to someone else.
  }
}

function entries(): Entry[] {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch (cause) {
    throw new RookeryError(
      'ERR_TESTBED',
      'the processes of a testbed can only be listed where /proc exists',
      { cause },
    );
  }
  return names.flatMap((name) => {
    const stat = /^\d+$/.test(name) ? read(`/proc/${name}/stat`) : undefined;
    // The name of the program may hold anything, also parentheses: proc(5).
    const fields = stat && /^(\d+) \((.*)\) (\S) (\d+) (\d+)/s.exec(stat);
    if (!fields) return [];
    const [, pid, program = '', state = '', ppid, pgid] = fields;
    return [{ pid: Number(pid), ppid: Number(ppid), pgid: Number(pgid), state, name: program }];
  });
}

/** The live processes whose environment carries the mark of testbed `id`. */
export async function markedProcesses(id: string): Promise<TestbedProcess[]> {
  const found: TestbedProcess[] = [];
  let unclear = entries();
  for (let looks = 0; looks < 5 && unclear.length > 0; looks++) {
    // A process within execve() shows no environment for a moment. Kernel threads, below number 2, never have one.
    if (looks > 0) await nextTurn();
    unclear = unclear.filter(({ pid, ppid, pgid, state }) => {
      const environment = read(`/proc/${pid}/environ`)?.split('\0');
      if (environment?.includes(`${markVariable}=${id}`) && state !== 'Z' && state !== 'X') {
        const command = read(`/proc/${pid}/cmdline`)?.split('\0').join(' ').trim() ?? '';
        const connection = environment.find((variable) => variable.startsWith('SSH_CONNECTION='));
        found.push({ pid, ppid, pgid, state, command, host: connection?.split(' ')[2] });
      }
      return environment?.length === 1 && environment[0] === '' && state !== 'Z' && ppid !== 2 && pid !== 2;
    });
  }
  return found;
}

/** Processes named like `name` below any of `roots`, which themselves are not among them. */
export function descendantsNamed(name: RegExp, roots: readonly number[]): number[] {
  const below = new Set(roots);
  const table = entries();
  for (let before = 0; before !== below.size;) {
    before = below.size;
    for (const entry of table) if (below.has(entry.ppid)) below.add(entry.pid);
  }
  return table
    .filter(
      (entry) =>
        below.has(entry.pid) && !roots.includes(entry.pid) && entry.state !== 'Z' && name.test(entry.name),
    )
    .map((entry) => entry.pid);
}

/** Those of `pids` that hold an established TCP connection to `port` of `address` (IPv4), by /proc/net/tcp. */
export function holdersOf(
  pids: readonly number[],
  { address, port }: { address: string; port: number },
): number[] {
  // The table shows addresses as numbers in the byte order of the machine, ports as plain hexadecimal.
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  const local =
    `${(littleEndian ? bytes.reverse() : bytes).join('')}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
  const inodes = new Set(
    (read('/proc/net/tcp') ?? '')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[1] === local && fields[3] === established)
      .map((fields) => `socket:[${fields[9]}]`),
  );
  return pids.filter((pid) => openFiles(pid).some((file) => inodes.has(file)));
}

const established = '01';
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
