import { readFileSync } from 'node:fs';

/** The most memory that this process has had resident, in bytes (proc(5), VmHWM). */
export function peak(): number {
  return Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
}
