import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { RookeryError } from '../util/index.js';
import type { Backend, Endpoint, RunningServers, Site } from './backend.js';
import { AddressInUse, manyAddresses, withFreeEndpoints } from './endpoints.js';
import { makeKey, writeKey } from './folder.js';
import { descendantsNamed, holdersOf } from './process-table.js';
import { serverConfig } from './sshd-config.js';
import { findSshd, refusedAccount, versionOf } from './sshd-program.js';

/** sshd takes no more than 16 ListenAddress lines (MAX_LISTEN_SOCKS). */
const maxAddresses = 16;
const startTimeout = 60_000;

export const sshd: Backend = {
  name: 'sshd',
  unusable(options) {
    if (!findSshd())
      return 'OpenSSH\'s server is not installed: "apt-get install openssh-server", or use the embedded backend';
    if (options.listenAddress && !manyAddresses)
      return "listenAddress '0.0.0.0' needs Linux, where all of 127.0.0.0/8 is local";
    return refusedAccount(options.user);
  },
  async start(site) {
    const program = findSshd() ?? 'sshd';
    prepareFolder(site);
    const hostKeys = [makeKey('ed25519'), makeKey('ecdsa')];
    const keyFiles = hostKeys.map((key, i) => {
      const file = join(site.folder, `host_key_${i}`);
      writeKey(file, key);
      return file;
    });
    const version = versionOf(program);
    return withFreeEndpoints(site.options.hosts, async (endpoints) => {
      const perServer = site.options.listenAddress
        ? endpoints.length
        : (site.options.hostsPerServer ?? maxAddresses);
      const servers: ChildProcess[] = [];
      try {
        const starts = [];
        for (let first = 0; first < endpoints.length; first += perServer) {
          const file = join(site.folder, `sshd_config_${first / perServer}`);
          const mine = endpoints
            .slice(first, first + perServer)
            .map((endpoint, i) => ({ ...endpoint, home: site.home(first + i) }));
          writeFileSync(file, serverConfig(site, mine, keyFiles, version));
          const server = startServer(program, file, site);
          servers.push(server);
          starts.push(untilListening(server, site.options.listenAddress ? 1 : mine.length, site));
        }
        await Promise.all(starts);
      } catch (error) {
        await stopAll(servers);
        throw error;
      }
      return running(
        servers,
        perServer,
        endpoints,
        hostKeys.map((key) => key.public),
      );
    });
  },
};

function running(
  servers: readonly ChildProcess[],
  perServer: number,
  endpoints: readonly Endpoint[],
  hostKeys: readonly string[],
): RunningServers {
  const connections = (of: readonly ChildProcess[]): number[] => descendantsNamed(/^sshd/, pidsOf(of));
  return {
    stations: endpoints.map((endpoint) => ({ ...endpoint, hostKeys })),
    connections(index) {
      const endpoint = index === undefined ? undefined : endpoints[index];
      return endpoint ? holdersOf(connections(servers), endpoint) : connections(servers);
    },
    async crash(index) {
      const server = servers[Math.floor(index / perServer)];
      if (!server) return;
      // Stopped first, so that it cannot accept another one meanwhile.
      server.kill('SIGSTOP');
      for (const pid of connections([server])) process.kill(pid, 'SIGKILL');
      await stopAll([server]);
    },
    stop: async () => undefined, // The reaper ends the servers, together with all below them.
  };
}

function pidsOf(servers: readonly ChildProcess[]): number[] {
  return servers.flatMap(({ pid, exitCode, signalCode }) =>
    pid === undefined || (exitCode ?? signalCode) !== null ? [] : [pid],
  );
}

function prepareFolder(site: Site): void {
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  writeFileSync(join(site.folder, 'authorized_keys'), `${site.authorizedKey}\n`, { mode: 0o644 });
  if (process.getuid?.() !== 0 || site.user === userInfo().username) return;
  // sshd reads the keys as the user who logs in.
  chmodSync(site.folder, 0o711);
  const account = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === site.user);
  if (!account) throw new RookeryError('ERR_TESTBED', `there is no account ${site.user} on this machine`);
  for (let i = 0; i < site.options.hosts; i++)
    chownSync(site.home(i), Number(account[2]), Number(account[3]));
}

function startServer(program: string, configFile: string, site: Site): ChildProcess {
  // In a session of its own, because Ctrl-C at a terminal goes to everything in the foreground group.
  const server = spawn(program, ['-D', '-e', '-f', configFile], {
    cwd: '/',
    env: { PATH: process.env['PATH'] },
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const { pid } = server;
  if (pid !== undefined) {
    site.reaper.watch(pid);
    server.on('exit', () => site.reaper.gone(pid));
  }
  return server;
}

/** Settles when sshd says that it listens on all its addresses, or why not. */
function untilListening(server: ChildProcess, addresses: number, site: Site): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    let missing = addresses;
    const said: string[] = [];
    const fail = (what: string): void => {
      clearTimeout(timer);
      reject(
        new RookeryError('ERR_TESTBED', `sshd ${what}: ${said.slice(-3).join('; ') || 'it said nothing'}`),
      );
    };
    const timer = setTimeout(() => fail(`did not listen within ${startTimeout / 1000} s`), startTimeout);
    const onLine = (text: string): void => {
      const line = text.trimEnd();
      site.log(line);
      if (missing === 0) return;
      said.push(line);
      if (/^Server listening on /.test(line) && --missing === 0) {
        clearTimeout(timer);
        // It must not keep the script running from now on.
        server.unref();
        (server.stderr as unknown as { unref(): void }).unref();
        resolve();
      } else if (/^(error: )?(Bind to port .* failed|Cannot bind any address)/.test(line)) {
        clearTimeout(timer);
        reject(new AddressInUse(line));
      }
    };
    server.once('error', (error) => {
      said.push(error.message);
      fail('could not be started');
    });
    server.once('close', () => fail('ended at once'));
    if (server.stderr) createInterface({ input: server.stderr }).on('line', onLine);
  });
}

async function stopAll(servers: readonly ChildProcess[]): Promise<void> {
  await Promise.all(
    servers.map(async (server) => {
      if (server.pid === undefined || (server.exitCode ?? server.signalCode) !== null) return;
      const exited = once(server, 'exit');
      server.kill('SIGKILL');
      await exited;
    }),
  );
}
