import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import {
  cmd,
  filterBadHosts,
  Local,
  ParallelActions,
  Remote,
  SequentialActions,
  Testbed,
  waitAllActions,
  waitAnyActions,
} from 'rookery';

const quiet = { logExitCode: false, logError: false, logTimeout: false, logExpectFail: false };
const hang = () => new Local('sleep 1000', quiet);

describe('an action', () => {
  it('over nothing ends at once and is ok', async () => {
    const action = await new Remote('true', []).run();
    assert.deepEqual([action.ok, action.finishedOk, action.processes.length], [true, true, 0]);
    assert.equal((await new ParallelActions([]).run()).finishedOk, true);
    assert.equal((await new SequentialActions([]).run()).finishedOk, true);
    assert.deepEqual(await waitAnyActions([]), []);
  });

  it('never runs more than `concurrency` at a time, and gives each its own timeout', async () => {
    let [running, most] = [0, 0];
    const commands = Array.from({ length: 9 }, () => cmd`sleep 0.05`);
    const action = new Local(commands, { concurrency: 3, timeout: '20s' });
    action.on('processStart', () => (most = Math.max(most, ++running)));
    action.on('processEnd', () => running--);
    await action.run();
    assert.deepEqual([action.ok, most, running], [true, 3, 0]);
    const starts = action.processes.map((p) => p.startDate!.getTime());
    const firstEnd = Math.min(...action.processes.map((p) => p.endDate!.getTime()));
    assert.ok(starts.slice(3).every((start) => start >= firstEnd));
  });

  it('does not start what waits for its turn when it is killed, or too slow', async () => {
    for (const end of ['kill', 'timeout'] as const) {
      const action = new Local(
        Array.from({ length: 4 }, () => cmd`sleep 1000`),
        { ...quiet, concurrency: 2, ...(end === 'timeout' ? { actionTimeout: 50 } : {}) },
      ).start();
      if (end === 'kill') action.kill();
      await action.wait();
      assert.deepEqual(
        action.processes.map((p) => p.started),
        [true, true, false, false],
      );
      assert.ok(action.processes.every((p) => (end === 'kill' ? p.killed : p.timedOut)));
      const { total, started, ended, timeouts, ok } = action.stats();
      assert.deepEqual(
        { total, started, ended, timeouts, ok },
        { total: 4, started: 2, ended: 4, timeouts: end === 'kill' ? 0 : 4, ok: 0 },
      );
    }
  });

  it('expects in all of its processes, and tells which failed', async () => {
    const action = new Local([cmd`echo one`, cmd`echo two`, cmd`cat`], quiet).start();
    action.processes[2]!.write('three\n');
    const found = await action.expect([/one/, /t\w+/]);
    assert.deepEqual(
      found.map((result) => [result.index, result.match[0]]),
      [
        [0, 'one'],
        [1, 'two'],
        [1, 'three'],
      ],
    );
    action.end();
    await action.wait();
    const other = new Local([cmd`echo yes`, cmd`true`], quiet).start();
    await assert.rejects(other.expect('yes'), { code: 'ERR_EXPECT_END' });
    await other.wait();
    assert.deepEqual(
      other.processes.map((p) => p.expectFailed),
      [false, true],
    );
    assert.equal(other.stats().expectFailures, 1);
  });

  it('merges the lines of its processes, each with its process', async () => {
    const action = new Local([cmd`printf 'a\nb'`, cmd`printf 'c\n'`]).start();
    const lines: string[] = [];
    for await (const { line, process } of action.lines())
      lines.push(`${action.processes.indexOf(process)}:${line}`);
    assert.deepEqual(lines.sort(), ['0:a', '0:b', '1:c']);
  });

  it('writes to all, ends stdin of all', async () => {
    const action = new Local([cmd`cat`, cmd`cat`]).start();
    action.write('both\n').end();
    await action.wait();
    assert.deepEqual(
      action.processes.map((p) => p.stdout),
      ['both\n', 'both\n'],
    );
  });

  it('runs again after reset, and tells its events in order', async () => {
    const told: string[] = [];
    const action = new Local('echo x');
    for (const event of ['start', 'processStart', 'processEnd', 'end', 'reset'] as const)
      action.on(event, () => void told.push(event));
    await action.run();
    assert.throws(() => action.start(), { code: 'ERR_INVALID_ARGUMENT' });
    await action.reset().run();
    const round = ['start', 'processStart', 'processEnd', 'end'];
    assert.deepEqual(told, [...round, 'reset', ...round]);
    assert.equal(action.processes[0]!.stdout, 'x\n');
  });

  it('throws what failed when it is asked to', async () => {
    const action = await new Local([cmd`true`, cmd`exit 3`], { ...quiet, shell: true }).run();
    assert.throws(() => action.orThrow(), { code: 'ERR_ACTIONS_FAILED' });
    assert.equal((await new Local('exit 3', { ...quiet, ignoreExitCode: true }).run()).orThrow().ok, true);
  });

  it('kills what it runs when it goes out of scope', async () => {
    let killed: Local;
    {
      await using action = hang().start();
      killed = action;
    }
    assert.deepEqual([killed.ended, killed.killed], [true, true]);
  });
});

