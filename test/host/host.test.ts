import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { Host } from '../../src/host/index.js';
import { refuses } from './helpers.js';

describe('Host', () => {
  for (const [text, address, user, port, shown] of [
    ['node1', 'node1', undefined, undefined, 'node1'],
    ['root@node1:2222', 'node1', 'root', 2222, 'root@node1:2222'],
    ['me@realm@node1', 'node1', 'me@realm', undefined, 'me@realm@node1'],
    ['::1', '::1', undefined, undefined, '[::1]'],
    ['[::1]', '::1', undefined, undefined, '[::1]'],
    ['root@[fe80::1%eth0]:22', 'fe80::1%eth0', 'root', 22, 'root@[fe80::1%eth0]:22'],
    ['ssh://root@node1:22/', 'node1', 'root', 22, 'root@node1:22'],
    ['127.0.0.1:1', '127.0.0.1', undefined, 1, '127.0.0.1:1'],
    ['bücher.example', 'bücher.example', undefined, undefined, 'bücher.example'],
  ] as const) {
    it(`reads ${text}`, () => {
      const host = new Host(text);
      assert.deepEqual([host.address, host.user, host.port, host.toString()], [address, user, port, shown]);
      assert.ok(new Host(host.toString()).equals(host));
    });
  }

  for (const [text, problem] of [
    ['', 'is empty'],
    ['@node', 'the user is empty'],
    ['root@', 'the host name is empty'],
    ['-oProxyCommand=x', "begins with '-'"],
    ['-l@node', "the user begins with '-'"],
    ['a b', 'white space'],
    ['a\nb', 'newline'],
    ['a\0b', 'NUL'],
    ['a;b', '";"'],
    ['a$(b)', '"$"'],
    ['a`b`', '"`"'],
    ["a'b", '"\'"'],
    ['x|y@node', '"|"'],
    ['x\\@node', 'backslash'],
    ['a:b:c', 'IPv6'],
    ['node:0', 'port'],
    ['node:65536', 'port'],
    ['node:ssh', 'port'],
    ['node:', 'port'],
    ['[node]:22', 'IPv6'],
    ['n[1-3]', 'hostList'],
  ] as const) {
    it(`refuses ${JSON.stringify(text)}`, () => refuses(() => new Host(text), JSON.stringify(text), problem));
  }

  it('refuses the same in an object, and what an object should not have', () => {
    refuses(() => new Host({ address: '-x' }), '"-x"', "begins with '-'");
    refuses(() => new Host({ address: 'a@b' }), '"a@b"', "'@'");
    refuses(() => new Host({ address: 'a', user: '-x' }), 'user', '"-x"');
    refuses(() => new Host({ address: 'a', user: 'x\ny' }), 'user', 'x\\ny');
    refuses(() => new Host({ address: 'a', port: 0 }), 'port', '0');
    refuses(() => new Host({ address: 'a', keyfile: '' }), 'keyfile', '""');
    refuses(() => new Host({ address: 'a', prot: 22 } as never), '"prot"', "'port'");
    refuses(() => new Host({} as never), 'address');
    refuses(() => new Host(null as never), 'null');
    refuses(() => new Host(42 as never), '42');
  });

  it('takes an object, another host and its own JSON', () => {
    const host = new Host({
      address: '[::1]',
      user: 'root',
      port: 22,
      keyfile: ['~/a', '~/b'],
      hostKeyPolicy: 'off',
    });
    assert.equal(host.address, '::1');
    assert.deepEqual(host.keyfile, ['~/a', '~/b']);
    assert.deepEqual({ ...host.params }, { hostKeyPolicy: 'off' });
    assert.ok(new Host(host).equals(host));
    assert.ok(new Host(JSON.parse(JSON.stringify(host)) as never).equals(host));
  });

  it('is immutable, and with() makes another one', () => {
    const host = new Host({ address: 'a', password: 'sesame' });
    assert.throws(() => ((host as { port: number }).port = 1), TypeError);
    assert.throws(() => ((host.params as { retries: number }).retries = 1), TypeError);
    const other = host.with({ port: 2200 });
    assert.equal(other.toString(), 'a:2200');
    assert.equal(other.params.password, 'sesame');
    assert.equal(host.port, undefined);
    refuses(() => host.with({ port: -1 }), '-1');
  });

  it('compares everything that was given, secrets included', () => {
    const base = { address: 'a', user: 'u' };
    assert.ok(new Host(base).equals(new Host('u@a')));
    assert.ok(!new Host(base).equals(new Host('a')));
    assert.ok(!new Host(base).equals('u@a'));
    assert.ok(!new Host({ ...base, password: 'x' }).equals(new Host({ ...base, password: 'y' })));
    assert.ok(!new Host({ ...base, keyfile: 'k' }).equals(new Host(base)));
  });

  it('never shows secrets', () => {
    const host = new Host({ address: 'a', password: 'sesame', passphrase: 'sesame', retries: 1 });
    const shown = [
      String(host),
      inspect(host, { depth: 9 }),
      inspect(host.params),
      JSON.stringify(host),
      JSON.stringify({ ...host.params }),
    ];
    for (const text of shown) assert.ok(!text.includes('sesame'), text);
    for (const wrong of [
      () => new Host('root:sesame@node'),
      () => new Host({ address: 'a', password: ['sesame'] } as never),
      () => new Host({ address: 'a', passphrase: { x: 'sesame' } } as never),
      () => new Host({ address: 'a b', password: 'sesame' }),
      () => new Host({ address: 'a', keyfile: '-----BEGIN OPENSSH PRIVATE KEY-----\nsesame' }),
      () => new Host({ address: 'a', keyfile: ['-----BEGIN OPENSSH PRIVATE KEY-----\nsesame'] }),
    ]) {
      assert.throws(wrong, (error: Error) => !inspect(error).split('\n')[0]?.includes('sesame'));
    }
  });
});
