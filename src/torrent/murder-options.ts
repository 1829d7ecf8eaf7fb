import { toHosts, type Host, type HostListItem } from '../host/index.js';
import { sshProcessOptionChecks, type SshProcessOptions, type Vars } from '../process/index.js';
import {
  checkOptions,
  InvalidArgument,
  isAnything,
  isBoolean,
  isString,
  parseDuration,
  show,
  type Check,
  type Duration,
} from '../util/index.js';

/** Who does what in a {@link Murder}. */
export interface MurderRoles {
  /** Runs the tracker; one host. Default: the first peer. */
  tracker?: HostListItem;
  /** Has the files; one host. Default: the first peer. */
  seeder?: HostListItem;
  /** Get the files. */
  peer: HostListItem;
}

/** Options of `Murder`; each step takes them as well, for itself. */
export interface MurderOptions extends Omit<
  SshProcessOptions,
  'name' | 'on' | 'stdin' | 'pty' | 'shell' | 'cwd' | 'detached'
> {
  /** The tag of steps that are given none: letters, digits, `.`, `_` and `-`. Default: none. */
  defaultTag?: string;
  /** Where the files lie on the seeder, for a `createTorrent` that is given no path. Default: none. */
  defaultSeederFilesPath?: string;
  /** Where the files go on peers, for a `peer` that is given no path. Default: none. */
  defaultDestinationPath?: string;
  /** The folder of the code of long-running roles on every host; relative to the home folder. Default `'.rookery/murder'`. */
  remoteMurderPath?: string;
  /** Where torrents, records of roles and logs are kept, on hosts and here, in a folder that only the account can read. Default `'/tmp'`. */
  tempPath?: string;
  /** The path of the files is one file, and the destination its name, or a folder that it goes into. Default false: it is a folder. */
  pathIsFile?: boolean;
  /** The files go into the destination itself. Default false: into a folder in it that is named by the tag. */
  noTagDirectory?: boolean;
  /** What is in the destination is deleted, just before the files are put there. Default false: unless it is empty it is refused. */
  unsafePleaseDelete?: boolean;
  /** `createTorrent` and `peer` do not fetch the torrent from the seeder: `downloadTorrent` does. Default false. */
  doNotDownloadTorrent?: boolean;
  /** Port of the tracker; 0 for any that is free. Default 8998. */
  trackerPort?: number;
  /** How long peers serve others when they have everything. Default `'30s'`. */
  seedAfter?: Duration;
  /** Values of `{{name}}` in the destination; peer `i` gets element `i % length` of an array. */
  vars?: Vars;
}

const {
  stdin: _stdin,
  pty: _pty,
  shell: _shell,
  cwd: _cwd,
  detached: _detached,
  ...processChecks
} = sshProcessOptionChecks;

const isPath: Check = (value) =>
  typeof value === 'string' && value !== '' && !value.includes('\0') ? undefined : 'a path that is not empty';

const checks: { readonly [K in keyof Required<MurderOptions>]: Check } = {
  ...processChecks,
  defaultTag: isString,
  defaultSeederFilesPath: isPath,
  defaultDestinationPath: isPath,
  remoteMurderPath: isPath,
  tempPath: isPath,
  pathIsFile: isBoolean,
  noTagDirectory: isBoolean,
  unsafePleaseDelete: isBoolean,
  doNotDownloadTorrent: isBoolean,
  trackerPort: (value) =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65535
      ? undefined
      : 'a port, 0 to 65535',
  // A bad duration is refused, with its own sentence, where it is parsed.
  seedAfter: isAnything,
  vars: isAnything,
};

export function checkMurderOptions(what: string, options: MurderOptions): void {
  checkOptions(what, options, checks);
  if (options.defaultTag !== undefined) checkTag(what, options.defaultTag);
  if (options.seedAfter !== undefined) parseDuration(options.seedAfter, `${what}: option seedAfter`);
}

/** What is left for processes. */
export function murderProcessOptions(options: MurderOptions): SshProcessOptions {
  const own = Object.entries(options).filter(([key]) => Object.hasOwn(processChecks, key));
  return Object.freeze(Object.fromEntries(own));
}

/** It becomes part of names of files. */
export function checkTag(what: string, tag: string): string {
  if (typeof tag === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(tag)) return tag;
  throw new InvalidArgument(
    `${what}: a tag consists of letters, digits, '.', '_' and '-', 100 at most, and is not ${show(tag)}`,
  );
}

export interface ResolvedRoles {
  readonly tracker: Host;
  readonly seeder: Host;
  readonly peers: readonly Host[];
}

/** Roles, and what stands beside them. */
export function resolveRoles(
  what: string,
  given: MurderRoles & MurderOptions,
): { roles: ResolvedRoles; rest: MurderOptions } {
  checkOptions(what, given, { ...checks, tracker: isAnything, seeder: isAnything, peer: isAnything });
  const { tracker, seeder, peer, ...rest } = given;
  const peers = (peer as unknown) === undefined ? [] : toHosts(peer);
  const first = peers[0];
  if (!first) throw new InvalidArgument(`${what}: role peer: there must be one host at least`);
  const one = (role: string, hosts: HostListItem | undefined) => {
    const [host = first, ...more] = hosts === undefined ? [] : toHosts(hosts);
    if (more.length > 0) throw new InvalidArgument(`${what}: role ${role}: there can be one host only`);
    return host;
  };
  return { roles: { tracker: one('tracker', tracker), seeder: one('seeder', seeder), peers }, rest };
}
