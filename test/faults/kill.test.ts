import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { closeConnections, Remote, SshProcess, Testbed, type Host, type ProcessOptions } from 'rookery';
import { isAlive, living, quiet, transports, uniqueSleep, until } from './support.js';

const rootOnly = process.getuid?.() !== 0 && 'only root can make accounts';

for (const transport of transports) {
  describe(`kill, ${transport}`, () => {
    let bed: Testbed;
    const connectionParams = { transport };
    const on = (host: Host, command: string, options: ProcessOptions = {}) =>
      new SshProcess(command, host, { ...quiet, connectionParams, ...options });

    before(async () => {
      bed = await Testbed.start({ hosts: 50, backend: 'sshd' });
    });
    after(async () => {
      await closeConnections();
      await bed.stop();
    });

    /** Kills it once it runs, and looks at once whether anything is left. */
    async function killed(p: SshProcess, tag: string, count: number): Promise<SshProcess> {
      p.start();
      await until(`${count} processes run`, () => living(tag).length >= count);
      await p.kill().wait();
      assert.deepEqual(living(tag), []);
      assert.deepEqual([p.killed, p.killConfirmed, p.escaped], [true, true, []]);
      return p;
    }

    it('as whatever user, with stdin already ended', async () => {
      const tag = uniqueSleep();
      await killed(on(bed.hosts[0]!, `sleep ${tag}`, { stdin: 'ignore' }), tag, 1);
    });

    it('a shell and its background children', async () => {
      const tag = uniqueSleep();
      await killed(on(bed.hosts[0]!, `sh -c 'sleep ${tag} & sleep ${tag} & wait'`), tag, 3);
    });

    it('children in sessions of their own, and orphans', async () => {
      const tag = uniqueSleep();
      await killed(
        on(
          bed.hosts[1]!,
          `setsid sleep ${tag} & (setsid sh -c 'sleep ${tag} & sleep ${tag}' &) ; sleep ${tag}`,
        ),
        tag,
        4,
      );
    });

    it('what ignores signals, by SIGKILL', async () => {
      const tag = uniqueSleep();
      const stubborn = `trap '' TERM HUP INT; sh -c 'trap "" TERM; sleep ${tag}' & while :; do sleep ${tag}; done`;
      const p = await killed(on(bed.hosts[2]!, stubborn, { killTimeout: '200ms' }), tag, 2);
      assert.equal(p.forcedKill, true);
    });

    it('what forks while it is killed', async () => {
      const tag = uniqueSleep();
      const forking = `i=0; while [ $i -lt 300 ]; do (setsid sleep ${tag} &) ; i=$((i+1)); done; wait`;
      const p = on(bed.hosts[3]!, forking).start();
      await until('some of them run', () => living(tag).length >= 5);
      await p.kill().wait();
      assert.equal(p.killConfirmed, true);
      assert.deepEqual(living(`sleep ${tag}`), []);
    });

    it('what has lost the mark, the parent and the group by which it was known', async () => {
      const tag = uniqueSleep();
      // As under sudo, the environment is new. These ignore the first signal, and the shell that they are known by does not.
      const deaf = `env -i /bin/sh -c 'trap "" TERM; sleep ${tag}; :'`;
      const p = on(bed.hosts[2]!, `${deaf} & setsid ${deaf} & wait`, { killTimeout: '300ms' });
      assert.equal((await killed(p, `sleep ${tag}`, 5)).forcedKill, true);
    });

    it('by the signal and after the time that it is told', async () => {
      const tag = uniqueSleep();
      const told = on(
        bed.hosts[2]!,
        `trap 'echo int' INT; trap '' TERM; echo up; while :; do sleep ${tag}; done`,
      );
      await told.start().expect('up');
      const begin = performance.now();
      told.kill('SIGINT', { forceAfter: '700ms' });
      await told.expect('int');
      await told.wait();
      assert.ok(performance.now() - begin >= 700);
      assert.deepEqual([told.forcedKill, told.signal, told.killConfirmed], [true, 'SIGKILL', true]);
      const willing = on(bed.hosts[2]!, `echo up; exec sleep ${tag}`);
      await willing.start().expect('up');
      await willing.kill('SIGINT').wait();
      assert.deepEqual([willing.forcedKill, willing.signal], [false, 'SIGINT']);
      assert.deepEqual(living(tag), []);
    });

    it('on a terminal, and what has left the terminal', async () => {
      const tag = uniqueSleep();
      const p = on(bed.hosts[1]!, `trap '' HUP; setsid sleep ${tag} & sleep ${tag}`, { pty: true });
      await killed(p, tag, 3);
    });

    it('with all sessions of the connection in use', async () => {
      for (const MaxSessions of [1, 2, 10]) {
        await using small = await Testbed.start({ hosts: 1, backend: 'sshd', sshdOptions: { MaxSessions } });
        const tag = uniqueSleep();
        const all = Array.from({ length: MaxSessions * 2 }, () =>
          on(small.hosts[0]!, `sleep ${tag}`).start(),
        );
        await until('all run', () => living(`sleep ${tag}`).length >= all.length);
        await Promise.all(all.map((p) => p.kill().wait()));
        assert.deepEqual(living(tag), []);
        assert.ok(all.every((p) => p.killed && p.killConfirmed));
      }
    });

    it('before it is connected, and at every moment of the handshake', async () => {
      const tag = uniqueSleep();
      for (let delay = 0; delay <= 120; delay += 8) {
        await closeConnections();
        let ends = 0;
        const p = on(bed.hosts[4]!, `sleep ${tag}`, { on: { end: () => ends++ } }).start();
        await new Promise((resolve) => setTimeout(resolve, delay));
        await p.kill().wait();
        assert.deepEqual(living(tag), [], `killed after ${delay} ms`);
        assert.deepEqual([p.killed, p.killConfirmed, p.reason, ends], [true, true, 'kill', 1]);
      }
    });

    it('after its end: nothing, and never a process that has its number now', async () => {
      let ends = 0;
      const p = await on(bed.hosts[0]!, 'exit 3', { on: { end: () => ends++ } }).run();
      p.kill().kill('SIGKILL');
      await p.wait();
      assert.deepEqual([p.killed, p.exitCode, p.killConfirmed, ends], [false, 3, undefined, 1]);
      // The process that was asked for has ended; what it left in the background goes with the kill, and only that.
      const tag = uniqueSleep();
      const bystander = on(bed.hosts[0]!, `sleep ${tag}9`).start();
      await until('the bystander runs', () => living(`sleep ${tag}9`).length > 0);
      await killed(on(bed.hosts[0]!, `sleep ${tag}8`), `${tag}8`, 1);
      assert.equal(bystander.running, true);
      await bystander.kill().wait();
    });

    it('all of 50 hosts at once', async () => {
      const tag = uniqueSleep();
      const action = new Remote(`sleep ${tag} & sleep ${tag}`, bed.hosts, {
        ...quiet,
        connectionParams,
      }).start();
      await until('they run everywhere', () => living(`sleep ${tag}`).length >= 100);
      await action.kill().wait();
      assert.deepEqual(living(tag), []);
      assert.ok(action.processes.every((p) => p.killConfirmed));
    });

    it('says that it cannot confirm where there is no shell to ask', async () => {
      const tag = uniqueSleep();
      await using forced = await Testbed.start({
        hosts: 1,
        backend: 'sshd',
        // Nothing that Rookery itself would say to a shell is answered; the command is another one than was asked for.
        sshdOptions: { ForceCommand: `case $SSH_ORIGINAL_COMMAND in anything) exec sleep ${tag} ;; esac` },
      });
      const p = on(forced.hosts[0]!, 'anything', { killTimeout: '200ms' });
      const started = new Promise((resolve) => p.once('start', resolve));
      p.start();
      await started;
      await p.kill().wait();
      assert.equal(p.killConfirmed, false);
      assert.deepEqual([p.killed, p.ok], [true, false]);
      for (const pid of living(`sleep ${tag}`)) process.kill(pid);
    });

    it('says so, and ends, where a forced command neither answers nor listens', async () => {
      const tag = uniqueSleep();
      await using forced = await Testbed.start({
        hosts: 1,
        backend: 'sshd',
        sshdOptions: { ForceCommand: `sleep ${tag}` },
      });
      const p = on(forced.hosts[0]!, 'anything', { killTimeout: '200ms' }).start();
      // One is what the greeting of the host has become, the other the command.
      await new Promise((resolve) => p.once('start', resolve));
      await p.kill().wait();
      assert.deepEqual([p.killed, p.killConfirmed, p.ok, p.reason], [true, false, false, 'kill']);
      assert.ok(living(`sleep ${tag}`).length > 0, 'and it was right');
    });

    it('reports what it may not kill in `escaped`', { skip: rootOnly }, async () => {
      const tag = uniqueSleep();
      await withAccount('/bin/sh', async (user) => {
        const folder = mkdtempSync(join(tmpdir(), 'rookery-setuid-'));
        try {
          chmodSync(folder, 0o755);
          // Only this account may run it; once its real user is root, the account may not signal it.
          const program = join(folder, 'perl');
          copyFileSync('/usr/bin/perl', program);
          execFileSync('chgrp', [user, program]);
          chmodSync(program, 0o4750);
          await using other = await Testbed.start({ hosts: 1, backend: 'sshd', user });
          const command = `setsid ${program} -e '$< = 0; $( = 0; sleep ${tag}' & echo up; wait`;
          const p = on(other.hosts[0]!, command, { killTimeout: '200ms' }).start();
          await p.expect('up');
          // The local ssh program, which has the command on its own command line, may take a moment longer to end.
          const roots = () =>
            living(`sleep ${tag}`).filter((pid) => /^Name:\tperl\n[^]*^Uid:\t0\t0/m.test(statusOf(pid)));
          await until('it is root', () => roots().length > 0);
          await p.kill().wait();
          const left = roots();
          for (const pid of left) process.kill(pid, 'SIGKILL');
          assert.equal(left.length, 1);
          assert.deepEqual([p.killed, p.killConfirmed, p.escaped], [true, false, left]);
        } finally {
          rmSync(folder, { recursive: true });
        }
      });
    });

    for (const shell of ['/bin/dash', '/bin/bash', '/bin/tcsh', '/usr/bin/fish']) {
      it(`under the login shell ${shell}`, { skip: rootOnly }, async () => {
        await withAccount(shell, async (user) => {
          await using other = await Testbed.start({ hosts: 1, backend: 'sshd', user });
          const tag = uniqueSleep();
          const p = await killed(on(other.hosts[0]!, `sh -c 'sleep ${tag} & sleep ${tag}'`), tag, 3);
          assert.equal(isAlive(p.pid!), false);
          const env = { WORD: `it's "a" $HOME \`x\` ! \\` };
          const q = await on(other.hosts[0]!, 'sh -c \'printf %s "$WORD"; exit 7\'', { env, cwd: '/' }).run();
          assert.deepEqual([q.stdout, q.exitCode], [env.WORD, 7]);
        });
      });
    }

    it('where the account has no shell, nothing runs, and that is told', { skip: rootOnly }, async () => {
      await withAccount('/usr/sbin/nologin', async (user) => {
        await using other = await Testbed.start({ hosts: 1, backend: 'sshd', user });
        const p = await on(other.hosts[0]!, 'sleep 300').run();
        assert.deepEqual([p.exitCode, p.ok, p.killed, p.killConfirmed], [1, false, false, undefined]);
        assert.match(p.stdout, /not available/);
      });
    });
  });
}

/** Makes an account with this login shell for as long as the work takes. */
async function withAccount(shell: string, work: (user: string) => Promise<void>): Promise<void> {
  const user = `rookery-${process.pid}`;
  const options = ['--no-create-home', '--home-dir', '/tmp', '--shell', shell, '--password', '*'];
  execFileSync('useradd', [...options, user]);
  try {
    await work(user);
  } finally {
    await closeConnections();
    await until('the account is free', () => {
      try {
        execFileSync('userdel', [user], { stdio: 'ignore' });
        return true;
      } catch {
        return false;
      }
    });
  }
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}
