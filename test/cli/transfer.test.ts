import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Testbed } from 'rookery';
import { until } from '../faults/support.js';
import { ctrlC, rookery, Screen } from './rookery.js';

describe('rookery put, get and fanout', () => {
  let bed: Testbed;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-copy-'));
    writeFileSync(join(folder, 'file'), 'content\n');
    writeFileSync(join(folder, 'big'), Buffer.alloc(3_000_000, 7));
    bed = await Testbed.start({ hosts: 22, backend: 'embedded' });
  });
  after(async () => {
    await bed.stop();
    rmSync(folder, { recursive: true });
  });
  const on = (command: string, hosts: string, ...rest: string[]) => [
    command,
    ...['-F', bed.sshConfigFile, '-w', hosts, ...rest],
  ];
  const at = (i: number, name: string) => readFileSync(join(bed.folderOf(bed.hosts[i - 1]!), name), 'utf8');

  it('copies there and back', async () => {
    const there = await rookery(on('put', 'host[1-2]', join(folder, 'file'), 'in/', '--verify', 'sha256'));
    assert.equal(there.code, 0, there.stderr);
    assert.match(there.stderr, /2\/2 done/);
    assert.equal(at(2, 'in/file'), 'content\n');
    const back = await rookery(on('get', 'host[1-2]', 'in/file', join(folder, 'back'), '-q'));
    assert.deepEqual(back, { code: 0, stdout: '', stderr: '' });
    assert.equal(readFileSync(join(folder, 'back/host2/file'), 'utf8'), 'content\n');
    const one = await rookery(on('get', 'host1', 'in/file', join(folder, 'one'), '-q'));
    assert.deepEqual(one, { code: 0, stdout: '', stderr: '' });
    assert.equal(readFileSync(join(folder, 'one'), 'utf8'), 'content\n');
  });

  it('tells who failed by cause, and refuses what it does not understand', async () => {
    writeFileSync(join(bed.folderOf(bed.hosts[2]!), 'taken'), 'a file');
    const file = join(folder, 'failed');
    const ran = await rookery(
      on('put', 'host[3-4]', join(folder, 'file'), 'taken/x/', '--failed-to', file, '--json'),
    );
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /1 of 2 failed\n {2}ERR_TRANSFER \(1\): host3/);
    assert.equal(readFileSync(file, 'utf8'), 'host3\n');
    assert.equal(ran.stdout.trim().split('\n').length, 2);
    for (const [args, pattern] of [
      [on('put', 'host1', 'only'), /last where they go/],
      [on('put', 'host1', 'a', 'b', '--verify', 'md5'), /size, sha256 or none/],
      [on('fanout', 'host1', 'a', 'b', '--chain', '--resume'), /--chain/],
    ] as const) {
      const { code, stderr } = await rookery(args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, pattern);
    }
  });

  it('shows a bar for each of a few hosts, and one for many', async () => {
    await using few = new Screen(on('put', 'host[5-6]', join(folder, 'big'), 'few'));
    assert.equal(await few.exited, 0);
    await few.until(/█ 2\/2 done, 6.0 MB\n {2}host5 +█+ 100% +3.0 MB +done\n {2}host6 +█+ 100%/);
    await using many = new Screen(on('put', 'host[1-22]', join(folder, 'big'), 'many'));
    assert.equal(await many.exited, 0);
    await many.until(/█ 22\/22 done, 66.\d MB/);
    assert.doesNotMatch(many.text, /host5/);
  });

  it('fans out as a swarm and as a chain', async () => {
    for (const [i, options] of [[], ['--chain']].entries()) {
      const ran = await rookery(on('fanout', 'host[1-3]', join(folder, 'big'), `fan${i}`, ...options));
      assert.equal(ran.code, 0, ran.stderr);
      assert.match(ran.stderr, /3\/3 done/);
      assert.equal(at(3, `fan${i}`).length, 3_000_000);
    }
  });

  it('ends at Ctrl-C and leaves nothing half done', async () => {
    mkdirSync(join(folder, 'slow'));
    writeFileSync(join(folder, 'slow', 'large'), Buffer.alloc(200_000_000));
    await using screen = new Screen(on('put', 'host[7-8]', join(folder, 'slow'), 'cut'));
    await screen.until(/\/s/);
    screen.type(ctrlC);
    assert.equal(await screen.exited, 130);
    assert.match(screen.text, /2 of 2 failed\n {2}killed \(2\): host\[7-8\]/);
    await until('nothing is left', async () => (await bed.processes()).length === 0);
    assert.throws(() => at(7, 'cut/large'), /ENOENT/);
  });
});
