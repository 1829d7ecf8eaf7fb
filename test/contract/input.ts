import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import type { Subject } from './subject.js';

export function input({ make }: Subject): void {
  describe('input', () => {
    it('gives a text, bytes or a stream, and ends', async () => {
      assert.equal((await make('cat', { stdin: 'text ü\n' }).run()).stdout, 'text ü\n');
      const bytes = Buffer.from([0, 1, 255, 10, 13, 0]);
      assert.deepEqual((await make('cat', { stdin: bytes }).run()).stdoutBytes, bytes);
      assert.equal((await make('cat', { stdin: Readable.from(['a', 'b', 'c']) }).run()).stdout, 'abc');
      assert.equal((await make('cat', { stdin: '' }).run()).stdout, '');
    });

    it('gives nothing when there is nothing to read', async () => {
      const p = await make('cat; echo end', { stdin: 'ignore' }).run();
      assert.equal(p.stdout, 'end\n');
    });

    it('keeps what is written before it runs', async () => {
      const p = make('cat').write('before ').start().write('after').end();
      await p.wait();
      assert.equal(p.stdout, 'before after');
    });

    it('passes megabytes through', async () => {
      const content = Buffer.alloc(20_000_000, 'some megabytes of text ');
      const p = await make('sha256sum', { stdin: content }).run();
      assert.equal(p.stdout.slice(0, 64), createHash('sha256').update(content).digest('hex'));
      assert.equal(p.writeFailed, false);
    });

    it('tells that not all of it was taken', async () => {
      const p = await make('head -c 1', { stdin: 'x'.repeat(20_000_000) }).run();
      assert.deepEqual([p.stdout, p.exitCode, p.writeFailed, p.ok], ['x', 0, true, false]);
      const q = await make('head -c 1', { stdin: 'x'.repeat(20_000_000), ignoreWriteError: true }).run();
      assert.ok(q.finishedOk);
      const late = await make('true').run();
      assert.ok(late.write('x').writeFailed);
    });
  });
}
