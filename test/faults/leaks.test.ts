import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Testbed } from 'rookery';

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}.js`, import.meta.url));
/** Runs of one process; ROOKERY_LEAK_RUNS=10000 takes some minutes. */
const runs = Number(process.env['ROOKERY_LEAK_RUNS'] ?? 1500);
/** Hosts of the crowd under `ulimit -n`; ROOKERY_CROWD=1000 takes some minutes where all hosts are this machine. */
const crowdSize = Number(process.env['ROOKERY_CROWD'] ?? 150);
/** Bytes of heap that a run may cost for good: less than any object that is kept for each. Besides, V8 still compiles and learns. */
const perRun = 60;

describe('leaks', () => {
  let bed: Testbed;
  before(async () => {
    bed = await Testbed.start({ hosts: 2, backend: 'sshd' });
  });
  after(() => bed.stop());

  for (const [kind, order] of [
    ['local', () => ({ runs })],
    [
      'ssh2, all on one connection',
      () => ({ runs: Math.max(runs, 2000), host: bed.hosts[0], transport: 'ssh2' }),
    ],
    ['openssh', () => ({ runs: Math.ceil(runs / 5), host: bed.hosts[1], transport: 'openssh' })],
  ] as const) {
    it(`run after run by reset() costs nothing that stays, ${kind}`, async () => {
      const whole = order();
      const { stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', fixture('repeat')], {
        encoding: 'utf8',
        env: { ...process.env, ORDER: JSON.stringify(whole) },
      });
      const { early, late } = JSON.parse(stdout || `{"failed": ${JSON.stringify(stderr)}}`) as Record<
        string,
        Record<string, number>
      >;
      assert.ok(early && late, stderr);
      for (const what of ['descriptors', 'listeners', 'handles'])
        assert.ok(late[what]! <= early[what]!, `${what}: ${early[what]} → ${late[what]}`);
      const growth = late['heap']! - early['heap']!;
      assert.ok(
        growth < whole.runs * perRun + 1_500_000,
        `the heap grew by ${growth} bytes in ${whole.runs} runs`,
      );
      assert.deepEqual(
        (await bed.processes()).filter(({ command }) => /echo out/.test(command)),
        [],
      );
    });
  }

  it('with few descriptors, many hosts: they wait for each other, and all succeed', async () => {
    await using crowd = await Testbed.start({ hosts: crowdSize, backend: 'sshd' });
    const limited = [
      '-c',
      `ulimit -n ${crowdSize >= 1000 ? 256 : 128}; exec "$0" "$1"`,
      process.execPath,
      fixture('crowd'),
    ];
    const input = JSON.stringify(crowd.hosts);
    const { stdout, stderr, status } = spawnSync('/bin/sh', limited, { encoding: 'utf8', input });
    assert.equal(status, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), { ok: crowdSize, failed: [] });
  });
});
