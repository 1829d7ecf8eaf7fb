import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Subject } from './subject.js';

export function expecting({ make }: Subject): void {
  describe('expect', () => {
    it('finds one of several patterns, and goes on after it', async () => {
      const p = make('echo one two; cat').start();
      const first = await p.expect([/t[a-z]o/, 'one']);
      assert.deepEqual([first.index, first.match[0], first.stream], [1, 'one', 'stdout']);
      assert.equal((await p.expect(/t(.)o/)).match[1], 'w');
      p.write('one again\n');
      assert.equal((await p.expect(/one (\w+)/)).match[1], 'again');
      await p.end().wait();
      assert.ok(p.finishedOk);
    });

    it('finds what comes in pieces, on either stream', async () => {
      const p = make(
        'printf spl; sleep 0.1; printf "it\\n"; printf wro >&2; sleep 0.1; printf "ng\\n" >&2; cat',
      ).start();
      await p.expect('split', { timeout: '20s' });
      const found = await p.expect('wrong', { stream: 'both', timeout: '20s' });
      assert.equal(found.stream, 'stderr');
      await p.end().wait();
    });

    it('looks only at what is new when asked', async () => {
      const p = make('echo ready; read x; echo ready again; cat').start();
      await p.expect('ready');
      const next = p.expect(/ready.*\n/, { fromNow: true, timeout: '20s' });
      p.write('\n');
      assert.equal((await next).match[0], 'ready again\n');
      await p.end().wait();
    });

    it('tells the end of the stream from a timeout', async () => {
      const p = make('echo other; read x').start();
      await assert.rejects(p.expect('never', { timeout: 100 }), { code: 'ERR_EXPECT_TIMEOUT' });
      assert.equal(p.expectFailed, true);
      assert.equal(p.ok, false);
      const pending = assert.rejects(p.expect('never'), { code: 'ERR_EXPECT_END' });
      p.write('\n');
      await pending;
      await p.wait();
      assert.equal(p.exitCode, 0);
      assert.equal(p.finishedOk, false);
      const q = make('true', { ignoreExpectFail: true }).start();
      await assert.rejects(q.expect('never'), { code: 'ERR_EXPECT_END' });
      assert.ok((await q.wait()).finishedOk);
    });
  });
}
