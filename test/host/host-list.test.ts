import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import {
  foldHosts,
  Host,
  hostList,
  hostListFromFile,
  toHosts,
  type HostListItem,
} from '../../src/host/index.js';
import { logOf, refuses, temporaryFolder } from './helpers.js';

const expand = (...items: HostListItem[]) => hostList(...items).join(' ');

describe('hostList', () => {
  for (const [expression, expected] of [
    ['n1', 'n1'],
    ['', ''],
    [' , ', ''],
    ['n[1-3]', 'n1 n2 n3'],
    ['n[08-11]', 'n08 n09 n10 n11'],
    ['n[1-03]', 'n01 n02 n03'],
    ['n[098-101]', 'n098 n099 n100 n101'],
    ['n[0-2]', 'n0 n1 n2'],
    ['n[1-9/3,20]', 'n1 n4 n7 n20'],
    ['n[1-2]-[01-02].site', 'n1-01.site n1-02.site n2-01.site n2-02.site'],
    ['a,b c\n d,,a', 'a b c d'],
    ['root@n[1-2]:2222', 'root@n1:2222 root@n2:2222'],
    ['[::1],root@[::1]:22,fe80::1', '[::1] root@[::1]:22 [fe80::1]'],
    ['10.0.[0-1].[1-2]', '10.0.0.1 10.0.0.2 10.0.1.1 10.0.1.2'],
    ['n[1-5],!n[2-3]', 'n1 n4 n5'],
    ['!n2,n[1-3]', 'n1 n3'],
    ['n[1-3].site,!n2', 'n1.site n3.site'],
    ['root@n[1-2],n2,!root@n2', 'root@n1 n2'],
    ['root@n[1-2],n2,!n2', 'root@n1'],
    [
      'n[01-16,20].site,m[1-3],!m2',
      `${Array.from({ length: 16 }, (_, i) => `n${String(i + 1).padStart(2, '0')}.site`).join(' ')} n20.site m1 m3`,
    ],
  ] as const) {
    it(`expands ${JSON.stringify(expression)}`, () => assert.equal(expand(expression), expected));
  }

  it('takes strings, hosts, objects and lists of them, and leaves out what is repeated', () => {
    const host = new Host({ address: 'x', keyfile: 'k' });
    assert.equal(expand('n1', [host, ['n1', host]], { address: 'x' }, '!n1'), 'x x');
    assert.equal(hostList(host)[0]?.keyfile, 'k');
  });

  it('says when an exclusion takes nothing away', () => {
    const log = logOf('warn', () => assert.equal(expand('n[01-03],!n4'), 'n01 n02 n03'));
    assert.deepEqual(log, ['host list: !n4 takes nothing away']);
  });

  for (const [expression, position, problem] of [
    ['n[1-3', 2, 'not closed'],
    ['a,n[1-3,b', 4, 'not closed'],
    ['n1]', 3, 'not opened'],
    ['n[1[2]]', 4, 'inside another'],
    ['n[3-1]', 3, 'backwards'],
    ['n[1,5-2]', 5, 'backwards'],
    ['n[1-3/0]', 3, 'step of 0'],
    ['n[a-c]', 3, '"a-c"'],
    ['n[]', 3, 'range'],
    ['n[1-9999999]', 3, '1,000,000'],
    ['n[1-1001][1-1000]', 1, '1,000,000'],
    ['a,!', 3, "'!'"],
  ] as const) {
    it(`refuses ${expression}`, () =>
      refuses(() => hostList(expression), JSON.stringify(expression), `position ${position}`, problem));
  }

  it('refuses bad names inside a list', () => {
    refuses(() => hostList('a,-b'), '"-b"', "begins with '-'");
    refuses(() => hostList('a;b,c'), '"a;b"');
    refuses(() => hostList(3 as never), '3');
  });
});

