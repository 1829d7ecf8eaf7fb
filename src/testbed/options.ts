import {
  checkOptions,
  InvalidArgument,
  isAnything,
  isEither,
  isObject,
  isOneOf,
  isPositive,
  isRecordOf,
  isString,
  show,
  type Check,
} from '../util/index.js';

export const backendNames = ['auto', 'embedded', 'sshd', 'netns'] as const;
export type BackendName = (typeof backendNames)[number];

/** How the `embedded` backend behaves; see {@link TestbedOptions.embedded}. */
export interface EmbeddedOptions {
  /** Also accept this password, by the methods `password` and `keyboard-interactive`. Default: keys only. */
  password?: string;
  /** Sessions that one connection may have open; more are refused with SSH_OPEN_CONNECT_FAILED, as sshd does. Default 10. */
  maxSessions?: number;
  /** Text sent before authentication (RFC 4252, section 5.4). Default: none. */
  banner?: string;
  /** Login shell of every account, called as `SHELL -c COMMAND`. Default `/bin/sh`. */
  shell?: string;
}

export interface TestbedOptions {
  /** How many hosts. Default 8. */
  hosts?: number;
  /**
   * `embedded`: an SSH server in this process; needs nothing, not even root.
   * `sshd`: real OpenSSH, which must be installed; as root or not.
   * `auto` (default): `sshd` if it is installed and usable, else `embedded`.
   * `netns`: hosts with network interfaces of their own.
   */
  backend?: BackendName;
  /** Account to log in to. Default: the one that runs the script; with `sshd`, only root can choose another. */
  user?: string;
  /** `embedded` only. */
  embedded?: EmbeddedOptions;
  /**
   * `sshd` only: options for sshd_config(5), which win over those of the testbed, e.g. `{ MaxSessions: 1, MaxStartups: '10:30:60' }`.
   * A list gives one line for each element.
   */
  sshdOptions?: Record<string, string | number | readonly (string | number)[]>;
  /**
   * `sshd` only: how many hosts share one sshd (1 to 16; 16 by default, because sshd takes no more addresses).
   * Limits such as MaxStartups count for one sshd; MaxStartups is raised by default so that it stays 10:30:100 for each host.
   */
  hostsPerServer?: number;
  /**
   * `sshd` only: `'0.0.0.0'` serves all hosts with one sshd that listens on every interface of this machine,
   * and so can be reached from outside by whoever has the key of the testbed. Default: loopback addresses only.
   */
  listenAddress?: '0.0.0.0';
  /** `netns` only: the network link of every host, e.g. `{ rate: '80mbit' }`. */
  link?: { rate?: string };
}

const embeddedChecks: { readonly [K in keyof Required<EmbeddedOptions>]: Check } = {
  password: isString,
  maxSessions: isPositive,
  banner: isString,
  shell: isString,
};

const isSshdValue: Check = (value) =>
  (typeof value === 'string' && !/[\n\r\0]/.test(value)) ||
  (typeof value === 'number' && Number.isFinite(value))
    ? undefined
    : 'a number or text on one line';
const isSshdValues: Check = (value) =>
  Array.isArray(value)
    ? value.every((v) => !isSshdValue(v))
      ? undefined
      : 'a list of numbers or texts'
    : isSshdValue(value);

const checks: { readonly [K in keyof Required<TestbedOptions>]: Check } = {
  hosts: isPositive,
  backend: isOneOf(...backendNames),
  user: isString,
  // Its values may be secret, so that they are checked below, where the error shows them one at a time.
  embedded: isAnything,
  sshdOptions: isRecordOf(isSshdValues),
  hostsPerServer: isPositive,
  listenAddress: isOneOf('0.0.0.0'),
  link: isEither(isObject),
};

const sshdOnly = ['sshdOptions', 'hostsPerServer', 'listenAddress'] as const;

/** Checks the options and fills in what does not depend on the machine. Throws InvalidArgument. */
export function resolveOptions(
  options: TestbedOptions,
): TestbedOptions & { hosts: number; backend: BackendName } {
  checkOptions('Testbed', options, checks);
  const { hosts = 8, embedded, sshdOptions } = options;
  let { backend = 'auto' } = options;
  if (hosts > 10_000)
    throw new InvalidArgument(`Testbed: option hosts must be at most 10000, not ${show(hosts)}`);
  if (options.hostsPerServer !== undefined && options.hostsPerServer > 16) {
    throw new InvalidArgument(
      `Testbed: option hostsPerServer must be at most 16, not ${show(options.hostsPerServer)}`,
    );
  }
  if (options.user !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9_.@-]*\$?$/.test(options.user)) {
    throw new InvalidArgument(
      `Testbed: option user must be the name of an account, not ${show(options.user)}`,
    );
  }
  for (const name of Object.keys(sshdOptions ?? {})) {
    if (
      /^(listenaddress|port|addressfamily|hostkey|match|include)$/i.test(name) ||
      !/^[A-Za-z0-9]+$/.test(name)
    ) {
      throw new InvalidArgument(
        `Testbed: sshdOptions cannot hold ${show(name)}, which the testbed sets itself`,
      );
    }
  }
  if (embedded !== undefined) checkEmbedded(embedded);
  const forSshd = sshdOnly.find((name) => options[name] !== undefined);
  if (backend === 'auto' && forSshd) backend = 'sshd';
  if (backend === 'auto' && embedded) backend = 'embedded';
  if (forSshd && backend === 'embedded')
    throw new InvalidArgument(`Testbed: option ${forSshd} is for the sshd backend only`);
  if (embedded && backend === 'sshd') {
    throw new InvalidArgument('Testbed: option embedded is for the embedded backend only');
  }
  return { ...options, hosts, backend };
}

function checkEmbedded(embedded: EmbeddedOptions): void {
  checkOptions('Testbed embedded', embedded, { ...embeddedChecks, password: isAnything });
  if (embedded.password !== undefined && typeof embedded.password !== 'string') {
    throw new InvalidArgument('Testbed embedded: option password must be a string');
  }
}
