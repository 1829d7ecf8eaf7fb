import {
  InvalidArgument,
  checkOptions,
  isCount,
  isEither,
  isFunction,
  isOneOf,
  isPort,
  isPositive,
  parseDuration,
  type Check,
  type Duration,
} from '../util/index.js';
import { addressProblem, userProblem } from './host-syntax.js';
import type { Host } from './host.js';
import type { HostKeyPolicy, TransportName } from './target.js';

/**
 * How to reach hosts. Every field may be left out. For each one, the first of these that gives it wins: the call
 * (`options.connectionParams`), the {@link Host}, {@link defaults}, the ssh configuration (ssh_config(5)), the built-in default.
 */
export interface ConnectionParams {
  /** Login name. Default: `User` of the ssh configuration, else the name of the local user. */
  user?: string;
  /** TCP port, 1 to 65535. Default: `Port` of the ssh configuration, else 22. */
  port?: number;
  /**
   * Private key file or files to offer, in this order; `~` is the home folder; an empty list offers none. With it, other
   * keys of the agent are not offered unless `agent` is given at the same place. Default: `IdentityFile` of the ssh
   * configuration, else those of `~/.ssh/id_ed25519`, `id_ecdsa` and `id_rsa` that exist.
   * A file that is missing or no key fails the connection with `ERR_KEY_FILE`.
   */
  keyfile?: string | readonly string[];
  /** Password, for password and keyboard-interactive authentication. Never logged or shown. Default: none. */
  password?: string;
  /** Passphrase of encrypted key files. Never logged or shown. Default: none. */
  passphrase?: string;
  /** Socket of the authentication agent; `false` for none. Default: `IdentityAgent`, else the variable SSH_AUTH_SOCK. */
  agent?: string | false;
  /**
   * Jump host or hosts to go through, the one nearest to us first: `'user@bastion:2222'`, `'a,b'`, a {@link Host} (with its own
   * credentials), or a list of them; `'none'` or `false` for a direct connection. User, port, password, hostKeyAlias and rewriteHost of the
   * target are not used for its jump hosts; all other params are. Default: `ProxyJump` of the ssh configuration.
   */
  proxyJump?: string | Host | false | readonly (string | Host)[];
  /**
   * `'ssh2'` (in this process, pooled), `'openssh'` (the `ssh` program), or `'auto'`: ssh2 unless the configuration asks for what it cannot
   * do. Default: `'auto'`.
   */
  transport?: 'auto' | TransportName;
  /**
   * A host key that is not known: `'strict'` refuses it, `'accept-new'` records it and goes on, `'off'` goes on without recording and warns once
   * per host. A key that differs from the known one, or is revoked, is refused always. Default: `StrictHostKeyChecking`, else `'strict'`.
   */
  hostKeyPolicy?: HostKeyPolicy;
  /**
   * File or files of known host keys, in place of the user's and the system's; new keys go to the first; an empty list for
   * none. Default: `UserKnownHostsFile` and `GlobalKnownHostsFile`, else `~/.ssh/known_hosts` and those of `/etc/ssh`.
   */
  knownHosts?: string | readonly string[];
  /** Name under which the host key is known, in place of the address. Default: `HostKeyAlias`. */
  hostKeyAlias?: string;
  /** ssh configuration file, read alone; `false` for none. Default: that of the variable ROOKERY_SSH_CONFIG, else `~/.ssh/config`, then `/etc/ssh/ssh_config`. */
  sshConfig?: string | false;
  /** Time for one connection attempt, from the TCP connect to the end of authentication; ms or text. Default: `ConnectTimeout`, else `'20s'`. */
  connectTimeout?: Duration;
  /** Interval of keepalive probes; ms or text; 0 or `false` for none. Default: `ServerAliveInterval`, else `'15s'`. */
  keepalive?: Duration | false;
  /** Unanswered probes after which the connection counts as lost, at least 1. Default: `ServerAliveCountMax`, else 3. */
  keepaliveCount?: number;
  /** How many times a connection that was dropped before authentication is tried again. Default: 5. */
  retries?: number;
  /** How many connections may be under construction at once, over all hosts. Default: 64. */
  maxConnecting?: number;
  /**
   * More options for the `ssh` program, `['Key=value']` or `{Key: value}` as in ssh_config(5). `transport: 'auto'` then takes openssh,
   * and `'ssh2'` is refused. Default: none.
   */
  sshOptions?: readonly string[] | Readonly<Record<string, string | number | boolean>>;
  /** Turns a host's address into the one to connect to (and to look up in the ssh configuration). Default: none. */
  rewriteHost?: (address: string) => string;
}

/**
 * Defaults of the whole program, weaker than what a call or a {@link Host} says and stronger than the ssh configuration. May be changed or
 * replaced at any time; what is in it is checked when it is next used.
 */
export const defaults: Defaults = { connectionParams: {} };

/** What can be set for the whole program. */
export interface Defaults {
  connectionParams: ConnectionParams;
  /** What `getRemote`, `getFileput`, `getFileget` and `ActionFactory` make their actions with: `'ssh'` or `'taktuk'`. Default: `'ssh'`. */
  tool?: 'ssh' | 'taktuk';
}

const isPath: Check = (v) => (typeof v === 'string' && v !== '' && !/[\0\n]/.test(v) ? undefined : 'a path');
const isPathList: Check = (v) =>
  Array.isArray(v) && v.every((item) => isPath(item) === undefined) ? undefined : 'a list of paths';
