import { spawnSync } from 'node:child_process';
import type { TestbedOptions } from '../../src/testbed/index.js';

/** The backends that can be tested here. Under CI, a missing one is a failure. */
export const backends: { name: 'embedded' | 'sshd'; skip: string | false }[] = [
  { name: 'embedded', skip: false },
  { name: 'sshd', skip: missing('/usr/sbin/sshd', '-V') },
];

export const noSshBinary = missing('ssh', '-V');

function missing(program: string, argument: string): string | false {
  if (process.env['CI'] || !spawnSync(program, [argument]).error) return false;
  return `${program} is not installed`;
}

/** The options with which a backend allows `n` sessions per connection. */
export function maxSessions(backend: 'embedded' | 'sshd', n: number): TestbedOptions {
  return backend === 'embedded' ? { embedded: { maxSessions: n } } : { sshdOptions: { MaxSessions: n } };
}
