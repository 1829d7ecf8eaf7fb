import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Testbed } from '../../src/testbed/index.js';
import { markedProcesses } from '../../src/testbed/process-table.js';
import { backends } from './backends.js';
import { answers, PlainClient, until, untilOutput } from './client.js';

const script = fileURLToPath(new URL('fixtures/bed-script.js', import.meta.url));

interface Told {
  readonly id: string;
  readonly folder: string;
  readonly address: string;
  readonly port: number;
}

async function startScript(backend: string, ending: string) {
  const child = spawn(process.execPath, [script, backend, ending], { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, exited, told: JSON.parse(line) as Told };
}

async function untilGone({ id, folder, address, port }: Told): Promise<void> {
  await until('the processes are gone', async () => (await markedProcesses(id)).length === 0);
  await until('the folder is gone', () => !existsSync(folder));
  assert.equal(await answers({ address, port }), false);
}

for (const { name: backend, skip } of backends) {
  describe(`the life of the ${backend} testbed`, { skip }, () => {
    it('leaves no process, port or folder when stopped', async () => {
      const bed = await Testbed.start({ hosts: 20, backend });
      const [host] = bed.hosts;
      assert.ok(host);
      await using client = await PlainClient.connect(host);
      const channel = await client.open(
        '(setsid sleep 4000 &) ; trap "" TERM HUP; echo ready; sleep 4001; sleep 4002',
      );
      await untilOutput(channel, 'ready');
      await until(
        'both sleep',
        async () => (await bed.processes()).filter((p) => p.command.startsWith('sleep')).length === 2,
      );
      assert.ok(await answers(host));
      assert.equal(statSync(bed.folder).mode & 0o777, 0o700);
      // The question whether it answers was a connection, too.
      await until('one connection is left', () => bed.connections().length === (backend === 'sshd' ? 1 : 0));
      await Promise.all([bed.stop(), bed.stop()]);
      assert.deepEqual(await bed.processes(), []);
      assert.equal(existsSync(bed.folder), false);
      for (const { address, port } of bed.hosts) assert.equal(await answers({ address, port }), false);
      assert.match(bed.toString(), /stopped/);
    });

    it('lets one host crash, while its commands and the other hosts go on', async () => {
      await using bed = await Testbed.start({
        hosts: 2,
        backend,
        ...(backend === 'sshd' ? { hostsPerServer: 1 } : {}),
      });
      const [first, second] = bed.hosts;
      assert.ok(first && second);
      await using client = await PlainClient.connect(first);
      await using other = await PlainClient.connect(second);
      const channel = await client.open('echo ready; exec sleep 5000');
      await untilOutput(channel, 'ready');
      if (backend === 'sshd') {
        assert.equal(bed.connections().length, 2);
        assert.equal(bed.connections(second).length, 1);
        assert.notDeepEqual(bed.connections(first.address), bed.connections(second));
      }
      const closed = once(client.client, 'close');
      await bed.crash(first);
      await closed;
      assert.equal(await answers(first), false);
      assert.equal((await other.run('true')).code, 0);
      // The shell may not have become `sleep` yet.
      await until('the command goes on', async () =>
        (await bed.processes()).some((p) => p.command === 'sleep 5000' && p.host === first.address),
      );
    });

    it('listens on loopback only', { skip: !existsSync('/proc/net/tcp') }, async () => {
      await using bed = await Testbed.start({ hosts: 20, backend });
      const wanted = (bed.hosts[0]?.port ?? 0).toString(16).toUpperCase().padStart(4, '0');
      const listeners = ['/proc/net/tcp', '/proc/net/tcp6']
        .filter((file) => existsSync(file))
        .flatMap((file) => readFileSync(file, 'utf8').trim().split('\n').slice(1))
        .map((line) => line.trim().split(/\s+/))
        .filter(([, local, , state]) => state === '0A' && local?.endsWith(`:${wanted}`))
        .map(([, local]) => local?.slice(6, 8));
      assert.deepEqual(listeners, Array(20).fill('7F'));
    });

    it('starts 200 hosts, each with a known key', async () => {
      await using bed = await Testbed.start({ hosts: 200, backend });
      assert.equal(new Set(bed.hosts.map((host) => `${host.address}:${host.port}`)).size, 200);
      const known = readFileSync(bed.knownHostsFile, 'utf8');
      for (const { address, port } of bed.hosts)
        assert.ok(known.includes(`[${address}]:${port} ssh-ed25519 `));
      const last = bed.hosts.at(-1);
      assert.ok(last);
      await using client = await PlainClient.connect(last);
      assert.equal((await client.run('true')).code, 0);
    });

    for (const [ending, signal] of [
      ['wait', 'SIGKILL'],
      ['wait', 'SIGTERM'],
      ['exit', undefined],
      ['throw', undefined],
      ['stop', undefined],
    ] as const) {
      it(`leaves nothing when its script ends by ${signal ?? ending}`, async () => {
        const { child, exited, told } = await startScript(backend, ending);
        if (signal) {
          assert.notDeepEqual(await markedProcesses(told.id), []);
          child.kill(signal);
        }
        const [code, by] = await exited;
        assert.deepEqual(
          [code, by],
          signal ? [null, signal] : [{ exit: 3, throw: 1, stop: 0 }[ending as 'exit'], null],
        );
        await untilGone(told);
      });
    }

    it('does not keep a script running that has nothing left to do', async () => {
      const { exited, told } = await startScript(backend, 'idle');
      assert.deepEqual(await exited, [0, null]);
      await untilGone(told);
    });
  });
}

describe('the folder of a testbed', () => {
  it('is removed by the next start when its owner has died, and only then', async () => {
    const { pid: dead } = spawnSync('true');
    const namespace = await (async () => {
      await using bed = await Testbed.start({ hosts: 1, backend: 'embedded' });
      return readFileSync(join(bed.folder, 'owner'), 'utf8').trim().split(' ')[1];
    })();
    const make = (owner: string | undefined) => {
      const folder = mkdtempSync(join(tmpdir(), 'rookery-testbed-'));
      mkdirSync(join(folder, 'hosts'));
      if (owner) writeFileSync(join(folder, 'owner'), owner);
      return folder;
    };
    const stale = make(`${dead} ${namespace}`);
    const kept = [make(`${process.pid} ${namespace}`), make(`${dead} pid:[1]`), make(undefined)];
    try {
      await using bed = await Testbed.start({ hosts: 1, backend: 'embedded' });
      assert.ok(existsSync(bed.folder));
      assert.equal(existsSync(stale), false);
      for (const folder of kept) assert.equal(existsSync(folder), true);
    } finally {
      for (const folder of kept) rmSync(folder, { recursive: true });
    }
  });
});
