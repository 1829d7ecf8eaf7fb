import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { closeConnections, cmd, Remote, SshProcess, Testbed } from 'rookery';
import { quiet, transports } from './support.js';

describe('the limits of servers', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-limits-'));
  });
  after(async () => {
    await closeConnections();
    rmSync(folder, { recursive: true });
  });

  for (const transport of transports) {
    const connectionParams = { transport };

    for (const MaxSessions of [10, 1]) {
      it(`40 processes at once on a host with MaxSessions ${MaxSessions}, ${transport}`, async () => {
        await using bed = await Testbed.start({ hosts: 1, backend: 'sshd', sshdOptions: { MaxSessions } });
        // Each waits for all the others: it passes only when all of them run side by side.
        const file = join(folder, `${transport}-${MaxSessions}`);
        const all = new Remote(
          cmd`echo ${(_, i) => i} >> ${file}; until [ $(wc -l < ${file}) -ge 40 ]; do sleep 0.2; done; echo done`,
          Array<(typeof bed.hosts)[0]>(40).fill(bed.hosts[0]!),
          { ...quiet, connectionParams, timeout: '100s' },
        );
        await all.run();
        assert.deepEqual(
          all.processes.map((p) => p.stdout),
          Array(40).fill('done\n'),
        );
        assert.equal(new Set(readFileSync(file, 'utf8').trim().split('\n')).size, 40);
      });
    }

    it(`a wrong key is tried once on a host, not once for each of 50 processes, ${transport}`, async () => {
      await using bed = await Testbed.start({
        hosts: 2,
        backend: 'sshd',
        sshdOptions: { LogLevel: 'VERBOSE' },
      });
      const keyfile = join(folder, `wrong-${transport}`);
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', keyfile]);
      const params = { transport, keyfile, agent: false } as const;
      const all = bed.hosts.flatMap((host) =>
        Array.from(
          { length: 25 },
          () => new SshProcess('true', host, { ...quiet, connectionParams: params }),
        ),
      );
      await Promise.all(all.map((p) => p.run()));
      assert.deepEqual(new Set(all.map((p) => p.error?.code)), new Set(['ERR_AUTHENTICATION_FAILED']));
      const attempts = () =>
        bed
          .log()
          .filter((line) =>
            /Failed publickey|Postponed publickey|Connection closed by authenticating user/.test(line),
          ).length;
      const connections = bed.log().filter((line) => /^Connection from/.test(line)).length;
      assert.equal(connections, 2, bed.log().join('\n'));
      const before = attempts();
      const later = await new SshProcess('true', bed.hosts[0]!, { ...quiet, connectionParams: params }).run();
      assert.equal(later.error?.code, 'ERR_AUTHENTICATION_FAILED');
      assert.equal(attempts(), before, 'for a while it is not tried again');
      assert.match(later.error?.message ?? '', /not tried again for/);
    });
  }

  it('300 cold connections to one sshd with MaxStartups 10:30:60, and each command runs exactly once', async () => {
    await using bed = await Testbed.start({
      hosts: 300,
      backend: 'sshd',
      listenAddress: '0.0.0.0',
      sshdOptions: { MaxStartups: '10:30:60' },
    });
    const file = join(folder, 'once');
    const all = await new Remote(cmd`echo ${(_, i) => i} >> ${file}`, bed.hosts, quiet).run();
    assert.deepEqual(all.processes.filter((p) => !p.ok).map(String), []);
    const lines = readFileSync(file, 'utf8').trim().split('\n').map(Number);
    assert.deepEqual(
      lines.sort((a, b) => a - b),
      Array.from({ length: 300 }, (_, i) => i),
    );
  });

  it('a key that is refused says what was offered', async () => {
    await using bed = await Testbed.start({ hosts: 1, backend: 'sshd', sshdOptions: { MaxAuthTries: 1 } });
    const keyfile = join(folder, 'refused');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', keyfile]);
    const p = await new SshProcess('true', bed.hosts[0]!, {
      ...quiet,
      connectionParams: { keyfile, agent: false },
    }).run();
    assert.equal(p.error?.code, 'ERR_AUTHENTICATION_FAILED');
    assert.match(p.error?.message ?? '', new RegExp(keyfile));
  });
});
