import { checkConnectionParams, toHosts, type HostListItem } from '../host/index.js';
import {
  checkVars,
  expandPlaceholders,
  sshProcessOptionChecks,
  type SshProcessOptions,
  type Vars,
} from '../process/index.js';
import { PutPlan, PutProcess, type Verification } from '../transfer/index.js';
import { checkOptions, InvalidArgument, isAnything, isPositive, show, type Check } from '../util/index.js';
import { Action } from './action.js';
import { actionOptionChecks, processOptions, type ActionOptions } from './options.js';
import { runWindow } from './window.js';

/** Options of `Put`. */
export interface PutOptions
  extends ActionOptions, Omit<SshProcessOptions, 'name' | 'on' | 'stdin' | 'pty' | 'shell'> {
  /** How many hosts are sent to at the same time, at most. Default: no limit. */
  concurrency?: number;
  /** Values of `{{name}}` in the paths; host `i` gets element `i % length` of an array. */
  vars?: Vars;
  /**
   * What is checked on the host before anything is put in its place: the number of files and their sizes (default), the
   * SHA-256 digest of each file, or nothing.
   */
  verify?: Verification;
}

const { stdin: _stdin, pty: _pty, shell: _shell, ...processChecks } = sshProcessOptionChecks;
const checks: { readonly [K in keyof Required<PutOptions>]: Check } = {
  ...processChecks,
  ...actionOptionChecks,
  concurrency: isPositive,
  vars: isAnything,
  verify: (v) => (v === false || v === 'size' || v === 'sha256' ? undefined : "'size', 'sha256' or false"),
};

/**
 * Copies files and folders to many hosts: one stream for each over its pooled connection, each file read from disk once for
 * all hosts that keep pace. A single file or folder gets the name `remoteLocation`, unless that is a folder or ends with
 * `/`; otherwise everything goes into it. Every file is put in its place by a rename, when all have arrived and are verified.
 *
 * @example
 * await new Put(hosts, ['build/app', 'config/{{{host}}}.json'], '/srv/app/').run();
 */
export class Put extends Action {
  readonly #concurrency: number;
  readonly #verify: Verification;
  #plan: PutPlan;

  constructor(
    hosts: HostListItem,
    localFiles: string | readonly string[],
    remoteLocation = '.',
    options: PutOptions = {},
  ) {
    checkOptions('new Put()', options, checks);
    if (options.connectionParams) checkConnectionParams(options.connectionParams);
    const files = toPaths('new Put(): localFiles', localFiles);
    const [location] = toPaths('new Put(): remoteLocation', remoteLocation) as [string];
    super(options.name ?? `put ${files.join(' ')} to ${location}`, options);
    const vars = options.vars ?? {};
    checkVars(vars, 'new Put(): option vars');
    this.#concurrency = options.concurrency ?? Infinity;
    this.#verify = options.verify ?? 'size';
    this.#plan = new PutPlan(this.#verify);
    const { verify: _verify, ...own } = processOptions(options) as PutOptions;
    const shared = Object.freeze(own) as SshProcessOptions;
    toHosts(hosts).forEach((host, index) => {
      const fill = (text: string) => expandPlaceholders(text, { host, index, vars });
      const task = {
        host,
        files: files.map(fill),
        destination: homeless(fill(location)),
        verify: this.#verify,
      };
      this.adopt(new PutProcess({ ...task, plan: () => this.#plan }, shared));
    });
  }

  override get processes(): readonly PutProcess[] {
    return this.ownProcesses as PutProcess[];
  }

  protected override execute(): Promise<void> {
    this.#plan = new PutPlan(this.#verify);
    return runWindow(this.ownProcesses, this.#concurrency, () => this.stopReason !== undefined);
  }
}

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
