import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { findJumps } from '../../src/host/jump-hosts.js';
import { readHostSettings } from '../../src/host/ssh-config-file.js';
import { Host, resolveTarget, type ConnectionParams } from '../../src/host/index.js';
import { refuses, run, temporaryFolder } from './helpers.js';

const folder = temporaryFolder();
const keys = ['k1', 'k2', 'k3'].map((name) => folder.write(name, 'not looked into'));
const included = `${folder.path}/included`;

/** What `ssh -G` says, for the keywords that we read too. */
function asSsh(file: string, alias: string, given: ConnectionParams): Record<string, unknown> {
  const options = [
    ...(given.user === undefined ? [] : ['-l', given.user]),
    ...(given.port === undefined ? [] : ['-p', String(given.port)]),
  ];
  const said = new Map<string, string[]>();
  for (const line of run('ssh', '-G', '-F', file, ...options, '--', alias).split('\n')) {
    const [keyword = '', value = ''] = /^(\S+) (.*)$/.exec(line)?.slice(1) ?? [];
    said.set(keyword, [...(said.get(keyword) ?? []), value]);
  }
  const one = (keyword: string) => said.get(keyword)?.[0];
  const files = (keyword: string) => one(keyword)?.split(' ') ?? [];
  return {
    address: one('hostname'),
    user: one('user'),
    port: Number(one('port')),
    keys: (said.get('identityfile') ?? []).filter((path) => keys.includes(path)),
    identitiesOnly: one('identitiesonly') === 'yes',
    agent: one('identityagent'),
    jumps: one('proxyjump') ?? '',
    proxyCommand: one('proxycommand') !== undefined,
    knownHosts: [...files('userknownhostsfile'), ...files('globalknownhostsfile')].filter((path) =>
      path.startsWith('/k/'),
    ),
    policy:
      { true: 'strict', ask: 'strict', false: 'off' }[one('stricthostkeychecking') ?? ''] ?? 'accept-new',
    connectTimeout: one('connecttimeout') === 'none' ? 'default' : Number(one('connecttimeout')),
    keepalive: Number(one('serveraliveinterval')),
    keepaliveCount: Number(one('serveralivecountmax')),
    alias: one('hostkeyalias'),
  };
}

function asWe(file: string, alias: string, given: ConnectionParams): Record<string, unknown> {
  const target = resolveTarget(new Host(alias), { ...given, sshConfig: file, proxyJump: 'none' });
  const settings = readHostSettings(alias, file, given);
  const route = findJumps(
    undefined,
    settings,
    { alias, user: target.user, port: target.port },
    { visited: [] },
  );
  return {
    address: target.address,
    user: target.user,
    port: target.port,
    keys: target.keyfiles.filter((path) => keys.includes(path)),
    identitiesOnly: target.identitiesOnly,
    agent: settings.get('identityagent') && (target.agent ?? 'none'),
    jumps: route.jumps.join(','),
    proxyCommand: route.proxyCommand !== undefined,
    knownHosts: target.knownHostsFiles.filter((path) => path.startsWith('/k/')),
    policy: target.hostKeyPolicy,
    connectTimeout: settings.get('connecttimeout') ? target.connectTimeout / 1000 : 'default',
    keepalive: settings.get('serveraliveinterval') ? target.keepalive / 1000 : 0,
    keepaliveCount: target.keepaliveCount,
    alias: target.hostKeyName === target.address ? undefined : target.hostKeyName,
  };
}

const anyOf = (...values: readonly string[]) => fc.constantFrom(...values);
const names = ['a', 'b', 'a.site', 'Web1', '10.0.0.1'];
const pattern = anyOf('*', 'a', 'a*', 'b', '?', '*.site', '!b', '!a*', 'web1', 'Web?', '10.0.0.*', '*1');
const patterns = (separator: string) =>
  fc.array(pattern, { minLength: 1, maxLength: 3 }).map((list) => list.join(separator));
const user = anyOf('u1', 'u2', 'root', userInfo().username);

