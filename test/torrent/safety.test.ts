import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Testbed, TorrentPut } from 'rookery';
import { encodeHandshake, encodeMessage } from '../../src/torrent/wire.js';
import { until } from '../faults/support.js';
import { describeTree, listing, temporaryFolder } from '../transfer/tree.js';
import { LoneAgent, peerJob, torrentOfFile } from './agent-support.js';
import { FakePeer, knock } from './fake-peer.js';

const [seeder, peer, other, stranger] = [1, 2, 3, 9].map((n) => `127.77.4.${n}`) as [
  string,
  string,
  string,
  string,
];
const ids = {
  [seeder]: '-RK0100-seeder000001',
  [peer]: '-RK0100-peer00000001',
  [other]: '-RK0100-other0000001',
};
const members = Object.entries(ids).map(([address, peerId]) => ({ address, peerId }));
const idOf = (address: string) => ({ members, address, peerId: ids[address] as string });

/** A file and its torrent in a folder. */
function makeTorrent(folder: string, size = 500_000) {
  writeFileSync(`${folder}/data`, randomBytes(size));
  return torrentOfFile(`${folder}/data`);
}

/** An agent that has the file. */
async function startSeeder(folder: string, torrent: ReturnType<typeof makeTorrent>) {
  const agent = new LoneAgent();
  agent.order({ type: 'scan', files: [`${folder}/data`] });
  await agent.said('source');
  const { place: _, ...job } = peerJob(torrent, idOf(seeder), '');
  agent.order(job, { type: 'go' });
  const { port } = await agent.said('ready');
  return { agent, at: { address: seeder, port } };
}

describe('safety of agents', () => {
  it('tells nobody anything who is not of the job', async () => {
    using folder = temporaryFolder();
    const torrent = makeTorrent(folder.path);
    const { agent, at } = await startSeeder(folder.path, torrent);
    await using _ = agent;
    const hello = (id: string, infoHash = torrent.meta.infoHash) =>
      encodeHandshake(infoHash, Buffer.from(id, 'latin1'));
    assert.equal((await knock(stranger, at, hello(ids[peer] as string))).length, 0, 'another address');
    assert.equal((await knock(peer, at, hello('-TR3000-000000000000'))).length, 0, 'an id by lot');
    assert.equal((await knock(peer, at, hello(ids[other] as string))).length, 0, 'the id of another member');
    assert.equal((await knock(peer, at, hello(ids[peer] as string, randomBytes(20)))).length, 0);
    assert.equal((await knock(peer, at, Buffer.from('GET / HTTP/1.1\r\n\r\n'.padEnd(68)))).length, 0);
    const long = Buffer.concat([hello(ids[peer] as string), Buffer.from([0xff, 0xff, 0xff, 0xff, 7])]);
    assert.ok(
      (await knock(peer, at, long)).length > 0,
      'cut off after the handshake, at the length of 4 GiB',
    );
    await using fetching = new LoneAgent();
    fetching.order(peerJob(torrent, idOf(peer), `${folder.path}/to`), { type: 'go' });
    await fetching.said('ready');
    fetching.order({ type: 'peers', peers: [at] });
    await fetching.said('placed');
  });

  it('is not kept busy by those who do not shake hands', async () => {
    using folder = temporaryFolder();
    const torrent = makeTorrent(folder.path);
    const { agent, at } = await startSeeder(folder.path, torrent);
    await using _ = agent;
    let closed = 0;
    const slow: Socket[] = Array.from({ length: 300 }, () => {
      const socket = connect({ host: at.address, port: at.port, localAddress: other });
      return socket.on('error', () => undefined).on('close', () => closed++);
    });
    await until('most are turned away', () => closed >= 292);
    await using fetching = new LoneAgent();
    fetching.order(peerJob(torrent, idOf(peer), `${folder.path}/to`), { type: 'go' });
    await fetching.said('ready');
    fetching.order({ type: 'peers', peers: [at] });
    await fetching.said('placed');
    await until('those that were let in are cut off', () => closed === slow.length);
  });

  for (const [name, answer] of [
    ['sends corrupt blocks', 'corrupt'],
    ['has nothing of what it says', 'silent'],
    ['refuses what it says it has', 'reject'],
  ] as const) {
    it(`gets everything although one peer ${name}`, async () => {
      using folder = temporaryFolder();
      const torrent = makeTorrent(folder.path);
      const { infoHash, pieceCount } = torrent.meta;
      let asked = 0;
      await using liar = await FakePeer.listen(
        other,
        infoHash,
        ids[other] as string,
        pieceCount,
        (message, link) => {
          if (message.type !== 'request') return;
          asked++;
          const { piece, begin, length } = message;
          if (answer === 'corrupt') link.sendBlock(piece, begin, randomBytes(length));
          if (answer === 'reject') link.socket.write(encodeMessage({ ...message, type: 'reject' }));
        },
      );
      await using fetching = new LoneAgent();
      fetching.order(peerJob(torrent, idOf(peer), `${folder.path}/to`), { type: 'go' });
      await fetching.said('ready');
      fetching.order({ type: 'peers', peers: [{ address: other, port: liar.port }] });
      await until('the liar was asked', () => asked >= 2);
      if (answer === 'corrupt') await until('it is banned', () => liar.closed > 0);
      const { agent, at } = await startSeeder(folder.path, torrent);
      await using _ = agent;
      fetching.order({ type: 'peers', peers: [at] });
      await fetching.said('placed');
      assert.deepEqual(readFileSync(`${folder.path}/to/data`), readFileSync(`${folder.path}/data`));
    });
  }

  it('refuses names that lead elsewhere', async () => {
    using folder = temporaryFolder();
    const torrent = makeTorrent(folder.path);
    for (const name of ['../data', '/data', 'a/../../data', 'a//b', '.', 'a\0b']) {
      await using agent = new LoneAgent();
      const manifest = [{ ...torrent.manifest[0]!, name }];
      agent.order(peerJob({ ...torrent, manifest }, idOf(peer), `${folder.path}/to/here`));
      assert.match((await agent.said('failed')).message, /not a name for a file/, name);
      assert.equal(await agent.exited, 1);
    }
    assert.equal(listing(folder.path), 'data\n');
  });

  it('notices that a source has changed while it is sent', async () => {
    using folder = temporaryFolder();
    const torrent = makeTorrent(folder.path);
    const { agent, at } = await startSeeder(folder.path, torrent);
    await using _ = agent;
    writeFileSync(`${folder.path}/data`, randomBytes(500_000));
    await using fetching = new LoneAgent();
    fetching.order(peerJob(torrent, idOf(peer), `${folder.path}/to`), { type: 'go' });
    await fetching.said('ready');
    fetching.order({ type: 'peers', peers: [at] });
    const { code, message } = await agent.said('failed');
    assert.equal(code, 'ERR_SOURCE_CHANGED');
    assert.match(message, /changed or vanished/);
    assert.equal(existsSync(`${folder.path}/to/data`), false);
  });
});

