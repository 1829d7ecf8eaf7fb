import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { closeConnections, SshProcess, Testbed, type Host } from 'rookery';
import { living, quiet, uniqueSleep, until } from './support.js';

const script = fileURLToPath(new URL('fixtures/first-command.js', import.meta.url));
const shells = ['/bin/bash', '/bin/dash', '/bin/tcsh', '/usr/bin/fish'].filter(existsSync);

describe('the first command on a host, sent before anything is known of it', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'rookery-first-'))));
  after(async () => {
    await closeConnections();
    rmSync(folder, { recursive: true });
  });
  /** Lines that commands have left in a file. */
  const runs = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []);
  function program(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  for (const shell of shells) {
    it(`runs exactly once, and says nothing of our own, under ${shell}`, async () => {
      await using bed = await Testbed.start({ hosts: 1, backend: 'embedded', embedded: { shell } });
      const file = join(folder, shell.replaceAll('/', '_'));
      const run = program('run', `echo $1 >>${file}; echo out; echo err >&2; exit $2`);
      const [host] = bed.hosts as [Host];
      for (const code of [3, 0]) {
        await closeConnections();
        const both = ['one', 'two'].map((word) =>
          new SshProcess(`${run} ${word} ${code}`, host, quiet).start(),
        );
        for (const p of both) {
          await p.wait();
          assert.deepEqual([p.stdout, p.stderr, p.exitCode], ['out\n', 'err\n', code]);
          assert.ok((p.pid ?? 0) > 1);
        }
      }
      assert.deepEqual(runs(file).sort(), ['one', 'one', 'two', 'two']);
    });

    it(`takes its environment and folder along under ${shell}`, async () => {
      await using bed = await Testbed.start({ hosts: 1, backend: 'embedded', embedded: { shell } });
      const env = { SAID: `a 'b' "c" $d \\ !e` };
      const p = new SshProcess('env', bed.hosts[0]!, { env, cwd: folder });
      await p.run();
      assert.match(p.stdout, /^SAID=a 'b' "c" \$d \\ !e$/m);
      const odd = join(folder, "-a 'b' $c !d");
      mkdirSync(odd, { recursive: true });
      for (const cwd of [folder, odd]) {
        const q = new SshProcess('pwd', bed.hosts[0]!, { cwd });
        await closeConnections();
        assert.equal((await q.run()).stdout, `${cwd}\n`);
      }
      const r = new SshProcess('pwd', bed.hosts[0]!, { cwd: '/does/not/exist', ...quiet });
      await closeConnections();
      assert.equal((await r.run()).exitCode, 1);
    });
  }

  it('reaches a forced command as it is', async () => {
    const file = join(folder, 'forced');
    const forced = program(
      'forced-command',
      `case $SSH_ORIGINAL_COMMAND in info) echo ran >>${file}; echo hello;; *) echo "unknown command" >&2; exit 1;; esac`,
    );
    await using bed = await Testbed.start({
      hosts: 1,
      backend: 'sshd',
      sshdOptions: { ForceCommand: forced },
    });
    const p = await new SshProcess('info', bed.hosts[0]!).run();
    assert.deepEqual([p.stdout, p.stderr, p.exitCode], ['hello\n', '', 0]);
    const q = await new SshProcess('other', bed.hosts[0]!, quiet).run();
    assert.deepEqual([q.stdout, q.stderr, q.exitCode], ['', 'unknown command\n', 1]);
    assert.deepEqual(runs(file), ['ran']);
  });

  it('ends as it ends when the login shell ends before it', async () => {
    await using bed = await Testbed.start({
      hosts: 1,
      backend: 'embedded',
      embedded: { shell: '/bin/false' },
    });
    const p = await new SshProcess('uptime', bed.hosts[0]!, quiet).run();
    assert.deepEqual([p.stdout, p.exitCode], ['', 1]);
  });

  describe('what it leaves in the background', () => {
    let bed: Testbed;
    before(async () => (bed = await Testbed.start({ hosts: 2, backend: 'sshd' })));
    after(async () => {
      await closeConnections();
      await bed.stop();
    });
    /** A program that ends at once and leaves a daemon behind that nothing ties to it. */
    const daemon = (tag: string) =>
      program(`daemon-${tag}`, `setsid sleep ${tag} </dev/null >/dev/null 2>&1 &`);

    it('ends with the connections', async () => {
      const tag = uniqueSleep();
      await new SshProcess(daemon(tag), bed.hosts[0]!).run();
      await closeConnections();
      await until('the daemon has ended', () => living(`sleep ${tag}`).length === 0);
    });

    it('ends with the program', async () => {
      const tag = uniqueSleep();
      const child = start({ host: bed.hosts[0]!.toJSON(), command: daemon(tag), ending: 'end' });
      const [code] = (await once(child, 'close')) as [number];
      assert.equal(code, 0);
      await until('the daemon has ended', () => living(`sleep ${tag}`).length === 0);
    });

    it('lives on when it was detached', async () => {
      const tag = uniqueSleep();
      await new SshProcess(daemon(tag), bed.hosts[0]!, { detached: true }).run();
      await new SshProcess('true', bed.hosts[0]!).run();
      await closeConnections();
      const [pid] = living(`sleep ${tag}`);
      assert.ok(pid !== undefined);
      process.kill(pid);
    });

    it('is guarded as soon as it is called started', async () => {
      for (let round = 0; round < 5; round++) {
        const tag = uniqueSleep();
        const child = start({ host: bed.hosts[1]!.toJSON(), command: `sleep ${tag}`, ending: 'started' });
        await once(child.stdout, 'data');
        child.kill('SIGKILL');
        await until('the command has ended', () => living(`sleep ${tag}`).length === 0);
      }
    });
  });

  function start(order: object) {
    return spawn(process.execPath, ['--enable-source-maps', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ORDER: JSON.stringify(order) },
    });
  }
});
