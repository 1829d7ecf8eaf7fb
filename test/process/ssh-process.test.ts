import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Remote } from '../../src/action/index.js';
import { closeConnections, Host } from '../../src/host/index.js';
import { SshProcess } from '../../src/process/index.js';
import { Testbed } from '../../src/testbed/index.js';

const quiet = { logExitCode: false, logError: false, logTimeout: false };

for (const transport of ['ssh2', 'openssh'] as const) {
  describe(`SshProcess on ${transport}`, () => {
    let bed: Testbed;
    let host: Host;
    const options = { ...quiet, connectionParams: { transport } };
    before(async () => {
      bed = await Testbed.start({ hosts: 4, backend: 'sshd' });
      host = new Host(bed.hosts[0] as Host);
    });
    after(async () => {
      await closeConnections();
      await bed.stop();
    });

    it('gives output, exit code and process id', async () => {
      const p = await new SshProcess('echo out; echo err >&2; exit 3', host, options).run();
      assert.deepEqual([p.stdout, p.stderr, p.exitCode], ['out\n', 'err\n', 3]);
      assert.ok(p.pid);
    });
    it('tells exit 255 from a signal', async () => {
      assert.equal((await new SshProcess('exit 255', host, options).run()).exitCode, 255);
      assert.equal((await new SshProcess('kill -9 $$', host, options).run()).signal, 'SIGKILL');
    });
    it('kills the whole tree', async () => {
      const p = new SshProcess('setsid sleep 300 & echo ready; sleep 300', host, options).start();
      await p.expect(/ready/);
      await p.kill().wait();
      assert.deepEqual([p.killed, p.killConfirmed], [true, true]);
      assert.ok(!(await bed.processes()).some((entry) => entry.command.includes('sleep 300')));
    });
    it('runs 30 processes at once on one host', async () => {
      const all = await Promise.all(
        Array.from({ length: 30 }, (_, i) => new SshProcess(`echo ${i}`, host, options).run()),
      );
      assert.deepEqual(
        all.map((p) => p.stdout),
        all.map((_, i) => `${i}\n`),
      );
    });
    it('runs an action with arguments for each host', async () => {
      const action = await new Remote('echo {{n}}', bed.hosts, {
        vars: { n: ['1', '2', '3', '4'] },
        ...options,
      }).run();
      assert.deepEqual(
        action.processes.map((p) => p.stdout),
        ['1\n', '2\n', '3\n', '4\n'],
      );
      assert.equal(action.stats().finishedOk, 4);
    });
  });
}
