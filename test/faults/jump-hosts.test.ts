import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Host } from 'rookery';
import { closeConnections, Remote, SshProcess, Testbed } from 'rookery';
import { living, quiet, transports, uniqueSleep, until } from './support.js';

for (const transport of transports) {
  describe(`jump hosts, ${transport}`, () => {
    let bastion: Testbed;
    let second: Testbed;
    let bed: Testbed;
    const count = 60;

    before(async () => {
      // What sshd does by itself: of more than 10 connections that are not authenticated yet some are dropped.
      bastion = await Testbed.start({
        hosts: 1,
        backend: 'sshd',
        sshdOptions: { MaxStartups: '10:30:100', LogLevel: 'DEBUG1' },
      });
      second = await Testbed.start({ hosts: 1, backend: 'sshd' });
      bed = await Testbed.start({ hosts: count, backend: 'sshd' });
    });
    after(async () => {
      await closeConnections();
      await Promise.all([bastion, second, bed].map((one) => one.stop()));
    });

    it(`${count} targets through one bastion with MaxStartups 10:30:100`, async () => {
      const connectionParams = { transport, proxyJump: bastion.hosts[0]! };
      let most = 0;
      const watch = setInterval(() => (most = Math.max(most, bastion.connections().length)), 10);
      const action = await new Remote('echo {{{host}}}', [...bed.hosts], {
        ...quiet,
        connectionParams,
      }).run();
      clearInterval(watch);
      const failed = action.processes.filter((p) => !p.ok).map((p) => p.error?.message);
      assert.deepEqual(failed, []);
      assert.deepEqual(
        action.processes.map((p) => p.stdout.trim()),
        bed.hosts.map((host) => host.address),
      );
      assert.equal(
        bastion.log().some((line) => /MaxStartups|drop connection/.test(line)),
        false,
      );
      // ssh2 shares one connection to the bastion; each has an unprivileged helper while it is being made.
      if (transport === 'ssh2') assert.ok(most <= 3, `${most} processes of sshd served the bastion`);
      await closeConnections();
    });

    it('two hops, each with its own account of what is known', async () => {
      const target = bed.hosts[0]!;
      const hops = [bastion.hosts[0]!, second.hosts[0]!];
      const run = (proxyJump: readonly Host[]) =>
        new SshProcess('echo there', target, { ...quiet, connectionParams: { transport, proxyJump } }).run();
      const p = await run(hops);
      assert.equal(p.stdout, 'there\n', p.dump());
      await closeConnections();
      // The target is known in its own file only, and so is each of the hops.
      for (const [index, hop] of hops.entries()) {
        const unknown = hop.with({ knownHosts: bed.knownHostsFile });
        const refused = await run(hops.with(index, unknown));
        assert.equal(refused.ok, false);
        assert.match(
          refused.error?.message ?? '',
          new RegExp(`host key of \\[${hop.address}\\]:${hop.port} is not known`),
        );
        await closeConnections();
        const trusting = await run(hops.with(index, unknown.with({ hostKeyPolicy: 'off' })));
        assert.equal(trusting.ok, true, trusting.dump());
        await closeConnections();
      }
    });

    it('the bastion dies while commands run: lost connections, all of them, at once', async () => {
      const tag = uniqueSleep();
      const connectionParams = { transport, proxyJump: bastion.hosts[0]! };
      const hosts = bed.hosts.slice(0, 8);
      const action = new Remote(`echo ready; sleep ${tag}`, hosts, { ...quiet, connectionParams }).start();
      await action.expect('ready', { timeout: '60s' });
      await bastion.crash(bastion.hosts[0]!);
      await action.wait();
      for (const p of action.processes) assert.equal(p.error?.code, 'ERR_CONNECTION_LOST', p.dump());
      await until('nothing is left on the targets', () => living(tag).length === 0);
      const next = await new SshProcess('true', hosts[0]!, { ...quiet, connectionParams }).run();
      assert.equal(next.ok, false);
    });
  });
}
