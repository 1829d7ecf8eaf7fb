import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Subject } from './subject.js';

export function endings({ make, remote }: Subject): void {
  describe('endings', () => {
    for (const code of [0, 1, 7, 126, 127, 128, 130, 137, 143, 254, 255]) {
      it(`tells exit ${code}`, async () => {
        const p = await make(`exit ${code}`).run();
        assert.deepEqual([p.exitCode, p.signal, p.error, p.reason], [code, undefined, undefined, 'exit']);
        assert.equal(p.ok, code === 0);
        assert.equal(p.finishedOk, code === 0);
      });
    }

    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGSEGV', 'SIGUSR1'] as const) {
      it(`tells a death by ${signal}`, async () => {
        const p = await make(`kill -s ${signal.slice(3)} $$; sleep 5`).run();
        assert.deepEqual([p.signal, p.exitCode, p.error, p.reason], [signal, undefined, undefined, 'signal']);
        assert.equal(p.ok, false);
        assert.equal(p.killed, false);
      });
    }

    it('tells a program that is not there', async () => {
      const p = await make(['/no/such/program']).run();
      assert.equal(p.ok, false);
      if (remote) assert.equal(p.exitCode, 127);
      else assert.equal(p.error?.code, 'ERR_SPAWN');
    });

    it('ends with the process, not with a child that holds its streams', async () => {
      const begin = performance.now();
      const p = await make('sleep 60 & echo out; exit 5').run();
      assert.deepEqual([p.exitCode, p.stdout], [5, 'out\n']);
      assert.ok(performance.now() - begin < 20_000);
    });

    it('ignores what it is told to ignore', async () => {
      assert.ok((await make('exit 3', { ignoreExitCode: true }).run()).finishedOk);
      assert.ok((await make('kill -9 $$', { ignoreExitCode: true }).run()).finishedOk);
      const slow = await make('sleep 60', { timeout: 100, ignoreTimeout: true }).run();
      assert.ok(slow.finishedOk && slow.timedOut);
      assert.equal((await make('exit 3', { ignoreTimeout: true, ignoreError: true }).run()).ok, false);
    });

    it('throws when asked to', async () => {
      const good = await make('true').run();
      assert.equal(good.orThrow(), good);
      const bad = await make('exit 3').run();
      assert.throws(() => bad.orThrow(), { code: 'ERR_PROCESSES_FAILED', message: /exit 3/ });
    });
  });
}
