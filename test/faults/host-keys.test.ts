import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Host } from 'rookery';
import { closeConnections, configureLogger, SshProcess, Testbed, type ConnectionParams } from 'rookery';
import { quiet, transports } from './support.js';

const run = (program: string, ...args: readonly string[]) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

for (const transport of transports) {
  describe(`host keys, ${transport}`, () => {
    let bed: Testbed;
    let folder: string;
    let files = 0;
    /** `type base64` of the keys that the hosts really have, and of one that they have not. */
    let real: readonly string[];
    let wrong: string;

    before(async () => {
      bed = await Testbed.start({ hosts: 2, backend: 'sshd' });
      folder = mkdtempSync(join(tmpdir(), 'rookery-keys-'));
      run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'wrong'));
      wrong = bare(readFileSync(join(folder, 'wrong.pub'), 'utf8'));
      const own = name(bed.hosts[0]!);
      real = readFileSync(bed.knownHostsFile, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith(`${own} `))
        .map((line) => bare(line.slice(own.length + 1)));
      assert.equal(real.length, 2);
    });
    after(async () => {
      await closeConnections();
      await bed.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    const bare = (line: string) => line.trim().split(' ').slice(0, 2).join(' ');
    const name = (host: Host) => `[${host.address}]:${host.port}`;
    function knownHosts(...lines: readonly string[]): string {
      const file = join(folder, `known_hosts_${++files}`);
      writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
      return file;
    }
    function fingerprint(key: string): string {
      const file = join(folder, `key_${++files}`);
      writeFileSync(file, `${key}\n`);
      return /SHA256:\S+/.exec(run('ssh-keygen', '-lf', file))?.[0] ?? '';
    }
    /** Whether one of the keys of the host is named: which of them a server shows is agreed on with it. */
    const saysOffered = (message: string) => real.some((key) => message.includes(fingerprint(key)));

    /** Runs a command that leaves a trace, and tells how it went. */
    async function attempt(
      params: ConnectionParams,
      host = bed.hosts[0]!,
    ): Promise<{ code?: string; message: string }> {
      const canary = join(folder, `canary_${++files}`);
      const p = await new SshProcess(['touch', canary], host, {
        ...quiet,
        connectionParams: { transport, retries: 0, ...params },
      }).run();
      await closeConnections();
      assert.equal(existsSync(canary), p.ok, 'what was refused has run, or what was not has not');
      return { ...(p.error ? { code: p.error.code } : {}), message: p.error?.message ?? '' };
    }

    it('changed: says what is known and what was offered, under every policy', async () => {
      const file = knownHosts(`${name(bed.hosts[0]!)} ${wrong}`);
      for (const hostKeyPolicy of ['strict', 'accept-new', 'off'] as const) {
        const { code, message } = await attempt({ knownHosts: file, hostKeyPolicy });
        assert.equal(code, 'ERR_HOST_KEY_CHANGED', message);
        assert.ok(message.includes(fingerprint(wrong)), message);
        assert.ok(saysOffered(message), message);
        assert.ok(message.includes(`${file} line 1`), message);
      }
      assert.equal(readFileSync(file, 'utf8'), `${name(bed.hosts[0]!)} ${wrong}\n`);
    });

    it('changed, under a hashed name', async () => {
      const file = knownHosts(`${name(bed.hosts[0]!)} ${wrong}`);
      run('ssh-keygen', '-q', '-H', '-f', file);
      assert.match(readFileSync(file, 'utf8'), /^\|1\|/);
      const { code, message } = await attempt({ knownHosts: file });
      assert.equal(code, 'ERR_HOST_KEY_CHANGED', message);
      assert.ok(message.includes(fingerprint(wrong)) && saysOffered(message), message);
    });

    it('known, under a hashed name or a pattern', async () => {
      const hashed = knownHosts(...real.map((key) => `${name(bed.hosts[0]!)} ${key}`));
      run('ssh-keygen', '-q', '-H', '-f', hashed);
      assert.deepEqual(await attempt({ knownHosts: hashed }), { message: '' });
      const pattern = knownHosts(...real.map((key) => `[127.*]:* ${key}`));
      assert.deepEqual(await attempt({ knownHosts: pattern }), { message: '' });
    });

    it('revoked, although it is known too, under every policy', async () => {
      const host = name(bed.hosts[0]!);
      const file = knownHosts(...real.flatMap((key) => [`${host} ${key}`, `@revoked * ${key}`]));
      for (const hostKeyPolicy of ['strict', 'accept-new', 'off'] as const) {
        const { code, message } = await attempt({ knownHosts: file, hostKeyPolicy });
        assert.equal(code, 'ERR_HOST_KEY_REVOKED', message);
        assert.ok(saysOffered(message), message);
      }
    });

    it('a certificate authority that has signed nothing: a plain key is refused, under every policy', async () => {
      const file = knownHosts(`@cert-authority * ${wrong}`);
      for (const hostKeyPolicy of ['strict', 'accept-new', 'off'] as const) {
        const { code, message } = await attempt({ knownHosts: file, hostKeyPolicy });
        assert.equal(code, 'ERR_HOST_KEY_UNKNOWN', message);
        assert.ok(saysOffered(message) && message.includes(fingerprint(wrong)), message);
      }
    });

    it('wrong on the jump host only', async () => {
      const [jump, target] = bed.hosts as [Host, Host];
      const file = knownHosts(`${name(jump)} ${wrong}`, ...real.map((key) => `${name(target)} ${key}`));
      const { code, message } = await attempt(
        { knownHosts: file, proxyJump: jump.with({ knownHosts: file }) },
        target,
      );
      assert.match(code ?? '', /^ERR_(JUMP_HOST|HOST_KEY_CHANGED)$/, message);
      assert.ok(message.includes(fingerprint(wrong)) && saysOffered(message), message);
    });

    it('wrong on the target only, behind a jump host', async () => {
      const [jump, target] = bed.hosts as [Host, Host];
      const { code, message } = await attempt(
        {
          knownHosts: knownHosts(`${name(target)} ${wrong}`),
          proxyJump: jump.with({ knownHosts: bed.knownHostsFile }),
        },
        target,
      );
      assert.equal(code, 'ERR_HOST_KEY_CHANGED', message);
      assert.ok(message.includes(fingerprint(wrong)) && saysOffered(message), message);
    });

    it('unknown: the command in the message makes it known', async () => {
      const file = knownHosts();
      const { code, message } = await attempt({ knownHosts: file });
      assert.equal(code, 'ERR_HOST_KEY_UNKNOWN', message);
      assert.ok(saysOffered(message), message);
      const command = /then run: (.*); or use/.exec(message)?.[1];
      assert.ok(command, message);
      run('/bin/sh', '-c', command);
      assert.deepEqual(await attempt({ knownHosts: file }), { message: '' });
    });

    it('unknown, with off: not verified, not recorded, and one warning', async () => {
      const file = knownHosts();
      const warnings: string[] = [];
      configureLogger({ sink: (entry) => entry.level === 'warn' && warnings.push(entry.message) });
      try {
        for (let i = 0; i < 2; i++)
          assert.deepEqual(await attempt({ knownHosts: file, hostKeyPolicy: 'off' }), { message: '' });
      } finally {
        configureLogger({ sink: null });
      }
      assert.equal(readFileSync(file, 'utf8'), '');
      assert.equal(warnings.length, 1, warnings.join('\n'));
      assert.ok(warnings[0]!.includes('is not verified') && saysOffered(warnings[0]!), warnings[0]);
    });

    it('unknown, with accept-new: recorded once, and known from then on', async () => {
      const file = knownHosts();
      assert.deepEqual(await attempt({ knownHosts: file, hostKeyPolicy: 'accept-new' }), { message: '' });
      const recorded = readFileSync(file, 'utf8').trim().split('\n');
      assert.equal(recorded.length, 1);
      assert.ok(real.includes(bare(recorded[0]!.slice(name(bed.hosts[0]!).length + 1))), recorded[0]);
      assert.deepEqual(await attempt({ knownHosts: file }), { message: '' });
    });
  });
}
