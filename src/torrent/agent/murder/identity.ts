import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What names one process of one machine for ever: its number alone will be given to others. */
export interface Identity {
  readonly pid: number;
  /** When it started, as the system tells it. */
  readonly started: string;
  /** Which run of which machine this is: several may share the folder that the record lies in. */
  readonly boot: string;
}

/** SIGKILL follows a SIGTERM that has not ended a role after this long; ms. */
const patience = 5000;
const lookAgain = 25;

export function identify(pid: number): Identity {
  return { pid, started: startOf(pid) ?? '', boot: bootId() };
}

/** True when that very process lives. */
export function isSame({ pid, started, boot }: Identity): boolean {
  return boot === bootId() && started !== '' && startOf(pid) === started;
}

/** Ends a process, and resolves when it is gone; never touches another one that has got its number. */
export async function end(identity: Identity): Promise<void> {
  let signal: NodeJS.Signals = 'SIGTERM';
  for (let passed = 0; isSame(identity); passed += lookAgain) {
    if (passed === 0 || passed === patience) send(identity, signal);
    if (passed === patience - lookAgain) signal = 'SIGKILL';
    await sleep(lookAgain);
  }
}

function send({ pid }: Identity, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
    // One that was stopped takes no signal but SIGKILL before it goes on.
    if (signal === 'SIGTERM') process.kill(pid, 'SIGCONT');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Undefined for one that does not live; a zombie is dead. */
function startOf(pid: number): string | undefined {
  if (process.platform !== 'linux') {
    const told = ask('ps', '-o', 'stat=', '-o', 'lstart=', '-p', String(pid)) ?? '';
    return told === '' || told.startsWith('Z') ? undefined : told.replace(/^\S+\s+/, '');
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name of the program, in parentheses, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return /^[ZX]/.test(fields[0] as string) ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return ask('sysctl', '-n', 'kern.boottime') ?? 'unknown';
  }
}

function ask(program: string, ...words: string[]): string | undefined {
  try {
    const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
    return execFileSync(program, words, { encoding: 'utf8', stdio }).trim();
  } catch {
    return undefined;
  }
}
