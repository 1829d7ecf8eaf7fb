import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Subject } from './subject.js';

/** On a testbed hosts are this machine, so its process table tells of both. A zombie is dead. */
function isAlive(pid: string): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

export function killing({ make }: Subject): void {
  describe('kill', () => {
    it('ends the whole tree, and is done when it is gone', async () => {
      const p = make(
        'sleep 300 & a=$!; setsid sleep 300 & b=$!; (sleep 300 & echo $a $b $! $$ ready; wait)',
      ).start();
      const { match } = await p.expect(/([\d ]+) ready/, { timeout: '20s' });
      const pids = match[1]!.split(' ');
      assert.equal(pids.length, 4);
      assert.ok(pids.every(isAlive));
      await p.kill().wait();
      assert.deepEqual(pids.filter(isAlive), []);
      assert.deepEqual([p.killed, p.killConfirmed, p.escaped, p.reason], [true, true, [], 'kill']);
      assert.deepEqual([p.ok, p.timedOut, p.error], [false, false, undefined]);
    });

    it('turns to SIGKILL when it must', async () => {
      const p = make("trap '' TERM HUP INT; echo ready; while :; do sleep 1; done", {
        killTimeout: 200,
      }).start();
      await p.expect('ready');
      await p.kill().wait();
      assert.deepEqual([p.killed, p.forcedKill, p.killConfirmed, p.signal], [true, true, true, 'SIGKILL']);
      const q = make("trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done").start();
      await q.expect('ready');
      await q.kill().wait();
      assert.deepEqual([q.killed, q.forcedKill, q.exitCode], [true, false, 9]);
    });

    it('ends it at its timeout', async () => {
      const p = await make('sleep 300', { timeout: '150ms' }).run();
      assert.deepEqual([p.timedOut, p.killed, p.killConfirmed, p.forcedKill], [true, false, true, false]);
      const q = await make("trap '' TERM; while :; do sleep 1; done", {
        timeout: 150,
        killTimeout: 100,
      }).run();
      assert.deepEqual([q.timedOut, q.forcedKill, q.killConfirmed], [true, true, true]);
    });

    it('works when stdin has ended, and on a terminal', async () => {
      const p = make('echo ready; sleep 300', { stdin: 'ignore' }).start();
      await p.expect('ready');
      assert.equal((await p.kill().wait()).killConfirmed, true);
      const q = make('echo ready; sleep 300', { pty: true }).start();
      await q.expect('ready');
      assert.equal((await q.kill().wait()).killConfirmed, true);
    });

    it('only sends a signal that does not ask for an end', async () => {
      const p = make("trap 'echo got it' USR1; echo ready; while read x; do :; done; read y").start();
      await p.expect('ready');
      p.kill('SIGUSR1');
      await p.expect('got it', { timeout: '20s' });
      assert.equal(p.killed, false);
      await p.kill().wait();
    });

    it('is harmless before the start, at once after it, and after the end', async () => {
      const p = make('sleep 300');
      assert.equal(p.kill().state, 'created');
      await p.start().kill().wait();
      assert.deepEqual([p.killed, p.killConfirmed, p.state], [true, true, 'ended']);
      const q = await make('exit 2').run();
      assert.equal(q.kill().killed, false);
      assert.equal(q.exitCode, 2);
    });

    it('settles once, however often it is called', async () => {
      let ends = 0;
      const p = make("trap '' TERM; echo ready; while :; do sleep 1; done", {
        on: { end: () => ends++ },
      }).start();
      await p.expect('ready');
      p.kill().kill('SIGINT').kill('SIGKILL').kill();
      await Promise.all([p.wait(), p.wait(), p.kill().wait()]);
      assert.equal(ends, 1);
      assert.equal(p.killConfirmed, true);
    });
  });
}
