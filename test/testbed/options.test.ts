import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Testbed } from '../../src/testbed/index.js';
import { backends } from './backends.js';
import { PlainClient } from './client.js';

const noSshd = backends.find(({ name }) => name === 'sshd')?.skip ?? false;

describe('the options of a testbed', () => {
  const refused: [options: object, message: RegExp][] = [
    [{ host: 3 }, /unknown option "host"; did you mean 'hosts'\?/],
    [{ hosts: 0 }, /hosts must be a whole number ≥ 1, not 0/],
    [{ hosts: 100_000 }, /at most 10000, not 100000/],
    [{ backend: 'docker' }, /backend must be one of .*'netns', not "docker"/],
    [{ user: '-oProxyCommand=x' }, /user must be the name of an account, not "-oProxyCommand=x"/],
    [
      { sshdOptions: { MaxSessions: '1\nPermitRootLogin yes' } },
      /"MaxSessions" is a number or text on one line/,
    ],
    [{ sshdOptions: { Port: 22 } }, /cannot hold "Port"/],
    [{ hostsPerServer: 17 }, /at most 16, not 17/],
    [{ listenAddress: '::' }, /listenAddress must be one of '0.0.0.0', not "::"/],
    [{ backend: 'embedded', sshdOptions: {} }, /sshdOptions is for the sshd backend only/],
    [{ backend: 'sshd', embedded: {} }, /embedded is for the embedded backend only/],
    [{ embedded: { maxSession: 1 } }, /did you mean 'maxSessions'\?/],
  ];
  for (const [options, message] of refused) {
    it(`refuses ${JSON.stringify(options)}`, async () => {
      await assert.rejects(Testbed.start(options), {
        code: 'ERR_INVALID_ARGUMENT',
        message,
      });
    });
  }

  it('never shows a password', async () => {
    await assert.rejects(
      Testbed.start({ embedded: { password: 42 as unknown as string } }),
      (error: Error) => !error.message.includes('42'),
    );
  });

  it('says that shaped links are not available', async () => {
    for (const options of [{ backend: 'netns' }, { link: { rate: '80mbit' } }] as const) {
      await assert.rejects(Testbed.start(options), { code: 'ERR_TESTBED', message: /not available/ });
    }
  });

  it('hands what sshd says about its own options on', { skip: noSshd }, async () => {
    await assert.rejects(Testbed.start({ sshdOptions: { MaxBananas: 3 } }), {
      code: 'ERR_TESTBED',
      message: /Bad configuration option: MaxBananas/,
    });
  });

  it('passes options on to sshd', { skip: noSshd }, async () => {
    await using bed = await Testbed.start({
      hosts: 2,
      hostsPerServer: 1,
      sshdOptions: { SetEnv: 'FLAVOUR=sweet', LogLevel: 'VERBOSE' },
    });
    const [, host] = bed.hosts;
    assert.ok(host);
    await using client = await PlainClient.connect(host);
    assert.equal(String((await client.run('echo $FLAVOUR $ROOKERY_TESTBED')).stdout), `sweet ${bed.id}\n`);
    assert.ok(bed.log().some((line) => line.includes('Accepted publickey')));
  });

  it(
    'serves all addresses by one sshd when asked to listen everywhere',
    { skip: noSshd || (process.platform !== 'linux' && 'needs Linux') },
    async () => {
      await using bed = await Testbed.start({ hosts: 40, listenAddress: '0.0.0.0' });
      assert.equal(bed.log().filter((line) => line.startsWith('Server listening')).length, 1);
      const last = bed.hosts.at(-1);
      assert.ok(last);
      await using client = await PlainClient.connect(last);
      assert.equal(String((await client.run('echo $HOME')).stdout).trim(), bed.folderOf(last));
    },
  );

  it('shows itself in one line', async () => {
    await using bed = await Testbed.start({ hosts: 1, backend: 'embedded' });
    assert.match(String(bed), /^Testbed\(1 host, embedded, [\d.]+\)$/);
    assert.throws(() => bed.folderOf('127.0.0.1'), { code: 'ERR_INVALID_ARGUMENT' });
  });
});