const criterion = fc.oneof(
  patterns(',').map((list) => `host ${list}`),
  patterns(',').map((list) => `originalhost ${list}`),
  fc.tuple(anyOf('', '!'), user).map(([not, name]) => `${not}user ${name}`),
  user.map((name) => `localuser ${name}`),
  anyOf('final', '!final', 'canonical', '!canonical', 'host="a*,b"', 'user "u1,root"'),
);
const head = fc.oneof(
  patterns(' ').map((list) => `Host ${list}`),
  fc.constant('Host *'),
  fc.constant('Match all'),
  fc.constant('Match final all'),
  fc.array(criterion, { minLength: 1, maxLength: 2 }).map((list) => `Match ${list.join(' ')}`),
);
const value = fc.oneof(
  anyOf('%h', 'c', '%h.site', '10.9.9.9', 'Big.Site').map((v) => ['HostName', v] as const),
  user.map((v) => ['User', v] as const),
  anyOf('1', '22', '2222', '65535').map((v) => ['Port', v] as const),
  anyOf(...keys, '/no/such/key').map((v) => ['IdentityFile', v] as const),
  anyOf('yes', 'no').map((v) => ['IdentitiesOnly', v] as const),
  anyOf('none', '/tmp/agent.1', '/tmp/agent.2').map((v) => ['IdentityAgent', v] as const),
  anyOf('none', 'j1', 'u9@j1:99', 'j1,root@j2,j3:24').map((v) => ['ProxyJump', v] as const),
  anyOf('none', 'nc %h %p', 'exec nc -x "a b" %h %p').map((v) => ['ProxyCommand', v] as const),
  anyOf('/k/1', '/k/1 /k/2', '/k/3').map((v) => ['UserKnownHostsFile', v] as const),
  anyOf('/k/4', '/k/5 /k/6').map((v) => ['GlobalKnownHostsFile', v] as const),
  anyOf('yes', 'no', 'off', 'ask', 'accept-new').map((v) => ['StrictHostKeyChecking', v] as const),
  anyOf('1', '30', '2m', '1h30m', 'none').map((v) => ['ConnectTimeout', v] as const),
  anyOf('0', '15', '1m', 'none').map((v) => ['ServerAliveInterval', v] as const),
  anyOf('1', '3', '9').map((v) => ['ServerAliveCountMax', v] as const),
  anyOf('x', 'y.site').map((v) => ['HostKeyAlias', v] as const),
);
const style = fc.record({
  indent: anyOf('', '  ', '\t'),
  between: anyOf(' ', '  ', '=', ' = ', '\t'),
  lower: fc.boolean(),
  quoted: fc.boolean(),
  comment: anyOf('', ' # why'),
});
const setting = fc.tuple(value, style).map(([[keyword, text], how]) => {
  // ProxyJump too is read by ssh as a whole line, quotes, comments and all.
  const command = keyword.startsWith('Proxy');
  const shown = how.quoted && !command && !text.includes(' ') ? `"${text}"` : text;
  return `${how.indent}${how.lower ? keyword.toLowerCase() : keyword}${how.between}${shown}${command ? '' : how.comment}`;
});
const include = anyOf(`Include ${included}`, `Include "${folder.path}/incl*" /no/such/file`);
const body = fc.array(fc.oneof({ weight: 9, arbitrary: setting }, { weight: 1, arbitrary: include }), {
  maxLength: 4,
});
const section = fc.tuple(head, body).map(([first, rest]) => [first, ...rest].join('\n'));
const withoutInclude = fc
  .tuple(
    fc.array(setting, { maxLength: 2 }),
    fc.array(fc.tuple(head, fc.array(setting, { maxLength: 3 })), { maxLength: 2 }),
  )
  .map(([first, rest]) => [...first, ...rest.flatMap(([line, lines]) => [line, ...lines])].join('\n'));
const config = fc
  .tuple(body, fc.array(section, { maxLength: 5 }))
  .map(([first, rest]) => [...first, ...rest, ''].join('\n'));