describe('toHosts', () => {
  it('keeps repetitions, and expands only what looks like a list', () => {
    assert.equal(
      toHosts(['a', 'a', 'b,c', 'n[1-2]', '[::1]:22', '[::ffff:1.2.3.4]', new Host('a')]).join(' '),
      'a a b c n1 n2 [::1]:22 [::ffff:1.2.3.4] a',
    );
    assert.equal(toHosts('a').join(' '), 'a');
    assert.equal(toHosts({ address: 'a', user: 'u' }).join(' '), 'u@a');
    assert.equal(toHosts([]).length, 0);
    refuses(() => toHosts('a b'), 'white space');
    refuses(() => toHosts(undefined as never), 'undefined');
  });
});

describe('foldHosts', () => {
  for (const [expression, folded] of [
    ['n[01-16].site,m[1-3]', 'n[01-16].site,m[1-3]'],
    ['m3,m1,m2,m9', 'm[1-3,9]'],
    ['n1', 'n1'],
    ['', ''],
    ['root@n[1-3]:2222,n4', 'root@n[1-3]:2222,n4'],
    ['n[1-2]-[1-3]', 'n[1-2]-[1-3]'],
    ['n1-1,n1-2,n2-1', 'n1-[1-2],n2-1'],
    ['n[08-11]', 'n[08-11]'],
    ['n1,n01,n001', 'n[001,01,1]'],
    ['[::1]:22,a', '[::1]:22,a'],
    ['10.0.[0-1].[1-9]', '10.0.[0-1].[1-9]'],
    ['user1@n1,user2@n1', 'user1@n1,user2@n1'],
  ] as const) {
    it(`folds to ${JSON.stringify(folded)}`, () => assert.equal(foldHosts(hostList(expression)), folded));
  }

  it('is the inverse of hostList', () => {
    const number = fc.oneof(
      fc.nat(120).map(String),
      fc.integer({ min: 0, max: 120 }).map((n) => String(n).padStart(3, '0')),
      fc.stringMatching(/^\d{1,18}$/),
    );
    const address = fc
      .array(fc.tuple(fc.constantFrom('n', 'm-', 'x.', '_'), number), { minLength: 1, maxLength: 3 })
      .chain((parts) => fc.constantFrom('', '.site', 'a').map((tail) => parts.flat().join('') + tail));
    const ipv6 = fc.ipV6().filter((text) => !/^::(ffff:)?\d+\./.test(text));
    const host = fc
      .tuple(
        fc.oneof(address, fc.ipV4(), ipv6),
        fc.option(fc.constantFrom('root', 'u1', 'a@b')),
        fc.option(fc.constantFrom(22, 2222)),
      )
      .map(
        ([addr, user, port]) =>
          new Host({ address: addr, ...(user ? { user } : {}), ...(port ? { port } : {}) }),
      );
    fc.assert(
      fc.property(fc.array(host, { maxLength: 60 }), (hosts) => {
        const names = (list: readonly Host[]) => [...new Set(list.map(String))].sort();
        assert.deepEqual(names(hostList(foldHosts(hosts))), names(hosts));
      }),
      { numRuns: 300 },
    );
  });

  it('folds ten thousand names that came in any order to one', () => {
    const hosts = hostList('n[00001-10000].site').reverse();
    assert.equal(foldHosts(hosts), 'n[00001-10000].site');
  });
});

describe('hostListFromFile', () => {
  const folder = temporaryFolder();

  it('reads any number of hosts per line, comments and exclusions', async () => {
    const file = folder.write('hosts', '# all nodes\nn[1-3] m1 # and one more\n\n!n2\r\nroot@x:22,\n');
    assert.equal((await hostListFromFile(file)).join(' '), 'n1 n3 m1 root@x:22');
  });

  it('names file and line of a mistake', async () => {
    const file = folder.write('bad', 'n1\nn[2-\n');
    await assert.rejects(
      hostListFromFile(file),
      (error: Error) => error.message.includes(`${file} line 2`) && error.message.includes('not closed'),
    );
    await assert.rejects(hostListFromFile(`${file}.none`), /cannot be read.*ENOENT/);
  });

  it('reads standard input', async () => {
    const module = new URL('../../src/host/index.js', import.meta.url).href;
    const script = `import(${JSON.stringify(module)}).then(async (m) => console.log((await m.hostListFromFile('-')).join(' ')))`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end('n[1-2]\nm # x\n');
    const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    assert.equal(output.trim(), 'n1 n2 m');
  });
});
