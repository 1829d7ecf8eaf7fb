import { actionOptionChecks, type ActionOptions } from '../action/index.js';
import type { HostLike } from '../host/index.js';
import { sshProcessOptionChecks, type SshProcessOptions, type Vars } from '../process/index.js';
import { engines, type Engine } from './control.js';
import { isAnything, isBoolean, isOneOf, isString, type Check } from '../util/index.js';

export type EngineChoice = Engine | 'auto';

/** Options of `TorrentPut`. */
export interface TorrentPutOptions
  extends
    ActionOptions,
    Omit<SshProcessOptions, 'name' | 'on' | 'stdin' | 'pty' | 'shell' | 'cwd' | 'detached'> {
  /** A host on which the files lie and from which they are sent; `localFiles` are its files then. Default: this machine. */
  seeder?: HostLike;
  /**
   * What has arrived before an interruption or failure stays in a folder `.rookery-torrent-…` beside the destination, and the
   * next run with this option fetches only what is missing. Default false: nothing stays.
   */
  resume?: boolean;
  /**
   * What is the peer on each host: our agent (needs Node ≥ 18 there), `'aria2c'`, `'transmission-cli'`, or `'auto'`, the first of
   * these that is there. Host `i` gets element `i % length` of an array. They mix in one swarm; stock clients are slower, know
   * nothing of `resume` and `previous`, and must be able to reach the tracker, which is here. Default `'agent'`.
   */
  engine?: EngineChoice | readonly EngineChoice[];
  /** Values of `{{name}}` in the remote location and in `previous`; host `i` gets element `i % length` of an array. */
  vars?: Vars;
  /** Where an earlier version of the files lies on each host: pieces that are the same are taken from there. Default: none. */
  previous?: string;
}

const {
  stdin: _stdin,
  pty: _pty,
  shell: _shell,
  cwd: _cwd,
  detached: _detached,
  ...processChecks
} = sshProcessOptionChecks;
const isEngine = isOneOf(...engines, 'auto');

export const torrentPutChecks: { readonly [K in keyof Required<TorrentPutOptions>]: Check } = {
  ...processChecks,
  ...actionOptionChecks,
  seeder: isAnything,
  engine: (value) =>
    (Array.isArray(value) && value.length > 0 ? value : [value])
      .map(isEngine)
      .find((wish) => wish !== undefined),
  resume: isBoolean,
  vars: isAnything,
  previous: isString,
};

/** Remote paths are relative to the home folder anyway. */
export function homeless(path: string): string {
  return path === '~' ? '.' : path.replace(/^~\/+(?=.)/, '');
}
