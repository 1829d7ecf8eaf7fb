import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { execFileSync } from 'node:child_process';
import {
  closeConnections,
  Host,
  SshProcess,
  Testbed,
  type ConnectionParams,
  type SshProcessOptions,
} from 'rookery';
import { outcome, quiet, transports } from './support.js';

describe('endings', () => {
  let bed: Testbed;
  let folder: string;
  let freePort: number;
  before(async () => {
    bed = await Testbed.start({ hosts: 2, backend: 'sshd' });
    folder = mkdtempSync(join(tmpdir(), 'rookery-endings-'));
    for (const name of ['wrong', 'other'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
    const [type, blob] = execFileSync('cat', [join(folder, 'other.pub')], { encoding: 'utf8' }).split(' ');
    const host = bed.hosts[0]!;
    writeFileSync(join(folder, 'changed'), `[${host.address}]:${host.port} ${type} ${blob}\n`);
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    freePort = (server.address() as { port: number }).port;
    await new Promise((resolve) => server.close(resolve));
  });
  after(async () => {
    await closeConnections();
    await bed.stop();
    rmSync(folder, { recursive: true });
  });

  interface Case {
    readonly name: string;
    readonly run: (transport: ConnectionParams['transport']) => Promise<SshProcess>;
    readonly expected: Partial<ReturnType<typeof outcome>>;
  }
  const on = (
    command: string,
    transport: ConnectionParams['transport'],
    params: ConnectionParams = {},
    more: SshProcessOptions = {},
  ) =>
    new SshProcess(command, bed.hosts[0]!, { ...quiet, ...more, connectionParams: { transport, ...params } });
  const nowhere = { exitCode: undefined, signal: undefined, reason: 'error', timedOut: false, killed: false };
  const cases: readonly Case[] = [
    { name: 'exit 255', run: (t) => on('exit 255', t).run(), expected: { exitCode: 255, reason: 'exit' } },
    {
      name: 'kill -9 $$',
      run: (t) => on('kill -9 $$', t).run(),
      expected: { signal: 'SIGKILL', reason: 'signal' },
    },
    {
      name: 'a refused port',
      run: (t) =>
        new SshProcess('true', `127.0.0.1:${freePort}`, {
          ...quiet,
          connectionParams: { transport: t },
        }).run(),
      expected: { ...nowhere, code: 'ERR_CONNECTION_REFUSED' },
    },
    {
      name: 'an unknown host name',
      run: (t) =>
        new SshProcess('true', new Host('no-such-host.invalid'), {
          ...quiet,
          connectionParams: { transport: t },
        }).run(),
      expected: { ...nowhere, code: 'ERR_HOST_NOT_FOUND' },
    },
    {
      name: 'a wrong key',
      run: (t) => on('true', t, { keyfile: join(folder, 'wrong'), agent: false }).run(),
      expected: { ...nowhere, code: 'ERR_AUTHENTICATION_FAILED' },
    },
    {
      name: 'a changed host key',
      run: (t) => on('true', t, { knownHosts: join(folder, 'changed') }).run(),
      expected: { ...nowhere, code: 'ERR_HOST_KEY_CHANGED' },
    },
    {
      name: 'a timeout',
      run: (t) => on('sleep 60', t, {}, { timeout: '300ms' }).run(),
      expected: { signal: 'SIGTERM', timedOut: true, killed: false, reason: 'timeout', code: undefined },
    },
    {
      name: 'a kill',
      run: async (t) => {
        const p = on('echo ready; sleep 60', t).start();
        await p.expect('ready');
        return p.kill().wait();
      },
      expected: { signal: 'SIGTERM', timedOut: false, killed: true, reason: 'kill', code: undefined },
    },
  ];

  const seen = new Set<string>();
  for (const { name, run, expected } of cases) {
    it(`${name}: the same on both transports, and like no other`, async () => {
      const [one, other] = [outcome(await run('ssh2')), outcome(await run('openssh'))];
      assert.deepEqual(other, one);
      assert.deepEqual({ ...one, ...expected }, one);
      assert.equal(one['ok'], false);
      assert.ok(!seen.has(JSON.stringify(one)), 'an outcome of its own');
      seen.add(JSON.stringify(one));
    });
  }

  for (const transport of transports) {
    it(`a child that holds the streams does not hold the end, ${transport}`, async () => {
      await closeConnections();
      const begin = performance.now();
      const p = await on('sleep 300 & echo out; exit 5', transport).run();
      assert.deepEqual([p.exitCode, p.stdout], [5, 'out\n']);
      assert.ok(performance.now() - begin < 30_000);
    });

    it(`an exit code is not the signal that shells write the same, ${transport}`, async () => {
      const code = outcome(await on('exit 137', transport).run());
      const signal = outcome(await on('kill -9 $$', transport).run());
      const child = outcome(await on("sh -c 'kill -9 $$'; exit $?", transport).run());
      assert.deepEqual([code['exitCode'], code['signal'], code['reason']], [137, undefined, 'exit']);
      assert.deepEqual(
        [signal['exitCode'], signal['signal'], signal['reason']],
        [undefined, 'SIGKILL', 'signal'],
      );
      assert.deepEqual(child, code);
    });

    it(`the drain grace decides about late output, ${transport}`, async () => {
      const late = '(sleep 1.5; echo late) & echo early; exit 0';
      const short = await on(late, transport, {}, { drainGrace: '100ms' }).run();
      assert.deepEqual([short.stdout, short.exitCode], ['early\n', 0]);
      const long = await on(late, transport, {}, { drainGrace: '20s' }).run();
      assert.deepEqual([long.stdout, long.exitCode], ['early\nlate\n', 0]);
    });

    it(`a lost connection is not exit 0, ${transport}`, async () => {
      const p = on('echo ready; sleep 60', transport).start();
      await p.expect('ready');
      for (const pid of bed.connections(bed.hosts[0])) process.kill(pid, 'SIGKILL');
      await p.wait();
      assert.deepEqual(outcome(p), { ...outcome(p), ...nowhere, code: 'ERR_CONNECTION_LOST' });
    });
  }
});
