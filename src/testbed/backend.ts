import type { Reaper } from './reaper.js';
import type { TestbedOptions } from './options.js';

/** Where one host of a testbed answers. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** A host as its backend made it. */
export interface Station extends Endpoint {
  /** Public host keys, each `'type base64'`, as known_hosts wants them. */
  readonly hostKeys: readonly string[];
}

/** What a testbed gives its backend to start servers with. */
export interface Site {
  /** Goes into the environment of everything that the hosts run, as ROOKERY_TESTBED. */
  readonly id: string;
  /** Private folder of the testbed; removed at the end. */
  readonly folder: string;
  readonly user: string;
  readonly options: TestbedOptions & { readonly hosts: number };
  /** Public key that may log in, `'type base64'`. */
  readonly authorizedKey: string;
  /** The folder that is the home of host number `index`. */
  home(index: number): string;
  /** Ends what the servers start, also when this program dies. */
  readonly reaper: Reaper;
  log(line: string): void;
}

/** Servers that run. */
export interface RunningServers {
  readonly stations: readonly Station[];
  /** Processes that serve the connections, of host number `index` or of all; none when the backend has no such processes. */
  connections(index?: number): number[];
  /** Ends the server of host number `index` and its connections, as by a power failure that spares the commands. */
  crash(index: number): Promise<void>;
  /** Stops listening and drops the connections. What the hosts run is the reaper's to end. */
  stop(): Promise<void>;
}

/** One way to make hosts. A new backend is one file that implements this, and one line in `testbed.ts`. */
export interface Backend {
  readonly name: 'embedded' | 'sshd' | 'netns';
  /** Why it cannot work here, as a sentence with the remedy; undefined when it can. */
  unusable(options: TestbedOptions): string | undefined;
  start(site: Site): Promise<RunningServers>;
}
