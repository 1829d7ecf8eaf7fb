import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { closeConnections, Put, SshProcess, Testbed } from 'rookery';
import { quiet, transports } from './support.js';

describe('rekeying', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-rekeying-'));
  });
  after(async () => {
    await closeConnections();
    rmSync(folder, { recursive: true });
  });

  for (const transport of transports) {
    it(`every megabyte, while 60 commands and transfers run: the right bytes, ${transport}`, async () => {
      const sshdOptions = { RekeyLimit: '1M', LogLevel: 'DEBUG1' };
      await using bed = await Testbed.start({ hosts: 3, backend: 'sshd', sshdOptions });
      const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
      const input = Buffer.alloc(3_000_000, 'what goes there ');
      writeFileSync(join(folder, 'file'), input);
      const connectionParams = { transport };
      const runs = Array.from({ length: 57 }, (_, i) => {
        const hash = createHash('sha256');
        // Half of them send, half of them receive.
        const options = {
          ...quiet,
          connectionParams,
          maxOutput: 100,
          stdoutHandlers: (chunk: Buffer) => void hash.update(chunk),
        };
        const host = bed.hosts[i % 3]!;
        const p =
          i % 2 === 0
            ? new SshProcess('sha256sum', host, { ...options, stdin: input })
            : new SshProcess(`yes ${i} | head -c 3000000`, host, options);
        return { p, hash, i };
      });
      const put = new Put(bed.hosts, join(folder, 'file'), join(folder, `${transport}-{{{host}}}`), {
        ...quiet,
        connectionParams,
      });
      await Promise.all([...runs.map(({ p }) => p.run()), put.run()]);
      for (const { p, hash, i } of runs) {
        assert.ok(p.finishedOk, String(p));
        if (i % 2 === 0) assert.equal(p.stdout.slice(0, 64), sha(input));
        else assert.equal(hash.digest('hex'), sha(Buffer.alloc(3_000_000, `${i}\n`)));
      }
      put.orThrow();
      for (const { address } of bed.hosts)
        assert.equal(sha(readFileSync(join(folder, `${transport}-${address}`))), sha(input));
      assert.ok(
        bed.log().some((line) => /ssh_set_newkeys: rekeying/.test(line)),
        'keys were exchanged anew',
      );
    });
  }
});
