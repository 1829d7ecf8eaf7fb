import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { makeKey } from '../../src/testbed/folder.js';
import { Testbed } from '../../src/testbed/index.js';
import { backends, maxSessions, noSshBinary } from './backends.js';
import { collect, exitOf, PlainClient, until, untilOutput } from './client.js';

const run = promisify(execFile);
const sha = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

for (const { name: backend, skip } of backends) {
  describe(`a host of the ${backend} testbed`, { skip }, () => {
    let bed: Testbed;
    let client: PlainClient;
    const host = (i: number) => {
      const found = bed.hosts[i];
      assert.ok(found);
      return found;
    };
    before(async () => {
      bed = await Testbed.start({ hosts: 3, backend });
      client = await PlainClient.connect(host(0));
    });
    after(async () => {
      await client?.[Symbol.asyncDispose]();
      await bed?.stop();
    });

    it('runs commands and tells their exit code', async () => {
      for (const code of [0, 1, 7, 255]) {
        const result = await client.run(`echo out; echo err >&2; exit ${code}`);
        assert.deepEqual(
          [result.code, String(result.stdout), String(result.stderr)],
          [code, 'out\n', 'err\n'],
        );
      }
    });

    it('tells by which signal a command ended', async () => {
      assert.equal((await client.run('kill -KILL $$')).signal, 'SIGKILL');
      assert.equal((await client.run('kill -TERM $$')).signal, 'SIGTERM');
    });

    it('makes the command the leader of a process group of its own, with default signal handling', async () => {
      const { stdout } = await client.run('ps -o pgid= -p $$; echo $$; grep SigIgn /proc/self/status');
      const [group, pid, ignored] = String(stdout).trim().split('\n');
      assert.equal(group?.trim(), pid?.trim());
      assert.match(ignored ?? '', /\s0+$/);
    });

    it('gives each host a folder of its own as home', async () => {
      await client.run('echo here > ~/note');
      assert.equal(
        String((await client.run('echo $HOME; cat ~/note')).stdout),
        `${bed.folderOf(host(0))}\nhere\n`,
      );
      await using other = await PlainClient.connect(host(1));
      assert.equal((await other.run('cat ~/note')).code, 1);
    });

    it('carries megabytes in and out unchanged', async () => {
      const data = randomBytes(5 * 1024 * 1024);
      const { code, stdout } = await client.run('cat', data);
      assert.equal(code, 0);
      assert.equal(sha(stdout), sha(data));
    });

    it('carries megabytes on both outputs at once to a reader that pauses', async () => {
      const size = 6 * 1024 * 1024;
      const half = (letter: string) => `(head -c ${size} /dev/zero | tr '\\0' ${letter})`;
      const channel = await client.open(`${half('a')} & ${half('b')} >&2 & wait`);
      const result = collect(channel);
      channel.on('data', () => {
        channel.pause();
        setImmediate(() => channel.resume());
      });
      const { stdout, stderr } = await result;
      assert.deepEqual([stdout.length, stderr.length], [size, size]);
      assert.equal(sha(stdout), sha(Buffer.alloc(size, 'a')));
      assert.equal(sha(stderr), sha(Buffer.alloc(size, 'b')));
    });

    it('takes input that the command does not read', async () => {
      const { stdout, code } = await client.run('head -c 1', Buffer.alloc(8 * 1024 * 1024, 'x'));
      assert.deepEqual([String(stdout), code], ['x', 0]);
    });

    it('reports the exit at once, and closes when the output has ended', async () => {
      const channel = await client.open('sleep 1000 & echo $!; exit 5');
      const result = collect(channel);
      assert.equal(await exitOf(channel), 5);
      // The copy of the shell may not have become `sleep` yet.
      let sleeper: number | undefined;
      await until('it sleeps', async () => {
        sleeper = (await bed.processes()).find((p) => p.command === 'sleep 1000')?.pid;
        return sleeper !== undefined;
      });
      assert.ok(sleeper);
      process.kill(sleeper, 'SIGKILL');
      assert.equal((await result).code, 5);
    });

    it('gives a terminal, and tells it when the window changes', async () => {
      const channel = await client.open('tty; stty size; read answer; stty size; echo $TERM', {
        pty: { rows: 33, cols: 99, term: 'vt100' },
      });
      const result = collect(channel);
      await untilOutput(channel, '33 99');
      channel.setWindow(44, 111, 0, 0);
      channel.write('go\n');
      const lines = String((await result).stdout);
      assert.match(lines, /^\/dev\//);
      assert.match(lines, /44 111\r\nvt100\r\n$/);
    });

    it('gives a shell', async () => {
      const channel = await promisify(
        client.client.shell.bind(client.client) as (
          w: false,
          cb: (e: Error | undefined, c: Awaited<ReturnType<PlainClient['open']>>) => void,
        ) => void,
      )(false);
      const result = collect(channel);
      channel.end('echo in $((6 * 7)) shell\nexit 3\n');
      const { stdout, code } = await result;
      assert.match(String(stdout), /in 42 shell/);
      assert.equal(code, 3);
    });

    it('can be a jump host', async () => {
      const inner = host(1);
      const tunnel = await new Promise<Awaited<ReturnType<PlainClient['open']>>>((resolve, reject) => {
        client.client.forwardOut('127.0.0.1', 0, inner.address, inner.port ?? 22, (error, channel) =>
          error ? reject(error) : resolve(channel),
        );
      });
      await using second = await PlainClient.connect(inner, { over: tunnel });
      assert.equal(String((await second.run('echo inside')).stdout), 'inside\n');
    });

    it('refuses to forward to where nobody listens', async () => {
      const failure = new Promise((resolve) => {
        client.client.forwardOut('127.0.0.1', 0, '127.0.0.1', 1, (error) =>
          resolve((error as { reason?: unknown } | undefined)?.reason),
        );
      });
      assert.equal(await failure, 2);
    });

    it('forwards ports back to the client', async () => {
      const port = await new Promise<number>((resolve, reject) => {
        client.client.forwardIn('127.0.0.1', 0, (error, chosen) => (error ? reject(error) : resolve(chosen)));
      });
      client.client.once('tcp connection', (_details, accept) => {
        const channel = accept();
        channel.end('from the client\n');
        channel.resume();
      });
      const { stdout } = await client.run(
        `exec 3<>/dev/tcp/127.0.0.1/${port} || exit; cat <&3`.replace(
          /^.*$/s,
          (script) => `bash -c '${script}'`,
        ),
      );
      assert.equal(String(stdout), 'from the client\n');
    });

    it('refuses other keys and other users', async () => {
      const level = (error: Error) => (error as Error & { level?: string }).level === 'client-authentication';
      const privateKey = makeKey('ed25519').private;
      await assert.rejects(PlainClient.connect(host(0), { privateKey }), level);
      await assert.rejects(PlainClient.connect(host(0), { username: 'nosuchuser' }), level);
    });

    it('lets a command live on when its client vanishes', async () => {
      const short = await PlainClient.connect(host(2));
      const channel = await short.open('echo started; exec sleep 2000');
      await untilOutput(channel, 'started');
      const isAlive = async () => (await bed.processes()).some((p) => p.command === 'sleep 2000');
      await until('sleep runs', isAlive);
      const closed = once(short.client, 'close');
      short.vanish();
      await closed;
      // The server has noticed when it serves the next connection.
      await using next = await PlainClient.connect(host(2));
      await next.run('true');
      assert.ok(await isAlive());
      const sleeper = (await bed.processes()).find((p) => p.command === 'sleep 2000');
      assert.equal(sleeper?.host, host(2).address);
    });

    it('refuses sessions beyond the limit with reason 2', async () => {
      await using small = await Testbed.start({ hosts: 1, ...maxSessions(backend, 1) });
      assert.equal(small.backend, backend);
      const [only] = small.hosts;
      assert.ok(only);
      await using one = await PlainClient.connect(only);
      const first = await one.open('cat');
      const refusal = await one.open('true').then(
        () => undefined,
        (error: Error & { reason?: number }) => error.reason,
      );
      assert.equal(refusal, 2);
      const ended = collect(first);
      first.end();
      await ended;
      await until('a session is free again', () =>
        one.run('true').then(
          () => true,
          () => false,
        ),
      );
    });

    it('is reached by the ssh program with the written configuration', { skip: noSshBinary }, async () => {
      const options = ['-F', bed.sshConfigFile, '-o', 'BatchMode=yes'];
      assert.equal(
        (await run('ssh', [...options, host(1).address, 'echo $SSH_CONNECTION'])).stdout.split(' ')[2],
        host(1).address,
      );
      assert.equal(
        (await run('ssh', [...options, '-J', 'host1', 'host3', 'echo jumped'])).stdout,
        'jumped\n',
      );
      await assert.rejects(run('ssh', [...options, 'host2', 'exit 9']), { code: 9 });
    });
  });
}

describe('only an embedded host', () => {
  it('delivers signals to the process group', async () => {
    await using bed = await Testbed.start({ hosts: 1, backend: 'embedded' });
    const [host] = bed.hosts;
    assert.ok(host);
    await using client = await PlainClient.connect(host);
    const channel = await client.open('echo ready; sleep 1000; true');
    const result = collect(channel);
    await untilOutput(channel, 'ready');
    channel.signal('TERM');
    assert.equal((await result).signal, 'SIGTERM');
    assert.deepEqual(await bed.processes(), []);
  });

  it('accepts a password by both methods when asked to, and hides it', async () => {
    const password = 'not to be seen';
    await using bed = await Testbed.start({ hosts: 1, embedded: { password, banner: 'Welcome' } });
    const [host] = bed.hosts;
    assert.ok(host);
    await using plain = await PlainClient.connect(host, { password });
    assert.equal((await plain.run('true')).code, 0);
    await assert.rejects(PlainClient.connect(host, { password: 'wrong' }), /authentication/);
    assert.ok(
      !`${JSON.stringify(bed)}${(await import('node:util')).inspect(bed, { depth: 9, showHidden: true })}${bed.log().join()}`.includes(
        password,
      ),
    );
  });

  it('has the login shell that it was given', async () => {
    await using bed = await Testbed.start({ hosts: 1, embedded: { shell: '/bin/bash' } });
    const [host] = bed.hosts;
    assert.ok(host);
    await using client = await PlainClient.connect(host);
    assert.match(String((await client.run('echo $BASH_VERSION')).stdout), /^\d/);
  });
});
