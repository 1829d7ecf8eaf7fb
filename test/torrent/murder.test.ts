import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Action, InvalidArgument, Murder, Testbed } from 'rookery';
import { isAlive, living, until } from '../faults/support.js';
import { describeTree, listing, makeTree, temporaryFolder } from '../transfer/tree.js';

const quiet = { logError: false, logExitCode: false };
const why = (action: Action) => action.processes.map((p) => p.error?.message ?? '').join('\n');

/** Long-running roles whose records lie in a folder: their process ids. */
function roles(temp: string): number[] {
  if (!existsSync(temp)) return [];
  return readdirSync(temp, { recursive: true, encoding: 'utf8' })
    .filter((name) => /run-[^/]*\.json$/.test(name))
    .map((name) => (JSON.parse(readFileSync(join(temp, name), 'utf8')) as { pid: number }).pid)
    .filter((pid) => isAlive(pid));
}

describe('Murder', () => {
  let bed: Testbed;
  before(async () => {
    bed = await Testbed.start({ hosts: 4, backend: 'sshd' });
  });
  after(() => bed.stop());

  /** One in a folder of its own; everything that it has started is stopped. */
  async function withMurder(
    test: (murder: Murder, folder: string) => Promise<void>,
    options: object = {},
  ): Promise<void> {
    using folder = temporaryFolder();
    const [seeder, ...peer] = bed.hosts;
    const murder = new Murder(
      { tracker: seeder!, seeder: seeder!, peer },
      {
        ...{ remoteMurderPath: `${folder.path}/code`, tempPath: `${folder.path}/temp`, trackerPort: 0 },
        ...{ defaultDestinationPath: `${folder.path}/{{{host}}}`, ...quiet, ...options },
      },
    );
    try {
      await test(murder, folder.path);
    } finally {
      for (const stop of [murder.stopAllPeering(), murder.stopAllSeeding(), murder.stopTracker()])
        (await stop).orThrow();
      assert.deepEqual(roles(`${folder.path}/temp`), []);
    }
  }

  async function prepare(murder: Murder, tag: string, path: string, options: object = {}): Promise<void> {
    (await murder.distributeFiles()).orThrow();
    (await murder.startTracker()).orThrow();
    (await murder.createTorrent(tag, path, options)).orThrow();
    (await murder.startSeeding(tag)).orThrow();
  }

  it('gives all peers the files, step by step', () =>
    withMurder(async (murder, folder) => {
      mkdirSync(`${folder}/source/tree`, { recursive: true });
      makeTree(`${folder}/source/tree`);
      writeFileSync(`${folder}/source/large`, randomBytes(3_000_001));
      await prepare(murder, 'v1', `${folder}/source`);
      const peer = await murder.peer('v1');
      peer.orThrow();
      for (const { address } of murder.peers) {
        assert.equal(describeTree(`${folder}/${address}/v1/tree`), describeTree(`${folder}/source/tree`));
        assert.equal(listing(`${folder}/${address}`), 'v1\n');
      }
      assert.equal(roles(`${folder}/temp`).length, 5, 'peers serve others for a while');
      assert.equal(living(`${folder}/temp`).length, 0, 'nothing of it stands on a command line');
      (await murder.stopPeering('v1')).orThrow();
      assert.equal(roles(`${folder}/temp`).length, 2);
      (await murder.stopSeeding('v1')).orThrow();
      (await murder.stopTracker()).orThrow();
      (await murder.cleanTempFiles('v1')).orThrow();
      const left = readdirSync(`${folder}/temp`, { recursive: true, encoding: 'utf8' });
      assert.deepEqual(
        left.filter((name) => name.includes('v1') || name.includes('torrent-')),
        [],
      );
    }));

  it('finds roles again that another program has started, which is gone', () =>
    withMurder(async (murder, folder) => {
      mkdirSync(`${folder}/source`);
      writeFileSync(`${folder}/source/file`, randomBytes(200_000));
      const program = fork(new URL('murder-starts.js', import.meta.url), [
        JSON.stringify({ hosts: bed.hosts, folder }),
      ]);
      const [said] = (await once(program, 'message')) as [string];
      assert.equal(said, 'seeding');
      program.kill('SIGKILL');
      await once(program, 'exit');
      assert.equal(roles(`${folder}/temp`).length, 2);
      (await murder.startPeering('v1')).orThrow();
      assert.deepEqual(
        readFileSync(`${folder}/${murder.peers[2]?.address}/v1/file`),
        readFileSync(`${folder}/source/file`),
      );
      (await murder.stopAllPeering()).orThrow();
      (await murder.stopAllSeeding()).orThrow();
      assert.equal(roles(`${folder}/temp`).length, 1);
    }));

  it('refuses a destination that is not empty, unless it is told to delete', () =>
    withMurder(
      async (murder, folder) => {
        mkdirSync(`${folder}/source`);
        writeFileSync(`${folder}/source/new`, 'new');
        const [first, ...others] = murder.peers.map(({ address }) => `${folder}/${address}/v2`) as [string];
        mkdirSync(`${first}/sub`, { recursive: true });
        writeFileSync(`${folder}/precious`, 'precious');
        symlinkSync(folder, `${first}/link`);
        writeFileSync(`${first}/sub/old`, 'old');
        await prepare(murder, 'v2', `${folder}/source`);
        const refused = await murder.peer('v2');
        assert.match(refused.processes.at(-3)?.error?.message ?? '', /not empty: with unsafePleaseDelete/);
        assert.equal(readFileSync(`${first}/sub/old`, 'utf8'), 'old');
        for (const other of others) assert.equal(listing(other), 'new\n', 'the others are not stopped');
        (await murder.stopAllPeering()).orThrow();
        (await murder.peer('v2', undefined, { unsafePleaseDelete: true })).orThrow();
        for (const path of [first, ...others]) assert.equal(listing(path), 'new\n');
        assert.equal(readFileSync(`${folder}/precious`, 'utf8'), 'precious');
        const never = await murder.peer('v2', folder, { unsafePleaseDelete: true, noTagDirectory: true });
        assert.match(why(never), /not one that can be cleared|there is a peer already/);
        assert.equal(readFileSync(`${folder}/precious`, 'utf8'), 'precious');
      },
      { seedAfter: 0 },
    ));

  it('puts one file where it is told, and files without a folder of the tag', () =>
    withMurder(
      async (murder, folder) => {
        writeFileSync(`${folder}/file`, randomBytes(100_000));
        const wrong = await murder.createTorrent('one', `${folder}/file`);
        assert.match(why(wrong), /is a file: set pathIsFile/);
        await prepare(murder, 'one', `${folder}/file`, { pathIsFile: true });
        (await murder.peer('one', `${folder}/{{{host}}}/as-named`)).orThrow();
        (await murder.stopAllPeering()).orThrow();
        const path = `${folder}/${murder.peers[0]?.address}`;
        assert.deepEqual(readFileSync(`${path}/as-named`), readFileSync(`${folder}/file`));
        const again = await murder.peer('one', `${folder}/{{{host}}}/as-named`);
        assert.match(why(again), /as-named exists/);
        mkdirSync(`${folder}/source`);
        writeFileSync(`${folder}/source/x`, 'x');
        (await murder.createTorrent('two', `${folder}/source`)).orThrow();
        (await murder.startSeeding('two')).orThrow();
        (await murder.peer('two', `${folder}/{{{host}}}/direct`, { noTagDirectory: true })).orThrow();
        assert.equal(listing(`${path}/direct`), 'x\n');
      },
      { seedAfter: 0 },
    ));

  it('does not clear a folder that does not look like its own', () =>
    withMurder(async (murder, folder) => {
      mkdirSync(`${folder}/code`);
      writeFileSync(`${folder}/code/thesis`, 'years of work');
      const refused = await murder.distributeFiles();
      assert.ok(
        refused.processes.every((p) => /does not look like ours: it holds thesis/.test(p.error!.message)),
      );
      assert.equal(listing(`${folder}/code`), 'thesis\n');
      const options = { remoteMurderPath: `${folder}/other` };
      (await murder.distributeFiles(options)).orThrow();
      writeFileSync(`${folder}/other/agent-0123456789abcdef.cjs`, 'an older version');
      (await murder.distributeFiles(options)).orThrow();
      assert.match(listing(`${folder}/other`), /^\.rookery-murder\nagent-[0-9a-f]{16}\.cjs\n$/);
    }));

  it('never ends a process that only has the number of one of its own', () =>
    withMurder(async (murder, folder) => {
      (await murder.distributeFiles()).orThrow();
      (await murder.startTracker()).orThrow();
      const [name] = readdirSync(`${folder}/temp`, { recursive: true, encoding: 'utf8' }).filter((path) =>
        path.endsWith('run-tracker.json'),
      );
      const path = join(folder, 'temp', name as string);
      const record = JSON.parse(readFileSync(path, 'utf8')) as { pid: number; started: string };
      writeFileSync(path, JSON.stringify({ ...record, started: '1' }));
      (await murder.stopTracker()).orThrow();
      assert.ok(isAlive(record.pid), 'that is somebody else');
      writeFileSync(path, JSON.stringify(record));
      process.kill(record.pid, 'SIGSTOP');
      (await murder.stopTracker()).orThrow();
      await until('the tracker is gone', () => !isAlive(record.pid));
    }));

  it('says what has to be done first', () =>
    withMurder(async (murder, folder) => {
      writeFileSync(`${folder}/file`, 'f');
      assert.match(why(await murder.startTracker()), /distributeFiles\(\) first/);
      (await murder.distributeFiles()).orThrow();
      assert.match(why(await murder.startSeeding('v1')), /createTorrent\(\) first/);
      (
        await murder.createTorrent('v1', `${folder}/file`, { pathIsFile: true, doNotDownloadTorrent: true })
      ).orThrow();
      assert.match(why(await murder.startSeeding('v1')), /startTracker\(\) first/);
      await assert.rejects(
        murder.peer('v1', '/x', { doNotDownloadTorrent: true }),
        /downloadTorrent\(\) first/,
      );
      (await murder.downloadTorrent('v1')).orThrow();
      (await murder.startTracker()).orThrow();
      assert.match(why(await murder.startTracker()), /there is a tracker already/);
      (await murder.startSeeding('v1')).orThrow();
      assert.match(why(await murder.createTorrent('v1', folder)), /stopSeeding\(\) first/);
      assert.match(why(await murder.cleanTempFiles('v1')), /runs: stop it first/);
      const to = `${folder}/{{{host}}}/file`;
      (await murder.peer('v1', to, { doNotDownloadTorrent: true, seedAfter: '1s' })).orThrow();
      const stranger = new Murder(
        { tracker: murder.tracker, seeder: murder.seeder, peer: bed.hosts },
        {
          ...{ tempPath: `${folder}/temp`, remoteMurderPath: `${folder}/code` },
          ...quiet,
        },
      );
      assert.match(why(await stranger.peer('v1', `${folder}/late-{{{host}}}`)), /was not a member/);
    }));

  it('refuses what cannot be meant', async () => {
    const murder = new Murder({ peer: bed.hosts });
    assert.equal(murder.tracker.address, bed.hosts[0]?.address);
    assert.equal(murder.hosts.length, 4);
    assert.throws(() => new Murder({ peer: [] }), InvalidArgument);
    assert.throws(
      () => new Murder({ peer: bed.hosts, seder: bed.hosts[0] } as never),
      /did you mean 'seeder'/,
    );
    assert.throws(() => new Murder({ peer: bed.hosts }, { trackerPort: 70_000 }), /a port/);
    await assert.rejects(murder.createTorrent(), /there is no tag/);
    await assert.rejects(murder.createTorrent('v1'), /there is no filesPath/);
    await assert.rejects(murder.peer('../v1', '/x'), /a tag consists of/);
  });
});
