import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Testbed, type Host } from 'rookery';
import { living, transports, uniqueSleep, until } from './support.js';

const script = fileURLToPath(new URL('fixtures/controller.js', import.meta.url));
/** Hosts where their number does not matter; elsewhere there are 50 (5 over ssh, which costs 0.1 s of CPU for each). */
const few = 5;
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const;

for (const transport of transports) {
  describe(`the death of the controller, ${transport}`, () => {
    let bed: Testbed;
    before(async () => {
      bed = await Testbed.start({ hosts: transport === 'ssh2' ? 50 : 5, backend: 'sshd' });
    });
    after(() => bed.stop());

    /** Starts the script and waits until its commands run everywhere; each is a shell, a child, and one in a session of its own. */
    async function start(
      ending: string,
      more: {
        detached?: boolean;
        local?: boolean;
        handler?: 'on' | 'once';
        extra?: string;
        hosts?: Host[];
      } = {},
    ) {
      const tag = uniqueSleep();
      const extra = more.extra?.replaceAll('TAG', tag) ?? '';
      const command = `trap '' HUP; setsid sleep ${tag} & sleep ${tag} & ${extra} echo ready; wait`;
      const order = {
        hosts: bed.hosts.slice(0, few),
        transport,
        command,
        ending,
        detached: false,
        local: false,
        ...more,
      };
      const child = spawn(process.execPath, ['--enable-source-maps', script], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ORDER: JSON.stringify(order) },
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (data: Buffer) => (output += data.toString()));
      const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
      const count = 2 * (order.hosts.length + (more.local ? 1 : 0));
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
        const hosts = signal === 'SIGHUP' ? bed.hosts.slice(0, few) : [...bed.hosts];
        const { child, tag, closed, output } = await start('signal', { local: signal !== 'SIGKILL', hosts });
        child.kill(signal);
        const [code, by] = await closed;
        await gone(tag);
        if (signal === 'SIGKILL') return assert.equal(by, signal);
        assert.deepEqual([code, by], [{ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal], null]);
        const { length } = hosts;
        assert.match(output(), new RegExp(`report: ${length + 1} of ${length + 1} ended, ${length} killed`));
      });
    }

    it('by SIGKILL leaves nothing that ignores SIGTERM and has lost its mark and its parent', async () => {
      const extra = `env -i /bin/sh -c 'trap "" TERM; sleep TAG; :' &`;
      const { child, tag, closed } = await start('signal', { extra, hosts: bed.hosts.slice(0, 3) });
      child.kill('SIGKILL');
      await closed;
      await gone(tag);
    });

    it('by SIGKILL while it starts leaves nothing, and nothing comes later', async () => {
      const { child, tag, closed } = await start('early');
      child.kill('SIGKILL');
      await closed;
      await gone(tag);
      await sleep(1_500);
      assert.deepEqual(living(`sleep ${tag}`), []);
    });

    for (const handler of ['on', 'once'] as const) {
      it(`leaves the end to a handler of the program's own, by ${handler}()`, async () => {
        const { child, tag, closed, output } = await start('signal', { local: true, handler });
        child.kill('SIGINT');
        // The script goes on after what ran has been ended, and comes to its end by itself.
        assert.deepEqual(await closed, [0, null]);
        assert.match(output(), /own handler/);
        assert.match(output(), /report: (\d+) of \1 ended/);
        await gone(tag);
      });
    }

    for (const [ending, expected] of [
      ['throw', 1],
      ['reject', 1],
      ['exit', 3],
    ] as const) {
      it(`by ${ending} leaves nothing running on any host, or here`, async () => {
        const hosts = bed.hosts.slice(0, ending === 'throw' ? 50 : few);
        const { tag, closed } = await start(ending, { local: true, hosts });
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
      await sleep(4_000);
      const left = living(`sleep ${tag}`);
      for (const pid of left) process.kill(pid, 'SIGKILL');
      assert.ok(before >= 2 * few);
      assert.ok(left.length >= 2 * few, `${left.length} of ${before} live`);
      await gone(tag);
    });
  });
}
