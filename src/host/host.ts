import { inspect, isDeepStrictEqual } from 'node:util';
import { InvalidArgument, show } from '../util/index.js';
import { checkConnectionParams, mergeConnectionParams, type ConnectionParams } from './connection-params.js';
import { addressProblem, bracketed, parseHostText } from './host-syntax.js';

/** A host as an object: its address, and how to reach it. */
export interface HostSpec extends ConnectionParams {
  /** Name or IP address, or an alias of the ssh configuration; IPv6 with or without brackets. */
  address: string;
}

/** Whatever one host can be written as. */
export type HostLike = Host | string | Readonly<HostSpec>;

/**
 * One remote machine, immutable: an address, and what was said about how to reach it. What was left out is looked up when it is
 * connected to, see {@link ConnectionParams}.
 *
 * @example
 * new Host('root@node1:2222');
 * new Host({ address: 'node1', user: 'root', keyfile: '~/.ssh/lab' });
 */
export class Host {
  /** Name or IP address (IPv6 without brackets), as it was given. */
  readonly address: string;
  /** Login name, when given. */
  readonly user: string | undefined;
  /** TCP port, when given. */
  readonly port: number | undefined;
  /** Private key file or files, when given. */
  readonly keyfile: string | readonly string[] | undefined;
  /** The other connection params given with it. Secrets in it are not enumerable. */
  readonly params: Readonly<ConnectionParams>;

  /**
   * @param host `'[user@]address[:port]'` (an IPv6 address with a port in brackets), `'ssh://…'`, an object, or another host.
   * @throws InvalidArgument when a part is empty, begins with `-`, or holds white space or characters with a meaning to shells.
   */
  constructor(host: HostLike) {
    const given = normalize(host);
    this.address = given.address;
    this.user = given.params.user;
    this.port = given.params.port;
    this.keyfile = given.params.keyfile;
    const { password, passphrase } = given.params;
    const apart = { user: undefined, port: undefined, keyfile: undefined };
    this.params = mergeConnectionParams({ ...given.params, password, passphrase, ...apart });
    Object.freeze(this);
  }

  /** The same host with some connection params changed. */
  with(params: ConnectionParams): Host {
    checkConnectionParams(params, `host ${show(this.address)}`);
    const all = mergeConnectionParams(params, allParams(this));
    return new Host(withSecrets(all, this.address));
  }

  /** Whether it is the same machine reached in the same way: all params are compared, secrets included. */
  equals(other: unknown): boolean {
    if (this === other) return true;
    if (!(other instanceof Host) || this.address !== other.address) return false;
    const [mine, theirs] = [allParams(this), allParams(other)];
    return (
      mine.password === theirs.password &&
      mine.passphrase === theirs.passphrase &&
      isDeepStrictEqual({ ...mine }, { ...theirs })
    );
  }

  /** `user@address:port`, with the parts that were given. */
  toString(): string {
    const user = this.user === undefined ? '' : `${this.user}@`;
    return `${user}${bracketed(this.address)}${this.port === undefined ? '' : `:${this.port}`}`;
  }

  /** A plain object that `new Host()` takes back; secrets are left out. */
  toJSON(): HostSpec {
    return { address: this.address, ...allParams(this) };
  }

  [inspect.custom](): string {
    return `Host ${this.toString()}`;
  }
}

/** Everything that was given with a host, as one object. */
export function allParams(host: Host): Readonly<ConnectionParams> {
  return mergeConnectionParams({ user: host.user, port: host.port, keyfile: host.keyfile }, host.params);
}

function withSecrets(params: Readonly<ConnectionParams>, address: string): HostSpec {
  const { password, passphrase } = params;
  return { address, ...params, password, passphrase };
}

function normalize(host: HostLike): { address: string; params: Readonly<ConnectionParams> } {
  if (host instanceof Host) return { address: host.address, params: allParams(host) };
  if (typeof host === 'string') {
    const { address, user, port } = parseHostText(host);
    return { address, params: { user, port } };
  }
  if (typeof host !== 'object' || host === null || Array.isArray(host)) {
    throw new InvalidArgument(
      `a host must be 'user@address:port', an object with an address, or a Host, not ${show(host)}`,
    );
  }
  const { address: written, ...params } = host;
  if (typeof written !== 'string') {
    throw new InvalidArgument(`a host needs an address: a string, not ${show(written)}`);
  }
  const address = written.replace(/^\[(.*:.*)\]$/s, '$1');
  const problem = addressProblem(address);
  if (problem) throw new InvalidArgument(`host ${show(written)} is not valid: the host name ${problem}`);
  checkConnectionParams(params, `host ${show(address)}`);
  return { address, params };
}
