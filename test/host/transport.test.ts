import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  closeConnections,
  configureLogger,
  Remote,
  SshProcess,
  Testbed,
  type ConnectionParams,
  type Host,
} from 'rookery';
import { resolveTarget } from '../../src/host/index.js';
import { makeKey, run, temporaryFolder } from './helpers.js';

const folder = temporaryFolder();
const quiet = { logError: false, logExitCode: false };

describe("transport 'auto'", () => {
  let bed: Testbed;
  before(async () => {
    bed = await Testbed.start({ hosts: 2, backend: 'sshd' });
  });
  after(async () => {
    await closeConnections();
    await bed.stop();
  });

  /** What was logged of the choice while a command ran. */
  async function choice(
    host: Host,
    params: ConnectionParams = {},
  ): Promise<{ p: SshProcess; log: string[] }> {
    const log: string[] = [];
    configureLogger({ level: 'debug', sink: (entry) => log.push(entry.message) });
    try {
      const p = await new SshProcess('echo ok', host, { ...quiet, connectionParams: params }).run();
      await closeConnections();
      return { p, log: log.filter((message) => message.includes('transport ')) };
    } finally {
      configureLogger({ level: 'warn', sink: null });
    }
  }

  it('takes ssh2 where nothing needs openssh, and says so', async () => {
    const { p, log } = await choice(bed.hosts[0]!);
    assert.equal(p.stdout, 'ok\n', p.dump());
    assert.match(log.join('\n'), /transport ssh2 \(nothing needs openssh\)/);
  });

  for (const [what, lines, reason] of [
    ['ProxyCommand', 'ProxyCommand nc %h %p', /ProxyCommand in .*config.* line 2/],
    ['GSSAPI', 'GSSAPIAuthentication yes', /GSSAPIAuthentication in .* line 2/],
    ['a certificate', 'CertificateFile ~/.ssh/some-cert.pub', /CertificateFile in .* line 2/],
    ['post-quantum key exchange only', 'KexAlgorithms sntrup761x25519-sha512@openssh.com', /KexAlgorithms/],
  ] as const) {
    it(`takes openssh for ${what}`, () => {
      const sshConfig = folder.write(`config ${what}`, `Host *\n${lines}\n`);
      const target = resolveTarget(bed.hosts[0]!.with({ sshConfig }));
      assert.equal(target.transport, 'openssh');
      assert.match(target.transportReason, reason);
    });
  }

  it('takes openssh for a key with a certificate beside it, and for a security key', () => {
    const keyfile = makeKey(join(folder.path, 'certified'));
    const authority = makeKey(join(folder.path, 'authority'));
    run('ssh-keygen', '-q', '-s', authority, '-I', 'test', '-n', 'root', `${keyfile}.pub`);
    const certified = resolveTarget(bed.hosts[0]!.with({ keyfile }));
    assert.equal(certified.transport, 'openssh');
    assert.match(certified.transportReason, /certificate .*certified-cert.pub/);
    const device = folder.write('device', 'a handle');
    folder.write('device.pub', 'sk-ssh-ed25519@openssh.com AAAA test\n');
    const target = resolveTarget(bed.hosts[0]!.with({ keyfile: device }));
    assert.equal(target.transport, 'openssh');
    assert.match(target.transportReason, /security key .*device/);
  });

  it('takes openssh for a server that exchanges keys in a way ssh2 cannot', async () => {
    const modern = await Testbed.start({
      hosts: 1,
      backend: 'sshd',
      sshdOptions: { KexAlgorithms: 'sntrup761x25519-sha512@openssh.com' },
    });
    try {
      const { p, log } = await choice(modern.hosts[0]!);
      assert.equal(p.stdout, 'ok\n', p.dump());
      assert.match(log.join('\n'), /transport openssh, as ssh2 has no algorithm in common/);
      const asked = await choice(modern.hosts[0]!, { transport: 'ssh2' });
      assert.equal(asked.p.error?.code, 'ERR_PROTOCOL');
    } finally {
      await modern.stop();
    }
  });

  it('never takes openssh because a host key was refused', async () => {
    const knownHosts = folder.write('known_hosts', '');
    const { p, log } = await choice(bed.hosts[0]!, { knownHosts });
    assert.equal(p.error?.code, 'ERR_HOST_KEY_UNKNOWN');
    assert.deepEqual(
      log.filter((message) => message.includes('openssh,')),
      [],
    );
  });

  it('makes one connection for each user, address, port and key', async () => {
    const [first, second] = bed.hosts as [Host, Host];
    await Promise.all(Array.from({ length: 5 }, () => new SshProcess('true', first).run()));
    const one = bed.connections(first).length;
    assert.ok(one > 0);
    await new SshProcess('true', first).run();
    assert.equal(bed.connections(first).length, one);
    assert.equal(bed.connections(second).length, 0);
    const key = join(folder.path, 'same key');
    copyFileSync(bed.keyfile, key);
    await new Remote('true', [first.with({ keyfile: key })]).run();
    assert.equal(bed.connections(first).length, 2 * one);
    await closeConnections();
  });

  for (const transport of ['ssh2', 'openssh'] as const) {
    it(`offers keys of an agent, with ${transport}; with a key file named, only that one`, async () => {
      const socket = join(folder.path, `agent-${transport}`);
      const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
      try {
        await once(agent.stdout, 'data');
        const add = (file: string) => run('env', `SSH_AUTH_SOCK=${socket}`, 'ssh-add', '-q', file);
        add(makeKey(join(folder.path, `other-${transport}`), 'ecdsa'));
        add(bed.keyfile);
        const host = bed.hosts[0]!;
        const { keyfile: _, ...plain } = host.toJSON();
        const connect = (params: ConnectionParams) =>
          new SshProcess(
            'echo ok',
            { ...plain, ...params },
            { ...quiet, connectionParams: { transport } },
          ).run();
        assert.equal((await connect({ agent: socket, keyfile: [] })).stdout, 'ok\n');
        await closeConnections();
        const publicOnly = folder.write(
          `public-${transport}.pub`,
          readFileSync(`${bed.keyfile}.pub`, 'utf8'),
        );
        const config = folder.write(
          `identities-${transport}`,
          `IdentitiesOnly yes\nIdentityFile "${publicOnly}"\nIdentityAgent "${socket}"\n`,
        );
        const limited = await connect({ sshConfig: config });
        assert.equal(limited.stdout, 'ok\n', limited.dump());
        await closeConnections();
        writeFileSync(
          config,
          `IdentitiesOnly yes\nIdentityFile "${join(folder.path, `other-${transport}`)}"\nIdentityAgent "${socket}"\n`,
        );
        assert.equal((await connect({ sshConfig: config })).error?.code, 'ERR_AUTHENTICATION_FAILED');
        await closeConnections();
      } finally {
        agent.kill();
      }
    });
  }

  it('takes keys of several types, encrypted ones by their passphrase, on both transports', async () => {
    const types = ['ed25519', 'ecdsa', 'rsa'];
    const keys = types.map((type) => makeKey(join(folder.path, `encrypted-${type}`), type, 'open sesame'));
    const authorized = folder.write(
      'authorized',
      keys.map((key) => readFileSync(`${key}.pub`, 'utf8')).join(''),
    );
    const other = await Testbed.start({
      hosts: 1,
      backend: 'sshd',
      sshdOptions: { AuthorizedKeysFile: authorized },
    });
    try {
      for (const transport of ['ssh2', 'openssh'] as const) {
        for (const keyfile of keys) {
          const connectionParams = { transport, keyfile, passphrase: 'open sesame', agent: false } as const;
          const p = await new SshProcess('echo ok', other.hosts[0]!, { ...quiet, connectionParams }).run();
          assert.equal(p.stdout, 'ok\n', p.dump());
          await closeConnections();
        }
      }
    } finally {
      await other.stop();
    }
  });
});
