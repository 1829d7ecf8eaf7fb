import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import type { Subject } from './subject.js';

export function output({ make }: Subject): void {
  describe('output', () => {
    it('keeps stdout and stderr apart', async () => {
      const p = await make('echo out; echo err >&2; printf last').run();
      assert.deepEqual([p.stdout, p.stderr], ['out\nlast', 'err\n']);
    });

    it('keeps the last bytes, and says so', async () => {
      const p = await make('seq 100000', { maxOutput: 1000 }).run();
      assert.equal(p.truncated, true);
      assert.equal(p.stdoutBytes.length, 1000);
      assert.ok(p.stdout.endsWith('99999\n100000\n'));
      assert.equal((await make('seq 100').run()).truncated, false);
    });

    it('gives every byte to every handler', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'rookery-output-'));
      try {
        const hash = createHash('sha256');
        const lines: string[] = [];
        let slow = 0;
        const stream = new Writable({
          highWaterMark: 1024,
          write(chunk: Buffer, _encoding, done) {
            slow += chunk.length;
            setImmediate(done);
          },
        });
        const p = await make('seq 300000; echo ü >&2', {
          maxOutput: 100,
          stdoutHandlers: [
            join(folder, 'out'),
            stream,
            (chunk) => void hash.update(chunk),
            { onLine: (line) => lines.push(line) },
          ],
          stderrHandlers: join(folder, 'err'),
        }).run();
        assert.ok(p.finishedOk);
        const whole = Array.from({ length: 300_000 }, (_, i) => `${i + 1}\n`).join('');
        assert.equal(readFileSync(join(folder, 'out'), 'utf8'), whole);
        assert.equal(slow, whole.length);
        assert.equal(hash.digest('hex'), createHash('sha256').update(whole).digest('hex'));
        assert.equal(lines.length, 300_000);
        assert.equal(lines.at(-1), '300000');
        assert.equal(readFileSync(join(folder, 'err'), 'utf8'), 'ü\n');
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    it('fails when a handler does', async () => {
      const p = await make('echo x', {
        stdoutHandlers: () => {
          throw new Error('handler broke');
        },
      }).run();
      assert.equal(p.error?.code, 'ERR_OUTPUT_HANDLER');
      assert.match(p.error?.message ?? '', /handler broke/);
      assert.equal(p.ok, false);
      const q = await make('echo x', { stdoutHandlers: '/no/such/folder/file' }).run();
      assert.equal(q.error?.code, 'ERR_OUTPUT_HANDLER');
    });

    it('is told by events, and by lines as they come', async () => {
      const events: string[] = [];
      const p = make('printf "a\\nb"; echo e >&2; read x; echo "$x"');
      p.on('line', (line, stream) => events.push(`${stream}: ${line}`));
      p.on('stdout', (chunk) => events.push(`chunk ${chunk.length > 0}`));
      p.start();
      const lines: string[] = [];
      for await (const line of p.lines()) {
        lines.push(line);
        if (line === 'a') p.write('word\n');
      }
      await p.wait();
      assert.deepEqual(lines, ['a', 'bword']);
      assert.ok(
        events.includes('stdout: a') && events.includes('stdout: bword') && events.includes('stderr: e'),
      );
      assert.ok(events.includes('chunk true'));
    });

    it('reads on while one stream is full and the other empty', async () => {
      const p = await make('head -c 30000000 /dev/zero >&2; head -c 30000000 /dev/zero', {
        maxOutput: 10,
      }).run();
      assert.ok(p.finishedOk && p.truncated);
    });
  });
}
