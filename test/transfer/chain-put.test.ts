import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ChainPut, InvalidArgument, Report, Testbed } from 'rookery';
import { quiet, transports } from '../faults/support.js';
import { describeTree, listing, makeTree, temporaryFolder } from './tree.js';

/** What the scripts on the hosts need besides the tool itself. */
const programs =
  'sh mkdir mktemp mkfifo tar chmod rm find stat awk cat mv touch sha256sum grep head tail wc sleep sed od xargs env';
const tools = ['python3', 'perl', 'node', 'socat', 'ncat'];
const which = (name: string) => {
  try {
    const find = `PATH=/usr/bin:/bin:/usr/local/bin:$PATH; command -v ${name}`;
    return execFileSync('/bin/sh', ['-c', find], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
};

/** Hosts on which there is nothing but these programs. */
async function bedWith(folder: string, names: readonly string[]): Promise<Testbed> {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const name of names) symlinkSync(which(name) as string, join(bin, name));
  const path = process.env['PATH'];
  process.env['PATH'] = bin;
  try {
    return await Testbed.start({ hosts: 3, backend: 'sshd' });
  } finally {
    process.env['PATH'] = path;
  }
}

describe('ChainPut', () => {
  let bed: Testbed;
  before(async () => {
    bed = await Testbed.start({ hosts: 4, backend: 'sshd' });
  });
  after(() => bed.stop());

  for (const transport of transports) {
    for (const verify of ['size', 'sha256'] as const) {
      it(`gives every host the same tree, over ${transport}, verify: ${verify}`, async () => {
        using folder = temporaryFolder();
        mkdirSync(join(folder.path, 'source'));
        const source = makeTree(join(folder.path, 'source'));
        const to = `${folder.path}/to/{{{host}}}/`;
        const put = new ChainPut(bed.hosts, source, to, { verify, connectionParams: { transport } });
        (await put.run()).orThrow();
        for (const { address } of bed.hosts) {
          assert.equal(describeTree(`${folder.path}/to/${address}/source`), describeTree(source));
          assert.equal(listing(`${folder.path}/to/${address}`), 'source\n', 'nothing of ours stays');
        }
        for (const process of put.processes) {
          assert.equal(process.bytesDone, process.bytesTotal);
          assert.equal(process.timeLeft, 0);
        }
        assert.equal(new Report(put).stats().finishedOk, 4);
      });
    }
  }

  for (const tool of tools) {
    const skip = which(tool) === undefined ? `there is no ${tool} here` : false;
    it(
      `needs nothing but ${tool} on the hosts, and closes behind one that dies half way`,
      { skip },
      async () => {
        using folder = temporaryFolder();
        await using poor = await bedWith(folder.path, [...programs.split(' '), tool]);
        writeFileSync(join(folder.path, 'file'), randomBytes(48 * 1024 * 1024));
        const put = new ChainPut(poor.hosts, join(folder.path, 'file'), `${folder.path}/{{{host}}}/`);
        // Nobody knows which host is in the middle: the one that is half way first is near the front.
        let victim: (typeof put.processes)[number] | undefined;
        for (const process of put.processes)
          process.on('progress', () => {
            if (victim || process.bytesDone < (process.bytesTotal as number) / 2) return;
            victim = process.kill('SIGKILL');
          });
        await put.run();
        assert.ok(victim?.killed);
        for (const process of put.processes) {
          assert.equal(process.tool, tool);
          if (process === victim) continue;
          assert.ok(process.ok, process.dump());
          const copy = readFileSync(`${folder.path}/${process.host.address}/file`);
          assert.ok(copy.equals(readFileSync(join(folder.path, 'file'))));
          assert.equal(listing(`${folder.path}/${process.host.address}`), 'file\n');
        }
      },
    );
  }

  it('says what a host needs that has nothing of it', async () => {
    using folder = temporaryFolder();
    await using poor = await bedWith(folder.path, programs.split(' '));
    writeFileSync(join(folder.path, 'file'), 'content');
    const put = await new ChainPut(poor.hosts, join(folder.path, 'file'), `${folder.path}/x`, quiet).run();
    for (const { error } of put.processes)
      assert.match(error?.message ?? '', /install python3, perl, socat, ncat or node/);
  });

  it('leaves out a host that falls silent', async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'file'), randomBytes(64 * 1024 * 1024));
    const put = new ChainPut(bed.hosts, join(folder.path, 'file'), `${folder.path}/{{{host}}}/`, quiet);
    const [victim, ...others] = put.processes;
    victim?.once('progress', () => victim.kill('SIGSTOP'));
    await put.run();
    assert.equal(victim?.error?.code, 'ERR_CONNECTION_LOST');
    for (const process of others) assert.ok(process.ok, process.dump());
  });

  it('fails on one host without stopping the others', async () => {
    using folder = temporaryFolder();
    const [first, ...others] = bed.hosts;
    mkdirSync(`${folder.path}/${first?.address}/file`, { recursive: true });
    writeFileSync(join(folder.path, 'file'), randomBytes(5_000_000));
    const put = new ChainPut(bed.hosts, join(folder.path, 'file'), `${folder.path}/{{{host}}}/`, quiet);
    await put.run();
    assert.deepEqual(
      put.processes.map((process) => process.error?.code),
      ['ERR_TRANSFER', undefined, undefined, undefined],
    );
    for (const { address } of others)
      assert.ok(
        readFileSync(`${folder.path}/${address}/file`).equals(readFileSync(join(folder.path, 'file'))),
      );
    assert.equal(listing(`${folder.path}/${first?.address}`), 'file\n');
  });

  it('makes one chain for each set of files, and few hosts at a time where that is asked for', async () => {
    using folder = temporaryFolder();
    for (const n of [1, 2]) writeFileSync(join(folder.path, `file${n}`), `content ${n}`);
    const vars = { n: [1, 2] };
    const to = `${folder.path}/{{{host}}}`;
    const put = new ChainPut(bed.hosts, `${folder.path}/file{{n}}`, to, { vars, concurrency: 1 });
    (await put.run()).orThrow();
    const contents = bed.hosts.map(({ address }) => readFileSync(`${folder.path}/${address}`, 'utf8'));
    assert.deepEqual(contents, ['content 1', 'content 2', 'content 1', 'content 2']);
    (await put.reset().run()).orThrow();
  });

  it('fails everywhere when there is nothing to send, and when it is killed', async () => {
    using folder = temporaryFolder();
    const none = await new ChainPut(bed.hosts, `${folder.path}/nope`, folder.path, quiet).run();
    for (const { error } of none.processes)
      assert.match(error?.message ?? '', /there is no local file .*nope/);
    writeFileSync(join(folder.path, 'file'), randomBytes(64 * 1024 * 1024));
    const put = new ChainPut(bed.hosts, join(folder.path, 'file'), `${folder.path}/{{{host}}}/`);
    const moving = new Promise((resolve) => put.processes[0]?.once('progress', resolve));
    put.start();
    await moving;
    await put.kill().wait();
    assert.ok(put.killed && put.processes.every((process) => process.ended));
  });

  it('refuses what cannot be meant', () => {
    assert.throws(() => new ChainPut(bed.hosts, [], '/tmp'), InvalidArgument);
    assert.throws(() => new ChainPut(bed.hosts, 'x', ''), InvalidArgument);
    assert.throws(
      () => new ChainPut(bed.hosts, 'x', '/tmp', { verfy: false } as object),
      /did you mean 'verify'/,
    );
  });
});
