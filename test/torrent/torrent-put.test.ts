import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { InvalidArgument, Report, Testbed, TorrentPut } from 'rookery';
import { living, until } from '../faults/support.js';
import { describeTree, listing, makeTree, temporaryFolder } from '../transfer/tree.js';

const quiet = { logError: false, logExitCode: false };

describe('TorrentPut', () => {
  let bed: Testbed;
  before(async () => {
    bed = await Testbed.start({ hosts: 4, backend: 'sshd' });
  });
  after(() => bed.stop());

  for (const transport of ['ssh2', 'openssh'] as const) {
    it(`gives every host the same tree, over ${transport}`, async () => {
      using folder = temporaryFolder();
      mkdirSync(join(folder.path, 'source'));
      const source = makeTree(join(folder.path, 'source'));
      writeFileSync(join(source, 'large'), randomBytes(3_000_001));
      let events = 0;
      const put = new TorrentPut(bed.hosts, source, `${folder.path}/{{{host}}}/`, {
        connectionParams: { transport },
      });
      for (const process of put.processes) process.on('progress', () => events++);
      (await put.run()).orThrow();
      for (const { address } of bed.hosts) {
        assert.equal(describeTree(`${folder.path}/${address}/source`), describeTree(source));
        assert.equal(listing(`${folder.path}/${address}`), 'source\n', 'no folder of ours stays');
      }
      assert.ok(events >= put.processes.length);
      for (const process of put.processes) {
        assert.equal(process.bytesDone, process.bytesTotal);
        assert.ok((process.swarmTime as number) > 0);
      }
      assert.equal(put.bytesDone, put.bytesTotal);
      assert.equal(new Report(put).stats().finishedOk, 4);
    });
  }

  it('gives a single file the name of the destination, and takes files from a host', async () => {
    using folder = temporaryFolder();
    const [first, ...others] = bed.hosts;
    writeFileSync(join(folder.path, 'a'), randomBytes(100_000));
    const put = new TorrentPut(others, join(folder.path, 'a'), `${folder.path}/b-{{{host}}}`, {
      seeder: first!,
    });
    (await put.run()).orThrow();
    for (const { address } of others)
      assert.deepEqual(readFileSync(`${folder.path}/b-${address}`), readFileSync(join(folder.path, 'a')));
    assert.equal(put.hosts.length, 3);
  });

  it('copies nothing but folders and empty files', async () => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, 'app/empty'), { recursive: true });
    writeFileSync(join(folder.path, 'app/nothing'), '');
    (await new TorrentPut(bed.hosts, join(folder.path, 'app'), `${folder.path}/{{{host}}}`).run()).orThrow();
    assert.equal(
      describeTree(`${folder.path}/${bed.hosts[3]?.address}`),
      describeTree(join(folder.path, 'app')),
    );
  });

  it('fails on one host without stopping the others, and leaves what was there', async () => {
    using folder = temporaryFolder();
    const [planted, blocked] = bed.hosts.map(({ address }) => `${folder.path}/${address}`) as [
      string,
      string,
    ];
    mkdirSync(join(folder.path, 'app/conf'), { recursive: true });
    writeFileSync(join(folder.path, 'app/conf/secret'), 'x'.repeat(100_000));
    mkdirSync(`${folder.path}/elsewhere`);
    mkdirSync(`${planted}/app`, { recursive: true });
    symlinkSync(`${folder.path}/elsewhere`, `${planted}/app/conf`);
    mkdirSync(`${blocked}/app/conf/secret`, { recursive: true });
    const put = await new TorrentPut(
      bed.hosts,
      join(folder.path, 'app'),
      `${folder.path}/{{{host}}}/`,
      quiet,
    ).run();
    assert.deepEqual(
      put.processes.map((process) => process.ok),
      [false, false, true, true],
    );
    assert.match(put.processes[0]?.error?.message ?? '', /conf is in the way: it is no folder/);
    assert.match(put.processes[1]?.error?.message ?? '', /secret is in the way: it is a directory/);
    assert.deepEqual(readdirSync(`${folder.path}/elsewhere`), [], 'nothing goes through a planted symlink');
    assert.equal(listing(planted), 'app\n');
  });

  it('fails everywhere, and says why, when there is nothing to send', async () => {
    using folder = temporaryFolder();
    const put = await new TorrentPut(
      bed.hosts,
      `${folder.path}/nope`,
      `${folder.path}/{{{host}}}/`,
      quiet,
    ).run();
    for (const process of put.processes)
      assert.match(process.error?.message ?? '', /the seeder failed .* there is no local file .*nope/);
    assert.equal(listing(folder.path), '');
  });

  it('leaves no agent, port or folder when it is killed', async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'file'), randomBytes(64 * 1024 * 1024));
    const put = new TorrentPut(bed.hosts, join(folder.path, 'file'), `${folder.path}/{{{host}}}/`);
    const moving = new Promise((resolve) => put.processes[0]?.once('progress', resolve));
    put.start();
    await moving;
    await put.kill().wait();
    assert.ok(put.processes.every((process) => process.killed || process.placed));
    assert.ok(put.killed && put.seeder.ended);
    await until('no agent lives', () => living('m.exports.run(').length === 0);
    for (const { address } of bed.hosts)
      for (const name of existsSync(`${folder.path}/${address}`)
        ? readdirSync(`${folder.path}/${address}`)
        : [])
        assert.equal(name, 'file');
  });

  it('takes from the previous version what is the same', async () => {
    using folder = temporaryFolder();
    const host = bed.hosts[0]!;
    const old = randomBytes(2_000_000);
    mkdirSync(`${folder.path}/v1`);
    mkdirSync(`${folder.path}/v2`);
    writeFileSync(`${folder.path}/v1/data`, old);
    writeFileSync(
      `${folder.path}/v2/data`,
      Buffer.concat([old.subarray(0, 1_900_000), randomBytes(100_000)]),
    );
    const put = new TorrentPut(host, `${folder.path}/v2`, `${folder.path}/new`, {
      previous: `${folder.path}/v1`,
    });
    (await put.run()).orThrow();
    assert.deepEqual(readFileSync(`${folder.path}/new/data`), readFileSync(`${folder.path}/v2/data`));
    assert.ok((put.processes[0]?.counts?.received as number) < 200_000);
    assert.equal(statSync(`${folder.path}/new/data`).size, 2_000_000);
  });

  it('refuses what cannot be meant', () => {
    assert.throws(() => new TorrentPut(bed.hosts, [], '/tmp'), InvalidArgument);
    assert.throws(() => new TorrentPut(bed.hosts, 'x', ''), InvalidArgument);
    assert.throws(
      () => new TorrentPut(bed.hosts, 'x', '/tmp', { resum: true } as object),
      /did you mean 'resume'/,
    );
  });
});
