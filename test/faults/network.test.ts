import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { closeConnections, Host, SshProcess, Testbed, type HostSpec } from 'rookery';
import { living, quiet, transports, uniqueSleep, until } from './support.js';

const script = fileURLToPath(new URL('fixtures/lost.js', import.meta.url));

/** Runs the script to its end. `onReady` is called when its first command runs. */
async function runScript(host: HostSpec, count: number, onReady?: () => void) {
  const child = spawn(process.execPath, [script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ORDER: JSON.stringify({ host, count }) },
  });
  let output = '';
  let told = false;
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
    if (told || output.split('ready\n').length <= count) return;
    told = true;
    onReady?.();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  const results = output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { code?: string; exitCode?: number; message?: string });
  return { code, output, results };
}

for (const transport of transports) {
  describe(`the death of the network, ${transport}`, () => {
    let bed: Testbed;
    before(async () => {
      bed = await Testbed.start({ hosts: 2, backend: 'sshd' });
    });
    after(async () => {
      await closeConnections();
      await bed.stop();
    });
    const spec = (index: number, more: Partial<HostSpec> = {}): HostSpec => ({
      ...bed.hosts[index]!.toJSON(),
      transport,
      ...more,
    });

    it('a frozen server is noticed by the keepalive, and the program can end', async () => {
      const frozen: number[] = [];
      let frozenAt = 0;
      const host = spec(0, { keepalive: '300ms', keepaliveCount: 2 });
      // Whole seconds are what OpenSSH counts in.
      const { code, results, output } = await runScript(host, 3, () => {
        frozenAt = performance.now();
        for (const pid of bed.connections(bed.hosts[0])) {
          process.kill(pid, 'SIGSTOP');
          frozen.push(pid);
        }
      });
      for (const pid of frozen) process.kill(pid, 'SIGKILL');
      assert.ok(frozen.length > 0);
      // Two probes of 300 ms (of 1 s for OpenSSH, which counts in seconds), and the machine may be busy.
      assert.ok(performance.now() - frozenAt < 20_000, 'noticed within the keepalive limit');
      assert.equal(code, 0, output);
      assert.deepEqual(
        results.map((r) => [r.code, r.exitCode]),
        Array(3).fill(['ERR_CONNECTION_LOST', undefined]),
      );
    });

    it('a server that is killed is a lost connection, and what ran there ends', async () => {
      const tag = uniqueSleep();
      const p = new SshProcess(`echo ready; setsid sleep ${tag} & sleep ${tag}`, bed.hosts[1]!, {
        ...quiet,
        connectionParams: { transport },
      }).start();
      await p.expect('ready');
      for (const pid of bed.connections(bed.hosts[1])) process.kill(pid, 'SIGKILL');
      await p.wait();
      assert.deepEqual(
        [p.error?.code, p.exitCode, p.signal, p.reason],
        ['ERR_CONNECTION_LOST', undefined, undefined, 'error'],
      );
      await until('nothing is left there', () => living(`sleep ${tag}`).length === 0);
      const again = await new SshProcess('echo back', bed.hosts[1]!, {
        ...quiet,
        connectionParams: { transport },
      }).run();
      assert.equal(again.stdout, 'back\n', 'the next process connects anew');
    });

    const servers: Record<string, { serve: (socket: Socket) => void; code: string }> = {
      'says nothing': { serve: () => undefined, code: 'ERR_CONNECT_TIMEOUT' },
      'closes at once': { serve: (socket) => socket.destroy(), code: 'ERR_CONNECTION_CLOSED' },
      'resets at once': { serve: (socket) => socket.resetAndDestroy(), code: 'ERR_CONNECTION_CLOSED' },
      'speaks another protocol': {
        serve: (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
        code: 'ERR_PROTOCOL',
      },
      'sends garbage': { serve: (socket) => socket.write(Buffer.alloc(100_000, 0xa7)), code: 'ERR_PROTOCOL' },
      'is too busy': {
        serve: (socket) => socket.end('Not allowed at this time\r\n'),
        code: 'ERR_SERVER_BUSY',
      },
      'is full': { serve: (socket) => socket.end('Exceeded MaxStartups\r\n'), code: 'ERR_SERVER_BUSY' },
      'leaves in the key exchange': {
        serve: (socket) =>
          socket.write('SSH-2.0-OpenSSH_9.9\r\n', () => setTimeout(() => socket.destroy(), 50)),
        code: 'ERR_CONNECTION_CLOSED',
      },
    };
    for (const [what, { serve, code }] of Object.entries(servers)) {
      it(`a server that ${what} is ${code}`, async () => {
        const open = new Set<Socket>();
        const server = createServer((socket) => {
          open.add(socket);
          socket.on('error', () => undefined);
          serve(socket);
        }).listen(0, '127.0.0.1');
        await once(server, 'listening');
        const { port } = server.address() as AddressInfo;
        const host = {
          address: '127.0.0.1',
          port,
          transport,
          connectTimeout: '1500ms',
          retries: 1,
          hostKeyPolicy: 'off',
        } as const;
        const result = await runScript(host, 2);
        server.close();
        for (const socket of open) socket.destroy();
        assert.equal(result.code, 0, result.output);
        assert.deepEqual(
          result.results.map((r) => [r.code, r.exitCode]),
          Array(2).fill([code, undefined]),
          result.output,
        );
      });
    }

    it('a server that refuses sessions is ERR_CHANNEL_REFUSED', async () => {
      await using strict = await Testbed.start({
        hosts: 1,
        backend: 'sshd',
        sshdOptions: { MaxSessions: 0 },
      });
      const p = await new SshProcess(
        'true',
        new Host({ ...strict.hosts[0]!.toJSON(), transport }),
        quiet,
      ).run();
      assert.equal(p.error?.code, 'ERR_CHANNEL_REFUSED');
    });
  });
}
