import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import ssh2 from 'ssh2';
import type { Connection, Server } from 'ssh2';
import { closeConnections, Host, SshProcess, Testbed } from 'rookery';
import { makeKey } from '../../src/testbed/folder.js';

const quiet = { logError: false, logExitCode: false };

describe('logins of other kinds than by a key', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'rookery-login-'))));
  after(async () => {
    await closeConnections();
    rmSync(folder, { recursive: true });
  });

  it('answers a server that asks for nothing but keyboard-interactive, and says when the answer is wrong', async () => {
    const asked: string[] = [];
    const server = await listen((client) => {
      client.on('authentication', (context) => {
        asked.push(context.method);
        if (context.method !== 'keyboard-interactive') return context.reject(['keyboard-interactive']);
        context.prompt([{ prompt: 'Password: ', echo: false }], (answers) =>
          answers[0] === 'right' ? context.accept() : context.reject(['keyboard-interactive']),
        );
      });
    });
    try {
      const { port } = server.address() as AddressInfo;
      const host = (password: string) =>
        new Host({
          address: '127.0.0.1',
          port,
          user: 'somebody',
          password,
          hostKeyPolicy: 'off',
          agent: false,
          sshConfig: false,
          keyfile: [],
        });
      const p = await new SshProcess('anything', host('right'), quiet).run();
      assert.deepEqual([p.stdout, p.exitCode], ['ran\n', 0]);
      assert.ok(asked.includes('keyboard-interactive'));
      const q = await new SshProcess('anything', host('wrong'), quiet).run();
      assert.equal(q.error?.code, 'ERR_AUTHENTICATION_FAILED');
      assert.doesNotMatch(q.error.message, /wrong/);
    } finally {
      await closeConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('logs in with a certificate, by the ssh program', async () => {
    const keygen = (...args: string[]) => execFileSync('ssh-keygen', ['-q', ...args], { stdio: 'ignore' });
    const [ca, key] = [join(folder, 'ca'), join(folder, 'certified')];
    for (const path of [ca, key]) keygen('-t', 'ed25519', '-N', '', '-f', path);
    keygen('-s', ca, '-I', 'test', '-n', userInfo().username, '-V', '+1h', `${key}.pub`);
    await using bed = await Testbed.start({
      hosts: 1,
      backend: 'sshd',
      sshdOptions: { TrustedUserCAKeys: `${ca}.pub`, AuthorizedKeysFile: 'none' },
    });
    const host = bed.hosts[0]!.with({ keyfile: key });
    const p = await new SshProcess('id -un', host, quiet).run();
    assert.deepEqual([p.stdout.trim(), p.error], [userInfo().username, undefined]);
    await closeConnections();
  });

  it('goes through a ProxyCommand, by the ssh program', async () => {
    await using bed = await Testbed.start({ hosts: 1, backend: 'sshd' });
    const [host] = bed.hosts as [Host];
    const log = join(folder, 'proxied');
    const proxy = join(folder, 'proxy.cjs');
    writeFileSync(
      proxy,
      `require('fs').appendFileSync(${JSON.stringify(log)}, 'used\\n');
       const socket = require('net').connect(Number(process.argv[3]), process.argv[2]);
       process.stdin.pipe(socket).pipe(process.stdout);`,
    );
    const config = join(folder, 'config');
    writeFileSync(
      config,
      `Host behind\n  HostName ${host.address}\n  Port ${host.port}\n  ProxyCommand ${process.execPath} ${proxy} %h %p\n`,
    );
    chmodSync(config, 0o600);
    const behind = new Host({
      ...host.toJSON(),
      address: 'behind',
      port: undefined,
      sshConfig: config,
    });
    const p = await new SshProcess('echo through', behind, quiet).run();
    assert.deepEqual([p.stdout, p.error], ['through\n', undefined]);
    assert.equal(readFileSync(log, 'utf8'), 'used\n');
    await closeConnections();
  });
});

/** An SSH server that says `ran` to every command. */
async function listen(onClient: (client: Connection) => void): Promise<Server> {
  const server = new ssh2.Server({ hostKeys: [makeKey('ed25519').private] }, (client) => {
    onClient(client);
    client.on('error', () => undefined);
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec) => {
        const channel = acceptExec();
        channel.write('ran\n');
        channel.exit(0);
        channel.end();
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
