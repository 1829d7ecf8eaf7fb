import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { closeConnections, TorrentPut } from 'rookery';
import { startNamespaces } from '../../bench/netns.js';
import { hasProgram } from '../../bench/support.js';
import { Tracker } from '../../src/torrent/tracker.js';
import { isAlive, living, until } from '../faults/support.js';
import { listing, temporaryFolder } from '../transfer/tree.js';
import { LoneAgent, peerJob, torrentOfFile } from './agent-support.js';

const quiet = { logError: false, logExitCode: false };
const skip =
  (process.getuid?.() !== 0 || !hasProgram('ip') || !hasProgram('tc') || !hasProgram('/usr/sbin/sshd')) &&
  'needs root with ip, tc and sshd, for links that are slow enough to be cut';

describe('faults in a fan-out', { skip }, () => {
  let bed: Awaited<ReturnType<typeof startNamespaces>>;
  before(async () => {
    bed = await startNamespaces(6, '40mbit');
  });
  after(async () => {
    await closeConnections();
    await bed.stop();
  });

  /** A fan-out of so many bytes from the first host to the others, and where it puts them. */
  function fanOut(folder: string, size: number): { put: TorrentPut; copies: string[] } {
    writeFileSync(`${folder}/data`, randomBytes(size));
    const [seeder, ...hosts] = bed.hosts;
    const put = new TorrentPut(hosts, `${folder}/data`, `${folder}/{{{host}}}/`, {
      ...quiet,
      seeder: seeder!,
    });
    return { put, copies: hosts.map(({ address }) => `${folder}/${address}`) };
  }
  const isCopy = (folder: string, path: string) =>
    readFileSync(`${path}/data`).equals(readFileSync(`${folder}/data`));
  type Agent = TorrentPut['processes'][number];
  const reaches = (agent: Agent, share: number) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if ((agent.counts?.done ?? 0) < share * (agent.bytesTotal ?? Infinity)) return;
        agent.off('progress', look);
        resolve();
      };
      agent.on('progress', look);
    });
  const signal = (agent: Agent, name: NodeJS.Signals) => process.kill(agent.pid as number, name);

  it('goes on when peers are killed at 25, 50 and 75 %', async () => {
    using folder = temporaryFolder();
    const { put, copies } = fanOut(folder.path, 16 * 1024 * 1024);
    put.start();
    const killed = put.processes.slice(0, 3);
    await Promise.all(
      killed.map(async (agent, i) => {
        await reaches(agent, (i + 1) / 4);
        signal(agent, 'SIGKILL');
      }),
    );
    await put.wait();
    assert.deepEqual(
      put.processes.map((agent) => agent.ok),
      [false, false, false, true, true],
    );
    for (const path of copies.slice(3)) assert.ok(isCopy(folder.path, path));
    for (const agent of killed) assert.equal(agent.signal, 'SIGKILL');
  });

  it('goes on while a peer stands still without a reset, and takes it in again', async () => {
    using folder = temporaryFolder();
    const { put, copies } = fanOut(folder.path, 8 * 1024 * 1024);
    put.start();
    const [still, ...others] = put.processes;
    await reaches(still!, 0.25);
    signal(still!, 'SIGSTOP');
    await until('the others have everything', () => others.every((agent) => agent.placed));
    assert.equal(still!.placed, false);
    signal(still!, 'SIGCONT');
    (await put.wait()).orThrow();
    for (const path of copies) assert.ok(isCopy(folder.path, path));
  });

  it('is finished by the peers when the seeder dies after one copy is out', async () => {
    using folder = temporaryFolder();
    const { put, copies } = fanOut(folder.path, 16 * 1024 * 1024);
    put.start();
    await until('one copy is out', () => put.seeder.counts?.notYetOut === 0);
    signal(put.seeder, 'SIGKILL');
    (await put.wait()).orThrow();
    for (const path of copies) assert.ok(isCopy(folder.path, path));
  });

  it('fails at once, and says so, when the seeder dies before', async () => {
    using folder = temporaryFolder();
    const { put, copies } = fanOut(folder.path, 16 * 1024 * 1024);
    put.start();
    await reaches(put.processes[0]!, 0.1);
    assert.notEqual(put.seeder.counts?.notYetOut, 0);
    signal(put.seeder, 'SIGKILL');
    await put.wait();
    for (const agent of put.processes)
      assert.match(agent.error?.message ?? '', /the seeder failed before a whole copy was out/);
    for (const path of copies) assert.equal(listing(path), '');
  });

  it('does not wait for one host with a tenth of the speed', async () => {
    using folder = temporaryFolder();
    bed.shape(5, '4mbit');
    try {
      const { put, copies } = fanOut(folder.path, 4 * 1024 * 1024);
      put.start();
      const slow = put.processes[4]!;
      await until('the others have everything', () => put.processes.filter((a) => a.placed).length === 4);
      assert.equal(slow.placed, false, 'it is the last');
      (await put.wait()).orThrow();
      for (const path of copies) assert.ok(isCopy(folder.path, path));
    } finally {
      bed.shape(5, '40mbit');
    }
  });

  for (const name of ['SIGINT', 'SIGKILL'] as const) {
    it(`leaves no agent, port or folder when the controller gets ${name}`, async () => {
      using folder = temporaryFolder();
      writeFileSync(`${folder.path}/data`, randomBytes(32 * 1024 * 1024));
      const words = [JSON.stringify({ hosts: bed.hosts, folder: folder.path })];
      const program = fork(new URL('fan-out-program.js', import.meta.url), words, { silent: true });
      const [pids] = (await once(program, 'message')) as [number[]];
      assert.ok(pids.length === bed.hosts.length && pids.every(isAlive));
      program.kill(name);
      await once(program, 'exit');
      await until('no agent lives', () => !pids.some(isAlive) && living(folder.path).length === 0);
      const copies = bed.hosts.slice(1).map(({ address }) => `${folder.path}/${address}`);
      for (const path of copies) if (existsSync(path)) assert.match(listing(path), /^(data\n)?$/);
    });
  }
});

describe('a tracker that is gone', () => {
  it('is not needed after the first announce', async () => {
    using folder = temporaryFolder();
    writeFileSync(`${folder.path}/data`, randomBytes(2_000_000));
    const torrent = torrentOfFile(`${folder.path}/data`);
    const { infoHash } = torrent.meta;
    const members = [1, 2, 3, 4].map((n) => ({
      ...{ id: String(n), address: `127.77.5.${n}`, peerId: `-RK0100-00000000000${n}`, seeder: n === 1 },
    }));
    const tracker = new Tracker();
    tracker.add(infoHash, members);
    const port = await tracker.listen('127.0.0.1');
    const agents = members.map(({ id, address, peerId }) => {
      const agent = new LoneAgent();
      const announce = `http://127.0.0.1:${port}${tracker.pathOf(infoHash, id)}`;
      const { place, ...job } = peerJob(
        torrent,
        { members, address, peerId, announce },
        `${folder.path}/to${id}`,
      );
      if (id === '1') agent.order({ type: 'scan', files: [`${folder.path}/data`] }, job);
      else agent.order({ ...job, place });
      return agent;
    });
    try {
      await Promise.all(agents.map((agent) => agent.said('ready')));
      await Promise.all(agents.map((agent) => agent.said('progress', ({ neighbours }) => neighbours > 0)));
      await tracker.close();
      for (const agent of agents) agent.order({ type: 'go' });
      await Promise.all(agents.slice(1).map((agent) => agent.said('placed')));
    } finally {
      for (const agent of agents) await agent[Symbol.asyncDispose]();
      await tracker.close();
    }
  });
});
