import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Testbed } from 'rookery';
import { living, transports, uniqueSleep, until } from './support.js';

const script = fileURLToPath(new URL('fixtures/controller.js', import.meta.url));
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const;

for (const transport of transports) {
  describe(`the death of the controller, ${transport}`, () => {
    let bed: Testbed;
    before(async () => {
      bed = await Testbed.start({ hosts: transport === 'ssh2' ? 50 : 5, backend: 'sshd' });
    });
    after(() => bed.stop());

    /** Starts the script and waits until its commands run everywhere; each is a shell, a child, and one in a session of its own. */
    async function start(ending: string, more: { detached?: boolean; local?: boolean } = {}) {
      const tag = uniqueSleep();
      const command = `trap '' HUP; setsid sleep ${tag} & sleep ${tag} & echo ready; wait`;
      const order = { hosts: bed.hosts, transport, command, ending, detached: false, local: false, ...more };
      const child = spawn(process.execPath, ['--enable-source-maps', script], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ORDER: JSON.stringify(order) },
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (data: Buffer) => (output += data.toString()));
      const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
      const count = 2 * (bed.hosts.length + (more.local ? 1 : 0));
      await Promise.race([
        until('all is ready', () => output.includes('all ready'), 100_000),
        closed.then(() => assert.match(output, /all ready/)),
      ]);
      if (ending === 'signal')
        assert.equal(living(`sleep ${tag}`).filter((pid) => pid !== child.pid).length >= count, true);
      return { child, tag, closed, output: () => output };
    }
    const gone = (tag: string) => until('nothing is left', () => living(`sleep ${tag}`).length === 0, 10_000);

    for (const signal of signals) {
      it(`by ${signal} leaves nothing running on any host`, async () => {
        const { child, tag, closed, output } = await start('signal', { local: signal !== 'SIGKILL' });
        child.kill(signal);
        const [code, by] = await closed;
        await gone(tag);
        if (signal === 'SIGKILL') return assert.equal(by, signal);
        assert.deepEqual([code, by], [{ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal], null]);
        const { length } = bed.hosts;
        assert.match(output(), new RegExp(`report: ${length + 1} of ${length + 1} ended, ${length} killed`));
      });
    }

    for (const [ending, expected] of [
      ['throw', 1],
      ['reject', 1],
      ['exit', 3],
    ] as const) {
      it(`by ${ending} leaves nothing running on any host, or here`, async () => {
        const { tag, closed } = await start(ending, { local: true });
        assert.equal((await closed)[0], expected);
        await gone(tag);
      });
    }

    it('leaves at once at the second SIGINT', async () => {
      const { child, tag, closed } = await start('signal', { local: true });
      child.kill('SIGINT');
      child.kill('SIGINT');
      assert.equal((await closed)[0], 130);
      await gone(tag);
    });

    it('lets live what is detached', async () => {
      const { child, tag, closed } = await start('signal', { detached: true });
      const before = living(`sleep ${tag}`).length;
      child.kill('SIGKILL');
      await closed;
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      const left = living(`sleep ${tag}`);
      for (const pid of left) process.kill(pid, 'SIGKILL');
      assert.ok(before >= 2 * bed.hosts.length);
      assert.ok(left.length >= 2 * bed.hosts.length, `${left.length} of ${before} live`);
      await gone(tag);
    });
  });
}
