import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Host } from 'rookery';

const run = (...words: string[]) => execFileSync(words[0] as string, words.slice(1), { stdio: 'pipe' });

let beds = 0;

/**
 * Hosts in network namespaces, each with an address of its own and a link of `rate` each way, behind one bridge. Needs root, the
 * programs `ip` and `tc`, and sshd.
 */
export async function startNamespaces(count: number, rate: string) {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-bench-'));
  // The kernel takes its time to remove the links of a namespace that is gone: no name is used twice.
  const tag = `rb${process.pid % 10_000}${String.fromCharCode(97 + (beds++ % 26))}`;
  const net = `10.${64 + (process.pid % 64)}`;
  const names: string[] = [];
  const servers: ChildProcess[] = [];
  const stop = async () => {
    for (const server of servers) {
      const closed = once(server, 'close');
      server.kill('SIGTERM');
      await closed;
    }
    for (const name of names) run('ip', 'netns', 'del', name);
    run('ip', 'link', 'del', tag);
    rmSync(folder, { recursive: true, force: true });
  };
  run('ip', 'link', 'add', tag, 'type', 'bridge');
  try {
    run('ip', 'addr', 'add', `${net}.0.1/16`, 'dev', tag);
    run('ip', 'link', 'set', tag, 'up');
    for (const key of ['host', 'id'])
      run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(folder, key));
    mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    const config = [
      ...[
        'Port 22',
        `HostKey ${folder}/host`,
        `AuthorizedKeysFile ${folder}/id.pub`,
        'StrictModes no',
        'UsePAM no',
      ],
      // A home without the start-up files of this machine's root, which would slow down every command.
      ...['PermitRootLogin yes', 'PidFile none', 'MaxStartups 100', `SetEnv HOME=${folder}`],
    ];
    writeFileSync(join(folder, 'config'), `${config.join('\n')}\n`);
    const hostKey = readFileSync(join(folder, 'host.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
    const addresses = Array.from({ length: count }, (_, i) => `${net}.1.${i + 1}`);
    writeFileSync(
      join(folder, 'known_hosts'),
      addresses.map((address) => `${address} ${hostKey}\n`).join(''),
    );
    for (const [i, address] of addresses.entries()) {
      const name = `${tag}-${i}`;
      const shape = ['root', 'tbf', 'rate', rate, 'burst', '128k', 'latency', '100ms'];
      run('ip', 'netns', 'add', name);
      names.push(name);
      run('ip', 'link', 'add', `${tag}v${i}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
      run('ip', 'link', 'set', `${tag}v${i}`, 'master', tag, 'up');
      run('ip', '-n', name, 'addr', 'add', `${address}/16`, 'dev', 'eth0');
      for (const dev of ['lo', 'eth0']) run('ip', '-n', name, 'link', 'set', dev, 'up');
      run('tc', 'qdisc', 'add', 'dev', `${tag}v${i}`, ...shape);
      run('ip', 'netns', 'exec', name, 'tc', 'qdisc', 'add', 'dev', 'eth0', ...shape);
      const words = ['netns', 'exec', name, '/usr/sbin/sshd', '-D', '-f', join(folder, 'config')];
      servers.push(spawn('ip', words, { stdio: 'ignore' }));
    }
    await Promise.all(addresses.map(answers));
    const params = { user: 'root', keyfile: join(folder, 'id'), knownHosts: join(folder, 'known_hosts') };
    const hosts = addresses.map((address) => new Host({ address, ...params }));
    /** Gives one host a link of another speed. */
    const shape = (i: number, speed: string) => {
      const how = ['root', 'tbf', 'rate', speed, 'burst', '128k', 'latency', '100ms'];
      run('tc', 'qdisc', 'replace', 'dev', `${tag}v${i}`, ...how);
      run('ip', 'netns', 'exec', names[i] as string, 'tc', 'qdisc', 'replace', 'dev', 'eth0', ...how);
    };
    return { folder, hosts, stop, shape };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function answers(address: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(22, address);
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return;
    await sleep(50);
  }
  throw new Error(`${address} does not answer`);
}
