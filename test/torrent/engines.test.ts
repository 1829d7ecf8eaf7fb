import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { InvalidArgument, Testbed, TorrentPut, type TorrentPutOptions } from 'rookery';
import { living, until } from '../faults/support.js';
import { without } from './agent-support.js';
import { describeTree, listing, makeTree, temporaryFolder } from '../transfer/tree.js';

const quiet = { logError: false, logExitCode: false };

const skip = without('aria2c', 'transmission-cli');

describe('engines of TorrentPut', { skip }, () => {
  let bed: Testbed;
  before(async () => {
    bed = await Testbed.start({ hosts: 4, backend: 'sshd' });
  });
  after(() => bed.stop());

  const cases: [string, NonNullable<TorrentPutOptions['engine']>, string[]][] = [
    ['aria2c', 'aria2c', ['aria2c', 'aria2c', 'aria2c', 'aria2c']],
    [
      'all of them in one swarm',
      ['auto', 'aria2c', 'transmission-cli', 'agent'],
      ['agent', 'aria2c', 'transmission-cli', 'agent'],
    ],
  ];
  for (const [name, engine, found] of cases) {
    it(`gives every host the same tree: ${name}`, async () => {
      using folder = temporaryFolder();
      const hosts = bed.hosts.slice(0, found.length);
      const source = `${folder.path}/source`;
      mkdirSync(source);
      makeTree(source);
      writeFileSync(`${source}/large`, randomBytes(5_000_001));
      const put = new TorrentPut(hosts, source, `${folder.path}/{{{host}}}/`, { engine });
      let events = 0;
      for (const process of put.processes) process.on('progress', () => events++);
      (await put.run()).orThrow();
      for (const { address } of hosts) {
        assert.equal(describeTree(`${folder.path}/${address}/source`), describeTree(source));
        assert.equal(listing(`${folder.path}/${address}`), 'source\n');
      }
      assert.deepEqual(
        put.processes.map((process) => process.engine),
        found,
      );
      for (const process of put.processes) assert.ok((process.swarmTime as number) > 0);
      assert.equal(put.bytesDone, put.bytesTotal);
      await until('no client lives', () => living(folder.path).length === 0);
    });
  }

  it('puts one file and no bytes at all where they belong', async () => {
    using folder = temporaryFolder();
    writeFileSync(`${folder.path}/file`, randomBytes(40_000));
    const engine = ['aria2c', 'agent'] as const;
    (
      await new TorrentPut(bed.hosts, `${folder.path}/file`, `${folder.path}/to-{{{host}}}`, { engine }).run()
    ).orThrow();
    mkdirSync(`${folder.path}/empty/folder`, { recursive: true });
    writeFileSync(`${folder.path}/empty/nothing`, '');
    symlinkSync('nothing', `${folder.path}/empty/link`);
    (
      await new TorrentPut(bed.hosts, `${folder.path}/empty`, `${folder.path}/none-{{{host}}}`, {
        engine,
      }).run()
    ).orThrow();
    for (const { address } of bed.hosts) {
      assert.equal(describeTree(`${folder.path}/none-${address}`), describeTree(`${folder.path}/empty`));
      assert.ok(listing(folder.path).includes(`to-${address}\n`));
    }
  });

  it('says what is in the way, and leaves nothing when it is killed', async () => {
    using folder = temporaryFolder();
    writeFileSync(`${folder.path}/file`, randomBytes(64 * 1024 * 1024));
    const [first, ...others] = bed.hosts;
    mkdirSync(`${folder.path}/${first!.address}/file`, { recursive: true });
    const put = new TorrentPut(bed.hosts, `${folder.path}/file`, `${folder.path}/{{{host}}}/`, {
      ...{ engine: ['aria2c', 'transmission-cli'], ...quiet },
    });
    const moving = new Promise((resolve) => put.processes[2]?.once('progress', resolve));
    put.start();
    await moving;
    await put.kill().wait();
    await until('no client lives', () => living(folder.path).length === 0);
    for (const { address } of others) assert.match(listing(`${folder.path}/${address}`), /^(file\n)?$/);
    const again = await new TorrentPut(first!, `${folder.path}/file`, `${folder.path}/{{{host}}}/`, {
      ...{ engine: 'aria2c', ...quiet },
    }).run();
    assert.equal(again.processes[0]?.ok, false);
    assert.equal(listing(`${folder.path}/${first!.address}`), 'file\n');
  });

  it('refuses an engine that there is not', () => {
    assert.throws(
      () => new TorrentPut(bed.hosts, 'x', '/x', { engine: 'rtorrent' as never }),
      InvalidArgument,
    );
  });
});
