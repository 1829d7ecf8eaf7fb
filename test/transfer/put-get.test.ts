import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Get, InvalidArgument, Put, SequentialActions, Testbed } from 'rookery';
import { describeTree, listing, makeTree, temporaryFolder } from './tree.js';

describe('Put and Get', () => {
  let bed: Testbed;
  before(async () => {
    bed = await Testbed.start({ hosts: 3, backend: 'sshd' });
  });
  after(() => bed.stop());
  const quiet = { logError: false };

  for (const verify of ['size', 'sha256', false] as const) {
    for (const transport of ['ssh2', 'openssh'] as const) {
      it(`copy a tree there and back, verify: ${verify}, ${transport}`, async () => {
        using folder = temporaryFolder();
        mkdirSync(join(folder.path, 'source'));
        const source = makeTree(join(folder.path, 'source'));
        const options = { verify, connectionParams: { transport } };
        const there = join(folder.path, 'there');
        const back = join(folder.path, 'back');
        const put = new Put(bed.hosts, source, `${there}/{{{host}}}/`, options);
        const get = new Get(bed.hosts, `${there}/{{{host}}}/source`, `${back}/{{{host}}}`, options);
        (await new SequentialActions([put, get]).run()).orThrow();
        for (const { address } of bed.hosts) {
          assert.equal(describeTree(`${there}/${address}/source`), describeTree(source));
          assert.equal(describeTree(`${back}/${address}`), describeTree(source));
          assert.equal(listing(`${there}/${address}`), 'source\n');
        }
        assert.ok(statSync(`${back}/${bed.hosts[0]?.address}/sparse`).blocks < 1000, 'holes stay holes');
        for (const process of [...put.processes, ...get.processes]) {
          assert.equal(process.bytesDone, process.bytesTotal);
          assert.equal(process.timeLeft, 0);
        }
      });
    }
  }

  it('replace files one by one, and keep what is there besides', async () => {
    using folder = temporaryFolder();
    const to = join(folder.path, 'to');
    mkdirSync(join(folder.path, 'app'));
    mkdirSync(join(to, 'app'), { recursive: true });
    writeFileSync(join(to, 'app/old'), 'stays');
    writeFileSync(join(to, 'app/file'), 'old content');
    writeFileSync(join(folder.path, 'app/file'), 'new content');
    const inode = statSync(join(to, 'app/file')).ino;
    const host = bed.hosts[0]!;
    (await new Put(host, join(folder.path, 'app'), to).run()).orThrow();
    assert.equal(readFileSync(join(to, 'app/file'), 'utf8'), 'new content');
    assert.notEqual(statSync(join(to, 'app/file')).ino, inode, 'a reader of the old file keeps it whole');
    assert.equal(readFileSync(join(to, 'app/old'), 'utf8'), 'stays');
    writeFileSync(join(to, 'app/file'), 'newer content');
    (await new Get(host, join(to, 'app'), folder.path).run()).orThrow();
    assert.equal(readFileSync(join(folder.path, 'app/file'), 'utf8'), 'newer content');
  });

  it('give a single file the name of the destination, unless that is a folder', async () => {
    using folder = temporaryFolder();
    const [a, b] = [join(folder.path, 'a'), join(folder.path, 'b')];
    writeFileSync(a, 'one');
    const host = bed.hosts[0]!;
    (await new Put(host, a, b).run()).orThrow();
    assert.equal(readFileSync(b, 'utf8'), 'one');
    (await new Put(host, a, `${folder.path}/dir/`).run()).orThrow();
    assert.equal(readFileSync(`${folder.path}/dir/a`, 'utf8'), 'one');
    (await new Put(host, a, `${folder.path}/dir`).run()).orThrow();
    (await new Get(host, a, `${folder.path}/c`).run()).orThrow();
    assert.equal(readFileSync(`${folder.path}/c`, 'utf8'), 'one');
    (await new Get(host, a, `${folder.path}/dir2/`).run()).orThrow();
    assert.equal(readFileSync(`${folder.path}/dir2/a`, 'utf8'), 'one');
  });

  it('take patterns, contents of folders, and values for each host', async () => {
    using folder = temporaryFolder();
    for (const name of ['x1.log', 'x2.log', 'y.txt']) writeFileSync(join(folder.path, name), name);
    const { hosts } = bed;
    const vars = { n: [1, 2] };
    const to = `${folder.path}/{{{host}}}`;
    (
      await new Put(hosts, [`${folder.path}/x{{n}}*`, `${folder.path}/y.txt`], `${to}/in/`, { vars }).run()
    ).orThrow();
    const names = hosts.map(({ address }) => readdirSync(`${folder.path}/${address}/in`).join(' '));
    assert.deepEqual(names, ['x1.log y.txt', 'x2.log y.txt', 'x1.log y.txt']);
    (await new Get(hosts, [`${to}/in/x*.log`, `${to}/in/[a-y].txt`], `${to}/out/`).run()).orThrow();
    assert.equal(listing(`${folder.path}/${hosts[0]?.address}/out`), 'x1.log\ny.txt\n');
    (await new Get(hosts, `${to}/in/`, `${to}/content/`).run()).orThrow();
    assert.equal(listing(`${folder.path}/${hosts[1]?.address}/content`), 'x2.log\ny.txt\n');
  });

  it('follow symlinks that are named', async () => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, 'real'));
    writeFileSync(join(folder.path, 'real/file'), 'content');
    symlinkSync('real', join(folder.path, 'current'));
    const host = bed.hosts[0]!;
    (await new Put(host, join(folder.path, 'current'), join(folder.path, 'put')).run()).orThrow();
    (await new Get(host, join(folder.path, 'current'), join(folder.path, 'got')).run()).orThrow();
    for (const name of ['put', 'got']) {
      assert.ok(lstatSync(join(folder.path, name)).isDirectory());
      assert.equal(readFileSync(join(folder.path, name, 'file'), 'utf8'), 'content');
    }
  });

  it('copy files of /proc whole', async () => {
    using folder = temporaryFolder();
    (await new Get(bed.hosts[0]!, '/proc/version', `${folder.path}/version`).run()).orThrow();
    assert.equal(readFileSync(`${folder.path}/version`, 'utf8'), readFileSync('/proc/version', 'utf8'));
    (await new Put(bed.hosts[0]!, '/proc/version', `${folder.path}/sent`).run()).orThrow();
    assert.equal(readFileSync(`${folder.path}/sent`, 'utf8'), readFileSync('/proc/version', 'utf8'));
  });

  it('fail on a host without stopping the others, and leave nothing there', async () => {
    using folder = temporaryFolder();
    const [first, second] = bed.hosts;
    writeFileSync(join(folder.path, 'file'), 'content');
    mkdirSync(join(folder.path, `${first?.address}/file`), { recursive: true });
    const put = await new Put(
      bed.hosts,
      join(folder.path, 'file'),
      `${folder.path}/{{{host}}}/`,
      quiet,
    ).run();
    assert.deepEqual(
      put.processes.map((p) => p.ok),
      [false, true, true],
    );
    assert.equal(put.processes[0]?.error?.code, 'ERR_TRANSFER');
    assert.match(put.processes[0]?.error?.message ?? '', /directory/);
    assert.equal(listing(`${folder.path}/${first?.address}`), 'file\n');
    assert.equal(listing(`${folder.path}/${second?.address}`), 'file\n');
    const get = await new Get(
      bed.hosts,
      `${folder.path}/{{{host}}}/nope`,
      `${folder.path}/got/{{{host}}}/`,
      quiet,
    ).run();
    assert.match(get.processes[0]?.error?.message ?? '', /there is no .*nope/);
    assert.equal(existsSync(`${folder.path}/got`), false);
    const none = await new Put(bed.hosts, join(folder.path, 'no*such'), folder.path, quiet).run();
    assert.match(none.processes[2]?.error?.message ?? '', /no local file matches/);
  });

  it('refuse what cannot be meant, at construction', () => {
    const { hosts } = bed;
    const refused = (make: () => unknown, pattern: RegExp) =>
      assert.throws(make, (error: Error) => error instanceof InvalidArgument && pattern.test(error.message));
    refused(() => new Get(hosts, '/etc/hosts', '/tmp/x'), /both would write "hosts".*\{\{\{host\}\}\}/);
    refused(() => new Get(hosts[0]!, ['/a/name', '/b/name'], '/tmp/x/'), /twice would write "name"/);
    refused(() => new Put(hosts, [], '/tmp'), /localFiles/);
    refused(() => new Put(hosts, 'x', ''), /remoteLocation/);
    refused(() => new Put(hosts, 'x', '/tmp/{{no}}'), /\{\{no\}\}/);
    refused(
      () => new Put(hosts, 'x', '/tmp', { verify: 'md5' as 'size' }),
      /'size', 'sha256' or false, not "md5"/,
    );
    refused(() => new Put(hosts, 'x', '/tmp', { stdin: 'x' } as object), /unknown option "stdin"/);
  });
});
