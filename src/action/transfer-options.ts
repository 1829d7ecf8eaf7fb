import { sshProcessOptionChecks, type SshProcessOptions, type Vars } from '../process/index.js';
import type { Verification } from '../transfer/index.js';
import { InvalidArgument, isAnything, isPositive, show, type Check } from '../util/index.js';
import { actionOptionChecks, type ActionOptions } from './options.js';

/** Options of what copies files. */
export interface TransferOptions
  extends ActionOptions, Omit<SshProcessOptions, 'name' | 'on' | 'stdin' | 'pty' | 'shell' | 'cwd'> {
  /** How many hosts are served at the same time, at most. Default: no limit. */
  concurrency?: number;
  /** Values of `{{name}}` in the paths; host `i` gets element `i % length` of an array. */
  vars?: Vars;
  /**
   * What is checked before anything is put in its place: the number of files and their sizes (`'size'`, the default), the
   * SHA-256 digest of each file, or nothing (`false`).
   */
  verify?: Verification;
}

const { stdin: _stdin, pty: _pty, shell: _shell, cwd: _cwd, ...processChecks } = sshProcessOptionChecks;
export const transferChecks: { readonly [K in keyof Required<TransferOptions>]: Check } = {
  ...processChecks,
  ...actionOptionChecks,
  concurrency: isPositive,
  vars: isAnything,
  verify: (v) => (v === false || v === 'size' || v === 'sha256' ? undefined : "'size', 'sha256' or false"),
};

/** One path or several; none may be empty. */
export function toPaths(what: string, given: string | readonly string[]): readonly string[] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (list.length === 0) throw new InvalidArgument(`${what}: there must be one path at least`);
  for (const path of list) {
    if (typeof path !== 'string' || path === '' || path.includes('\0'))
      throw new InvalidArgument(`${what} must be a path or a list of paths, not ${show(path)}`);
  }
  return list as readonly string[];
}

/** Remote paths are relative to the home folder anyway, and nothing on the way expands a `~`. */
export function homeless(path: string): string {
  return path === '~' ? '.' : path.startsWith('~/') ? path.slice(2) || '.' : path;
}
