import type { Host } from './host.js';

/** How to treat a host key that is not in known_hosts; see `ConnectionParams.hostKeyPolicy`. */
export type HostKeyPolicy = 'strict' | 'accept-new' | 'off';
export type TransportName = 'ssh2' | 'openssh';

/**
 * A host with every question answered: connection params, ssh configuration and defaults merged once,
 * frozen, and passed on whole. All durations are milliseconds.
 */
export interface Target {
  readonly host: Host;
  /** The name the user gave, which `ssh_config` and HostKeyAlias start from. */
  readonly alias: string;
  /** Where to connect to. */
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** Private key files to offer, in order; only those that exist, unless the user named them. */
  readonly keyfiles: readonly string[];
  /** The key files were named in connection params: one that cannot be used is an error, not skipped. */
  readonly keyfilesNamed: boolean;
  /** True: offer only `keyfiles`, not whatever else the agent holds. */
  readonly identitiesOnly: boolean;
  /** Socket of the authentication agent, or undefined for none. */
  readonly agent: string | undefined;
  readonly password: string | undefined;
  readonly passphrase: string | undefined;
  /** Jump hosts, the one we connect to first coming first; empty for a direct connection. */
  readonly hops: readonly Target[];
  readonly hostKeyPolicy: HostKeyPolicy;
  /** Name under which the key is looked up: HostKeyAlias, else the address. */
  readonly hostKeyName: string;
  readonly knownHostsFiles: readonly string[];
  readonly connectTimeout: number;
  /** Interval of keepalive probes; 0 for none. */
  readonly keepalive: number;
  /** Probes without an answer after which the connection counts as lost. */
  readonly keepaliveCount: number;
  /** How many times a connection that the server dropped before authentication is tried again. */
  readonly retries: number;
  readonly maxConnecting: number;
  /** `ssh -o` options, `Key=value`, for the openssh transport only. */
  readonly sshOptions: readonly string[];
  /** ssh configuration file in use; undefined for the system's defaults, `'none'` for none at all. */
  readonly sshConfigFile: string | undefined;
  readonly transport: TransportName;
  /** Why that transport, for the log: `"asked for"`, `"ProxyCommand in ~/.ssh/config line 12"` … */
  readonly transportReason: string;
  /** Same key, same connection. Holds no secret. */
  readonly poolKey: string;
}