const skip = process.getuid?.() !== 0 && 'needs root, to mount a small disk';

describe('a full disk', { skip }, () => {
  /** A disk of that many KiB in a folder. */
  function disk(path: string, kib: number) {
    mkdirSync(path);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs', path]);
    return { [Symbol.dispose]: () => void execFileSync('umount', ['-l', path]) };
  }

  it('is told of before anything is written, and stops nobody else', async () => {
    using folder = temporaryFolder();
    await using bed = await Testbed.start({ hosts: 3, backend: 'sshd' });
    writeFileSync(`${folder.path}/data`, randomBytes(4_000_000));
    const small = `${folder.path}/${bed.hosts[1]?.address}`;
    using _ = disk(small, 2048);
    const quiet = { logError: false };
    const to = `${folder.path}/{{{host}}}/`;
    const put = await new TorrentPut(bed.hosts, `${folder.path}/data`, to, quiet).run();
    assert.deepEqual(
      put.processes.map((process) => process.ok),
      [true, false, true],
    );
    assert.match(put.processes[1]?.error?.message ?? '', /no space left in .* bytes are to come/);
    assert.equal(listing(small), '');
  });

  it('ends an agent that it fills up under, and leaves nothing', async () => {
    using folder = temporaryFolder();
    const torrent = makeTorrent(folder.path, 3_000_000);
    using _ = disk(`${folder.path}/small`, 8192);
    const { agent, at } = await startSeeder(folder.path, torrent);
    await using _agent = agent;
    await using fetching = new LoneAgent();
    fetching.order(peerJob(torrent, idOf(peer), `${folder.path}/small`));
    await fetching.said('ready');
    execFileSync('sh', ['-c', `cat /dev/zero > ${folder.path}/small/other 2>/dev/null || true`]);
    fetching.order({ type: 'go' }, { type: 'peers', peers: [at] });
    assert.match((await fetching.said('failed')).message, /ENOSPC/);
    await fetching.exited;
    assert.equal(listing(`${folder.path}/small`), 'other\n');
  });
});

describe('two jobs at once', () => {
  it('do not disturb each other on the same hosts', async () => {
    using folder = temporaryFolder();
    await using bed = await Testbed.start({ hosts: 3, backend: 'sshd' });
    for (const name of ['one', 'two']) {
      mkdirSync(`${folder.path}/${name}/sub`, { recursive: true });
      writeFileSync(`${folder.path}/${name}/sub/file-${name}`, randomBytes(2_000_000));
      writeFileSync(`${folder.path}/${name}/sub/same`, 'same');
    }
    const puts = ['one', 'two'].map(
      (name) => new TorrentPut(bed.hosts, `${folder.path}/${name}/`, `${folder.path}/{{{host}}}/`),
    );
    for (const put of await Promise.all(puts.map((put) => put.run()))) put.orThrow();
    const [first, ...others] = bed.hosts.map(({ address }) => `${folder.path}/${address}`) as [string];
    assert.equal(listing(`${first}/sub`), 'file-one\nfile-two\nsame\n');
    assert.equal(listing(first), 'sub\n');
    const content = (path: string) => describeTree(path).replace(/.* d .*\n/g, '');
    for (const path of others)
      assert.equal(content(path).replace(/.*same.*\n/g, ''), content(first).replace(/.*same.*\n/g, ''));
  });
});
