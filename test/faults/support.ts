import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessBase } from 'rookery';

/** Failures are what is tested here: they need no warnings. */
export const quiet = {
  ...{ logExitCode: false, logTimeout: false, logError: false, logExpectFail: false, logWriteError: false },
};
export const transports = ['ssh2', 'openssh'] as const;

let tags = 0;
/** A number of seconds to sleep by which a process is told from all others of this machine. */
export function uniqueSleep(): string {
  return `${1000 + process.pid}.${Date.now() % 1_000_000}${++tags}`;
}

/** Processes that live and have the text on their command line. A testbed's hosts are this machine; a zombie is dead. */
export function living(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').includes(text) &&
          isAlive(Number(pid))
        );
      } catch {
        return false;
      }
    })
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

/** Looks again and again until it is so; fails after 30 s. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  limit = 30_000,
): Promise<void> {
  const end = performance.now() + limit;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`after ${limit} ms not yet so: ${what}`);
    await sleep(20);
  }
}

/** All that says how a process ended. */
export function outcome(p: ProcessBase): Record<string, unknown> {
  const { exitCode, signal, error, timedOut, killed, reason, ok } = p;
  return { exitCode, signal, code: error?.code, timedOut, killed, reason, ok };
}
