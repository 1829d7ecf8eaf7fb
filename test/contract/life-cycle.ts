import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { InvalidArgument } from 'rookery';
import type { Subject } from './subject.js';

export function lifeCycle({ make, remote }: Subject): void {
  describe('life cycle', () => {
    it('goes from created to started to ended, with its dates and events', async () => {
      const events: string[] = [];
      const note = (name: string) => (p: { state: string }) => void events.push(`${name} ${p.state}`);
      const p = make('cat', { on: { start: note('start'), end: note('end'), reset: note('reset') } });
      assert.deepEqual(
        [p.state, p.started, p.running, p.ended, p.startDate, p.pid],
        ['created', false, false, false, undefined, undefined],
      );
      assert.equal(p.start(), p);
      assert.ok(p.started && p.running && p.ok && !p.finishedOk);
      assert.throws(() => p.start(), InvalidArgument);
      assert.throws(() => p.reset(), InvalidArgument);
      assert.equal(await p.end().wait(), p);
      assert.deepEqual([p.state, p.running, p.ended, p.exitCode], ['ended', false, true, 0]);
      assert.ok(p.endDate! >= p.startDate!);
      assert.ok(Number.isInteger(p.pid));
      p.reset();
      assert.deepEqual([p.state, p.exitCode, p.stdout, p.startDate], ['created', undefined, '', undefined]);
      assert.deepEqual(events, ['start started', 'end ended', 'reset created']);
      await assert.rejects(p.wait(), InvalidArgument);
    });

    it('runs again after reset, with nothing remembered', async () => {
      const p = make('echo out; echo err >&2; read x; exit "$x"');
      for (const code of [3, 0, 5]) {
        await p.start().write(`${code}\n`).wait();
        assert.deepEqual([p.exitCode, p.stdout, p.stderr], [code, 'out\n', 'err\n']);
        p.reset();
      }
    });

    it('waits no longer than it is told to', async () => {
      const p = make('cat').start();
      await p.wait({ timeout: 50 });
      assert.equal(p.running, true);
      await p.end().wait();
      assert.equal(p.finishedOk, true);
    });

    it('is killed at the end of its block', async () => {
      let outer;
      {
        await using p = make('sleep 300').start();
        await p.wait({ timeout: 20 });
        outer = p;
      }
      assert.deepEqual([outer.ended, outer.killed, outer.killConfirmed], [true, true, true]);
    });

    it('describes itself', async () => {
      const p = await make('echo some output; exit 4', { name: 'my name' }).run();
      assert.match(String(p), /Process "my name".*: exit 4 in \d/);
      assert.equal(inspect(p), String(p));
      assert.equal(String(p).includes('root@') || String(p).includes('@127.'), remote);
      assert.match(p.dump(), /some output/);
      assert.match(p.dump(), /exit 4/);
      const { name, total, started, ended, nonZeroExits, ok, failures } = p.stats();
      assert.deepEqual(
        [name, total, started, ended, nonZeroExits, ok, failures],
        ['my name', 1, 1, 1, 1, 0, { 'exit 4': 1 }],
      );
    });
  });
}