describe('actions of actions', () => {
  it('in sequence go on after a failure, and stop when killed', async () => {
    const parts = [new Local('exit 1', quiet), new Local('echo second')];
    const all = await new SequentialActions(parts).run();
    assert.equal(all.ok, false);
    assert.equal(parts[1]!.processes[0]!.stdout, 'second\n');
    assert.ok(parts[0]!.endDate! <= parts[1]!.startDate!);
    const [first, never] = [hang(), hang()];
    const killed = new SequentialActions([first, never]).start();
    await once(first as never, 'processStart');
    await killed.kill().wait();
    assert.deepEqual([first.killed, never.started, never.killed], [true, false, true]);
  });

  it('in parallel all run, and count together', async () => {
    const all = await new ParallelActions([new Local('exit 1', quiet), new Local('true')]).run();
    const { total, ok, nonZeroExits } = all.stats();
    assert.deepEqual({ total, ok, nonZeroExits }, { total: 2, ok: 1, nonZeroExits: 1 });
  });

  it('are refused twice, started, or when they are none', async () => {
    const one = new Local('true');
    assert.throws(() => new ParallelActions([one, one]), /is listed twice/);
    assert.throws(() => new ParallelActions(['ls' as never]), /element 0 is not an action: "ls"/);
    await one.run();
    assert.throws(() => new ParallelActions([one]).start(), /was started already/);
    await assert.rejects(waitAnyActions([new Local('true')]), /was not started/);
  });

  it('are waited for: any, all, or as long as a timeout lets', async () => {
    const quick = new Local('true').start();
    const slow = hang().start();
    assert.deepEqual(await waitAnyActions([slow, quick]), [quick]);
    assert.deepEqual(await waitAllActions([slow, quick], { timeout: 20 }), [quick]);
    assert.deepEqual(await waitAnyActions([slow], { timeout: 20 }), []);
    slow.kill();
    assert.deepEqual(await waitAllActions([slow, quick]), [slow, quick]);
  });

  it('tell the hosts on which something failed from the others', async () => {
    await using bed = await Testbed.start({ hosts: 3, backend: 'embedded' });
    const bad = bed.hosts[1]!;
    const action = await new Remote(`test {{{host}}} != ${bad.address}`, bed.hosts, quiet).run();
    assert.deepEqual(
      filterBadHosts(action).map((host) => host.address),
      [bed.hosts[0]!.address, bed.hosts[2]!.address],
    );
    assert.deepEqual(filterBadHosts(action, [bad, 'elsewhere']).map(String), ['elsewhere']);
  });
});