const isFalse: Check = (v) => (v === false ? undefined : 'false');
const isJump: Check = (v) =>
  (typeof v === 'string' && v.trim() !== '') ||
  (typeof v === 'object' && v !== null && typeof (v as { address?: unknown }).address === 'string')
    ? undefined
    : "'user@host:port'";
const isDuration: Check = (v) => {
  try {
    parseDuration(v as Duration);
    return undefined;
  } catch {
    return "milliseconds ≥ 0 or text like '250ms', '10s', '5m' or '1:30:00'";
  }
};
const isSshOption: Check = (v) =>
  typeof v === 'string' && /^[A-Za-z0-9]+(\s*=\s*|\s+)\S/.test(v) && !/[\0\r\n]/.test(v)
    ? undefined
    : "'Key=value'";
const isSshOptions: Check = (v) => {
  if (Array.isArray(v))
    return v.every((item) => isSshOption(item) === undefined) ? undefined : "a list of 'Key=value'";
  const ok =
    typeof v === 'object' &&
    v !== null &&
    Object.entries(v).every(
      ([key, item]) =>
        ['string', 'number', 'boolean'].includes(typeof item) && isSshOption(`${key}=${item}`) === undefined,
    );
  return ok ? undefined : "a list of 'Key=value' or an object {Key: value}";
};
// The whole sentence is made by the syntax rules; here only whether it holds.
const fits =
  (problem: (text: string) => string | undefined, wish: string): Check =>
  (v) =>
    typeof v !== 'string' ? 'a string' : problem(v) === undefined ? undefined : wish;

const checks: { readonly [K in keyof Required<ConnectionParams>]: Check } = {
  user: fits(userProblem, "a login name (no leading '-', no spaces, no shell characters)"),
  port: isPort,
  keyfile: isEither(isPath, isPathList),
  password: () => undefined,
  passphrase: () => undefined,
  agent: isEither(isPath, isFalse),
  proxyJump: isEither(isJump, isFalse, (v) =>
    Array.isArray(v) && v.every((item) => isJump(item) === undefined) ? undefined : 'a list of them',
  ),
  transport: isOneOf('auto', 'ssh2', 'openssh'),
  hostKeyPolicy: isOneOf('strict', 'accept-new', 'off'),
  knownHosts: isEither(isPath, isPathList),
  hostKeyAlias: fits(addressProblem, "a host name (no leading '-', no spaces, no shell characters)"),
  sshConfig: isEither(isPath, isFalse),
  connectTimeout: isDuration,
  keepalive: isEither(isDuration, isFalse),
  keepaliveCount: isPositive,
  retries: isCount,
  maxConnecting: isPositive,
  sshOptions: isSshOptions,
  rewriteHost: isFunction,
};

/** Names of all {@link ConnectionParams}. */
export const connectionParamNames = Object.keys(checks) as readonly (keyof ConnectionParams)[];

/** Params whose values must never be shown. */
export const secretParams = ['password', 'passphrase'] as const;

/** Throws InvalidArgument for an unknown name or a value of the wrong kind; secrets are not echoed. */
export function checkConnectionParams(params: ConnectionParams, what = 'connectionParams'): void {
  if (typeof params !== 'object' || params === null) {
    throw new InvalidArgument(`${what} must be an object, not ${typeof params}`);
  }
  for (const name of secretParams) {
    const value: unknown = params[name];
    if (value !== undefined && (typeof value !== 'string' || value === '')) {
      const got = value === '' ? 'an empty one' : typeof value;
      throw new InvalidArgument(`${what}: option ${name} must be a string, not ${got}`);
    }
  }
  for (const file of [params.keyfile].flat()) {
    if (typeof file === 'string' && file.includes('PRIVATE KEY-----')) {
      throw new InvalidArgument(`${what}: option keyfile must be the path of a key file, not the key itself`);
    }
  }
  checkOptions(what, params, checks);
}

/** `ssh -o` options as `Key=value`, whichever way they were written. */
export function listSshOptions(options: ConnectionParams['sshOptions']): readonly string[] {
  if (options === undefined) return [];
  if (Array.isArray(options)) {
    return (options as readonly string[]).map((option) =>
      option.replace(/^([A-Za-z0-9]+)(?:\s*=\s*|\s+)/, '$1='),
    );
  }
  return Object.entries(options).map(
    ([key, value]) => `${key}=${value === true ? 'yes' : value === false ? 'no' : value}`,
  );
}

/**
 * One frozen object out of several, the first that gives a param wins. Secrets become properties that are not
 * enumerable, so that neither JSON nor inspect nor a spread shows them.
 */
export function mergeConnectionParams(
  ...layers: readonly (ConnectionParams | undefined)[]
): Readonly<ConnectionParams> {
  const merged: Record<string, unknown> = {};
  for (const name of connectionParamNames) {
    const value = layers.find((layer) => layer?.[name] !== undefined)?.[name];
    if (value === undefined) continue;
    const enumerable = !(secretParams as readonly string[]).includes(name);
    Object.defineProperty(merged, name, {
      value: Array.isArray(value) ? Object.freeze([...(value as unknown[])]) : value,
      enumerable,
    });
  }
  return Object.freeze(merged);
}