describe('ssh configuration', () => {
  it('resolves as ssh -G does', () => {
    let runs = 0;
    fc.assert(
      fc.property(
        config,
        withoutInclude,
        anyOf(...names),
        fc.record({ user: user, port: fc.constantFrom(22, 7777) }, { requiredKeys: [] }),
        (main, second, alias, given) => {
          // A name of its own for each run: within one tick of the clock a file of the same size looks unchanged.
          const file = folder.write(`config${++runs}`, main);
          folder.write('included', `${second}\n# ${'.'.repeat(runs)}\n`);
          assert.deepEqual(
            asWe(file, alias, given),
            asSsh(file, alias, given),
            `${alias}:\n${main}\n--\n${second}`,
          );
        },
      ),
      // In CI always the same configurations: one that is found by chance would fail a change that has nothing to do with it.
      { numRuns: 250, interruptAfterTimeLimit: 8_000, ...(process.env['CI'] ? { seed: 20261 } : {}) },
    );
    assert.ok(runs > 20, `only ${runs} configurations were compared`);
  });

  const cases: readonly (readonly [name: string, config: string, alias?: string])[] = [
    ['ProxyJump none, then ProxyCommand', 'Host a\nProxyJump none\nHost *\nProxyCommand nc %h %p\n'],
    ['ProxyCommand none, then ProxyJump', 'Host a\nProxyCommand none\nHost *\nProxyJump j\n'],
    ['ProxyJump, then ProxyCommand', 'Host a\nProxyJump j\nHost *\nProxyCommand nc %h %p\n'],
    ['HostName in a final pass', 'Match final\nHostName other\nUser u\n'],
    [
      'HostName before and in a final pass',
      'Host a\nHostName A.Site\nMatch final host a.site\nHostName other\nUser u\n',
    ],
    [
      'Match host after HostName',
      'Host a\nHostName %h.site\nMatch host a.site\nUser u\nMatch originalhost a\nPort 7\n',
    ],
    ['Host in a final pass', 'Host a\nHostName b\nHost b\nUser u\nMatch final\nPort 7\n'],
    ['canonical before final', 'Match canonical final\nHostKeyAlias x\n'],
    ['several hops', 'Host a\nProxyJump u1@j1:7,j2,j3:9\n'],
  ];
  for (const [name, content, alias = 'a'] of cases) {
    it(`resolves as ssh -G does: ${name}`, () => {
      const file = folder.write(`case ${name}`, content);
      assert.deepEqual(asWe(file, alias, {}), asSsh(file, alias, {}));
    });
  }

  for (const [line, ...patterns] of [
    ['Port 99999', '99999', /port/i],
    ['Port abc', 'abc', /port/i],
    ['ServerAliveInterval soon', 'soon', /time/],
    ['StrictHostKeyChecking perhaps', 'perhaps'],
    ['ProxyJump -oProxyCommand=x', '-oProxyCommand=x', /ProxyJump/],
    ['User -l', '-l', /begins with '-'/],
    ['HostName a;b', 'a;b'],
    ['IdentityFile', /needs a value/],
    ['IdentityFile "/a', '"/a', /quote/],
    ['Prot 22', 'prot', /did you mean 'port'/],
    ['IdentityFile %Z', '%Z'],
    ['Match nonsense', 'nonsense'],
    ['Port 22 23', '22 23'],
  ] as const) {
    it(`refuses ${line} in one sentence with its place`, () => {
      const file = folder.write(`bad ${line.replaceAll('/', '_')}`, `# first\nHost *\n  ${line}\n`);
      refuses(() => resolveTarget(new Host('a'), { sshConfig: file }), /line 3/, file, ...patterns);
    });
  }

  it('refuses a file that is not there, and a circle of jump hosts', () => {
    refuses(() => resolveTarget(new Host('a'), { sshConfig: '/no/such' }), '/no/such');
    const file = folder.write('circle', 'Host a\nProxyJump b\nHost b\nProxyJump c\nHost c\nProxyJump b\n');
    refuses(() => resolveTarget(new Host('a'), { sshConfig: file }), /circle/, /line 6/);
  });
});
