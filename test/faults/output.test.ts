import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { closeConnections, Process, SshProcess, Testbed, type Command, type ProcessOptions } from 'rookery';
import { quiet } from './support.js';

const script = fileURLToPath(new URL('fixtures/flood.js', import.meta.url));

describe('output', () => {
  let bed: Testbed;
  before(async () => {
    bed = await Testbed.start({ hosts: 50, backend: 'sshd' });
  });
  after(async () => {
    await closeConnections();
    await bed.stop();
  });
  const kinds = {
    local: (command: Command, options?: ProcessOptions) => new Process(command, { ...quiet, ...options }),
    ssh2: (command: Command, options?: ProcessOptions) =>
      new SshProcess(command, bed.hosts[0]!, {
        ...quiet,
        ...options,
        connectionParams: { transport: 'ssh2' },
      }),
    openssh: (command: Command, options?: ProcessOptions) =>
      new SshProcess(command, bed.hosts[0]!, {
        ...quiet,
        ...options,
        connectionParams: { transport: 'openssh' },
      }),
  };

  for (const [kind, make] of Object.entries(kinds)) {
    it(`100 MB on stderr, then on both: no stall, and the right bytes, ${kind}`, async () => {
      const size = 100_000_000;
      const expected = createHash('sha256')
        .update(Buffer.alloc(size, 'the same line again and again\n'))
        .digest('hex');
      const flood = `yes 'the same line again and again' | head -c ${size}`;
      for (const command of [`(${flood}) >&2`, `(${flood}) & (${flood}) >&2; wait`]) {
        const [out, err] = [createHash('sha256'), createHash('sha256')];
        const p = await make(command, {
          maxOutput: 1000,
          stdoutHandlers: (chunk) => void out.update(chunk),
          stderrHandlers: (chunk) => void err.update(chunk),
        }).run();
        assert.ok(p.finishedOk && p.truncated, String(p));
        assert.equal(err.digest('hex'), expected);
        if (command.includes('wait')) assert.equal(out.digest('hex'), expected);
      }
    });

    it(`characters across packet borders, NULs, and no newline at the end, ${kind}`, async () => {
      const text = 'aü€😀\0'.repeat(100_000);
      const p = await make('cat', { stdin: text }).run();
      assert.ok(p.stdout === text);
      const lines: string[] = [];
      await make("printf 'one\\n\\ntwo\\r\\nlast'", {
        stdoutHandlers: { onLine: (line) => lines.push(line) },
      }).run();
      assert.deepEqual(lines, ['one', '', 'two', 'last']);
      // One byte at a time, with time in between for a packet each.
      const q = await make(
        "printf '\\360'; sleep 0.05; printf '\\237\\230'; sleep 0.05; printf '\\200\\n'",
      ).run();
      assert.equal(q.stdout, '😀\n');
    });

    it(`one line of 50 MB, ${kind}`, async () => {
      let length = 0;
      let count = 0;
      const p = make('head -c 50000000 /dev/zero | tr "\\0" x', { maxOutput: 10 }).start();
      for await (const line of p.lines()) {
        length = line.length;
        count++;
      }
      await p.wait();
      assert.deepEqual([count, length], [1, 50_000_000]);
    });

    it(`20 MB of stdin for a program that takes one byte, ${kind}`, async () => {
      const p = await make('head -c1', { stdin: Buffer.alloc(20_000_000, 'x') }).run();
      assert.deepEqual([p.stdout, p.exitCode, p.writeFailed, p.ok], ['x', 0, true, false]);
    });
  }

  it('50 hosts with many megabytes each, and 1 GiB from one: memory is bounded', () => {
    const each = Number(process.env['ROOKERY_FLOOD'] ?? 20_000_000);
    for (const [count, size] of [
      [50, each],
      [1, 1024 ** 3],
    ] as const) {
      const order = JSON.stringify({ hosts: bed.hosts.slice(0, count), size });
      const { stdout, stderr } = spawnSync(process.execPath, [script], {
        encoding: 'utf8',
        env: { ...process.env, ORDER: order },
      });
      const result = JSON.parse(stdout || '{}') as { bytes?: number; truncated?: number; peak?: number };
      assert.deepEqual(
        [result.bytes, result.truncated],
        [count * size, size > 4 * 1024 ** 2 ? count : 0],
        stderr,
      );
      // 4 MiB are kept of each stream; one SSH window of 2 MiB may be under way.
      // Newer versions of Node let more garbage lie; what was kept in full would be 1 GiB each time.
      const limit = (count === 1 ? 250 : 150 + count * 12) * 1024 ** 2;
      assert.ok(
        result.peak! < limit,
        `${count} × ${size} bytes took ${Math.round(result.peak! / 1024 ** 2)} MiB`,
      );
    }
  });
});
