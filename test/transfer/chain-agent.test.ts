import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, it } from 'node:test';
import { agentFor, chainCommand } from '../../src/transfer/chain/start.js';
import { temporaryFolder } from './tree.js';

const programs =
  'sh mkdir mktemp mkfifo rm stat cat sha256sum grep head tail wc sleep sed od touch chmod ls env';
const find = (name: string) =>
  execFileSync('/bin/sh', ['-c', `PATH=/usr/bin:/bin:$PATH; command -v ${name} || :`], {
    encoding: 'utf8',
  }).trim();
const own = '127.0.0.7';
const before = '127.0.0.8';
const size = 100_000;
const content = randomBytes(size);
const digest = createHash('sha256').update(content).digest('hex');

const started: ChildProcess[] = [];

/** An agent as a host would run it; what arrives is written to `file` by cat. */
async function startAgent(tool: string, folder: string) {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const name of [...programs.split(' '), tool]) symlinkSync(find(name), join(bin, name));
  const file = join(folder, 'file');
  const [program, ...words] = chainCommand(folder, 'into', ['/bin/sh', '-c', 'cat > "$1"', 'sh', file]);
  const child = spawn(program as string, words, {
    env: { PATH: bin, TMPDIR: folder, SSH_CONNECTION: `127.0.0.1 1 ${own} 22` },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  started.push(child);
  const closed = once(child, 'close');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const hear = async (verb: string): Promise<string[]> => {
    for (;;) {
      const { value, done } = (await lines.next()) as IteratorResult<string, undefined>;
      assert.ok(!done, `the agent ended before it said ${verb}`);
      const heard = value.split(' ');
      if (heard[0] === verb) return heard.slice(1);
    }
  };
  const say = (...words: unknown[]) => child.stdin.write(`${words.join(' ')}\n`);
  assert.deepEqual(await hear('hello'), [tool]);
  child.stdin.write(agentFor(tool)!);
  assert.deepEqual(await hear('own'), [own]);
  say('size', size);
  const end = async () => {
    child.stdin.end();
    return (await closed) as [number | null];
  };
  return { say, hear, end, file, pid: child.pid as number };
}

/** Connects from an address, sends, and waits until the other side closes, as it does with those that it does not want. */
async function call(from: string, port: number, ...data: (string | Buffer)[]): Promise<void> {
  const socket = connect({ host: own, port, localAddress: from });
  socket.on('error', () => undefined);
  for (const part of data) socket.write(part);
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
}

describe('the agents of ChainPut', () => {
  afterEach(() => {
    for (const child of started.splice(0)) child.stdin?.end();
  });

  for (const tool of ['python3', 'perl', 'node', 'socat', 'ncat']) {
    const skip = find(tool) === '' ? `there is no ${tool} here` : false;
    const shell = ['socat', 'ncat'].includes(tool);

    it(`${tool}: lets in nobody but the one with the right address and token`, { skip }, async () => {
      using folder = temporaryFolder();
      const { say, hear, end, pid } = await startAgent(tool, folder.path);
      const token = randomBytes(32).toString('hex');
      const listen = async (id: number) => {
        say('listen', id, before, token);
        const heard = await hear('listening');
        assert.equal(heard[0], String(id));
        return { port: Number(heard[1]), have: Number(heard[2]) };
      };
      let { port } = await listen(1);
      await call('127.0.0.9', port, `${token}\n`, content);
      const elsewhere = connect({ host: '127.0.0.1', port });
      await assert.rejects(once(elsewhere, 'connect'), /ECONNREFUSED/, 'it listens on its own address only');
      // ncat, and the shell after a wrong token, stop listening; the controller then asks for it again.
      if (tool === 'ncat') ({ port } = await listen(2));
      await call(before, port, `${'0'.repeat(64)}\n`, content);
      if (shell) ({ port } = await listen(3));
      const friend = connect({ host: own, port, localAddress: before });
      friend.write(`${token}\n`);
      await hear('linked');
      friend.destroy();
      assert.ok(!execFileSync('cat', [`/proc/${pid}/cmdline`], { encoding: 'latin1' }).includes(token));
      await end();
    });

    it(`${tool}: goes on where it was cut, and takes what has the right digest`, { skip }, async () => {
      using folder = temporaryFolder();
      const { say, hear, end, file } = await startAgent(tool, folder.path);
      const token = randomBytes(32).toString('hex');
      say('listen', 1, before, token);
      const [, port] = await hear('listening');
      const first = connect({ host: own, port: Number(port), localAddress: before });
      first.end(Buffer.concat([Buffer.from(`${token}\n`), content.subarray(0, 40_000)]));
      await hear('linked');
      assert.equal((await hear('starved'))[0], '1');
      say('listen', 2, before, token);
      const [, again, have] = await hear('listening');
      assert.equal(have, '40000');
      const second = connect({ host: own, port: Number(again), localAddress: before });
      second.end(Buffer.concat([Buffer.from(`${token}\n`), content.subarray(40_000)]));
      await hear('linked');
      while ((await hear('have'))[0] !== String(size));
      const third = connect({ host: own, port: Number(again), localAddress: before });
      await assert.rejects(once(third, 'connect'), /ECONNREFUSED/, 'nobody else is let in');
      say('digest', digest);
      await hear('placed');
      await end();
      assert.equal(execFileSync('sha256sum', [file], { encoding: 'utf8' }).split(' ')[0], digest);
    });

    it(`${tool}: says so when the digest differs`, { skip }, async () => {
      using folder = temporaryFolder();
      const { say, hear, end } = await startAgent(tool, folder.path);
      const token = randomBytes(32).toString('hex');
      say('feed', 1, token);
      const [, have, pipe] = await hear('feeding');
      assert.equal(have, '0');
      const feed = spawn('/bin/sh', ['-c', 'cat > "$1"', 'sh', pipe as string]);
      feed.stdin.end(Buffer.concat([Buffer.from(`${token}\n`), content]));
      await hear('linked');
      say('digest', '0'.repeat(64));
      await hear('corrupt');
      await end();
      assert.ok(!existsSync(pipe as string));
    });
  }
});
