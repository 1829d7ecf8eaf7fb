import { mkdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Host } from '../host/index.js';
import { InvalidArgument, logger, RookeryError, show } from '../util/index.js';
import type { Backend, RunningServers, Site } from './backend.js';
import { embedded } from './embedded.js';
import { makeFolder, makeKey, newId, writeKey, writeKnownHosts, writeSshConfig } from './folder.js';
import { resolveOptions, type TestbedOptions } from './options.js';
import { markedProcesses, type TestbedProcess } from './process-table.js';
import { Reaper } from './reaper.js';
import { sshd } from './sshd.js';

/** Lines of the servers' log that are kept. */
const keptLines = 1000;

/**
 * SSH hosts on this machine, to try and to test scripts on: real connections, real commands, one folder per host, on loopback.
 * It ends when it is stopped, and also when the script ends or dies; nothing that ran on its hosts survives it.
 * It does not keep a script running that has nothing else to do.
 *
 * @example
 * await using bed = await Testbed.start({ hosts: 8 });
 * await new Remote('uptime', bed.hosts).run();
 */
export class Testbed {
  /** Everything needed to connect is in each of them: address, port, user, key file, known hosts. */
  readonly hosts: readonly Host[];
  readonly backend: Backend['name'];
  /** Private folder (mode 0700) with everything of the testbed in it; removed at the end. */
  readonly folder: string;
  /** An ssh_config(5) for `ssh -F`, clush, pdsh and others: knows each host by its address and as `host1`, `host2`, … */
  readonly sshConfigFile: string;
  readonly knownHostsFile: string;
  /** Private key, without passphrase, that may log in to all hosts. */
  readonly keyfile: string;
  /** Value of the environment variable ROOKERY_TESTBED in everything that the hosts run. */
  readonly id: string;
  readonly #servers: RunningServers;
  readonly #reaper: Reaper;
  readonly #log: readonly string[];
  #stopped: Promise<void> | undefined;

  private constructor(backend: Backend['name'], site: Site, servers: RunningServers, log: readonly string[]) {
    this.backend = backend;
    this.folder = site.folder;
    this.id = site.id;
    this.keyfile = join(site.folder, 'id');
    this.knownHostsFile = join(site.folder, 'known_hosts');
    this.sshConfigFile = join(site.folder, 'ssh_config');
    this.#servers = servers;
    this.#reaper = site.reaper;
    this.#log = log;
    const { user } = site;
    const { keyfile, knownHostsFile } = this;
    writeKnownHosts(knownHostsFile, servers.stations);
    writeSshConfig(this.sshConfigFile, servers.stations, { user, keyfile, knownHostsFile });
    this.hosts = servers.stations.map(
      ({ address, port }) =>
        new Host({
          address,
          port,
          user,
          keyfile,
          knownHosts: knownHostsFile,
          sshConfig: false,
          hostKeyPolicy: 'strict',
        }),
    );
  }

  /**
   * Starts the hosts; they can be connected to when the promise resolves.
   *
   * Throws InvalidArgument for wrong options, and RookeryError with code ERR_TESTBED when the backend cannot work here.
   */
  static async start(options: TestbedOptions = {}): Promise<Testbed> {
    const resolved = resolveOptions(options);
    const backend = chooseBackend(resolved);
    const folder = makeFolder();
    const id = newId();
    const reaper = new Reaper(id, folder);
    const log: string[] = [];
    try {
      const key = makeKey('ed25519');
      writeKey(join(folder, 'id'), key);
      const home = (index: number): string => join(folder, 'hosts', `host${index + 1}`);
      for (let i = 0; i < resolved.hosts; i++) mkdirSync(home(i), { mode: 0o700 });
      const site: Site = {
        id,
        folder,
        user: resolved.user ?? currentUser(),
        options: resolved,
        authorizedKey: key.public,
        home,
        reaper,
        log: (line) => {
          log.push(line);
          if (log.length > keptLines) log.shift();
          logger.debug('testbed', line);
        },
      };
      const servers = await backend.start(site);
      return new Testbed(backend.name, site, servers, log);
    } catch (error) {
      await reaper.finish();
      if (error instanceof RookeryError) throw error;
      throw new RookeryError('ERR_TESTBED', `the ${backend.name} testbed could not be started`, {
        cause: error,
      });
    }
  }

  /** The folder that is `$HOME` on a host of this testbed. With `sshd`, commands still start in the account's own home. */
  folderOf(host: Host | string): string {
    return join(this.folder, 'hosts', `host${this.#indexOf(host) + 1}`);
  }

  /**
   * The live processes that hosts of this testbed run, by the mark in their environment. Needs /proc.
   * Zombies are not among them.
   */
  processes(): Promise<TestbedProcess[]> {
    return markedProcesses(this.id);
  }

  /**
   * Numbers of the sshd processes that serve the connections of this moment, to all hosts or to one: SIGSTOP freezes a connection,
   * SIGKILL cuts it. None with the embedded backend. Needs /proc.
   */
  connections(host?: Host | string): number[] {
    return this.#servers.connections(host === undefined ? undefined : this.#indexOf(host));
  }

  /**
   * Lets the server of a host die: its connections are cut, new ones are refused, and what it ran goes on.
   * With `sshd`, this takes all hosts that share the sshd; see {@link TestbedOptions.hostsPerServer}.
   */
  crash(host: Host | string): Promise<void> {
    return this.#servers.crash(this.#indexOf(host));
  }

  /** The last lines that the servers logged. */
  log(): string[] {
    return [...this.#log];
  }

  /** Kills everything that the hosts run, ends the servers and removes the folder. Later calls wait for the first. */
  stop(): Promise<void> {
    this.#stopped ??= this.#servers.stop().finally(() => this.#reaper.finish());
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #indexOf(host: Host | string): number {
    const address = typeof host === 'string' ? host : host.address;
    // Where all hosts have the same address, only the object or its port tells which is meant.
    const index = this.hosts.findIndex(
      (mine) =>
        mine === host || (mine.address === address && (typeof host === 'string' || mine.port === host.port)),
    );
    if (index < 0) throw new InvalidArgument(`no host of this testbed: ${show(address)}`);
    return index;
  }

  toString(): string {
    const { length } = this.hosts;
    const state = this.#stopped ? ', stopped' : '';
    return `Testbed(${length} ${length === 1 ? 'host' : 'hosts'}, ${this.backend}, ${this.hosts[0]?.address}${state})`;
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

function chooseBackend(options: TestbedOptions): Backend {
  if (options.backend === 'netns' || options.link) {
    throw new RookeryError(
      'ERR_TESTBED',
      'the netns backend, which has shaped links, is not available in this version',
    );
  }
  if (options.backend === 'auto') return sshd.unusable(options) === undefined ? sshd : embedded;
  const backend = options.backend === 'sshd' ? sshd : embedded;
  const reason = backend.unusable(options);
  if (reason !== undefined) throw new RookeryError('ERR_TESTBED', reason);
  return backend;
}

function currentUser(): string {
  try {
    return userInfo().username;
  } catch {
    return 'rookery'; // In containers, numeric users without an account are common.
  }
}
