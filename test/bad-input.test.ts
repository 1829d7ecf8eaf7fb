import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import {
  cmd,
  Get,
  Host,
  hostList,
  Local,
  Process,
  Put,
  Remote,
  Report,
  SshProcess,
  sweep,
  Testbed,
  TorrentPut,
} from 'rookery';

const any = (value: unknown) => value as never;
const folder = mkdtempSync(join(tmpdir(), 'rookery-bad-'));
const config = join(folder, 'ssh_config');
writeFileSync(config, 'Host *\n  Port twenty\n');
const notAKey = join(folder, 'not-a-key');
writeFileSync(notAKey, 'nothing like a key\n');

/** What is wrong, how it is written, and what the one sentence must say. */
const cases: readonly [string, () => unknown, readonly RegExp[]][] = [
  [
    'an unknown option',
    () => new Process('ls', any({ timout: 1 })),
    [/new Process\(\)/, /"timout"/, /did you mean 'timeout'/],
  ],
  [
    'an unknown option of an action',
    () => new Remote('ls', 'n1', any({ concurency: 1 })),
    [/"concurency"/, /'concurrency'/],
  ],
  [
    'an unknown connection param',
    () => new Remote('ls', 'n1', { connectionParams: any({ usr: 'x' }) }),
    [/"usr"/, /'user'/],
  ],
  ['options that are none', () => new Process('ls', any('10s')), [/must be an object/, /"10s"/]],
  ['a wrong type', () => new Process('ls', { cwd: any(7) }), [/cwd/, /a string|a path/, /7/]],
  [
    'a wrong type of a pty',
    () => new Process('ls', { pty: any({ rows: 'many' }) }),
    [/pty/, /rows/, /"many"/],
  ],
  ['a wrong value', () => new Remote('ls', 'n1', { concurrency: 0 }), [/concurrency/, /≥ 1/, /0/]],
  ['a handler that is none', () => new Process('ls', { stdoutHandlers: any([7]) }), [/stdoutHandlers/, /7/]],
  ['a bad duration', () => new Process('ls', { timeout: any('10 parsecs') }), [/timeout/, /"10 parsecs"/]],
  ['a negative duration', () => new Process('ls', { timeout: -1 }), [/timeout/, /-1/]],
  [
    'a bad duration of an action',
    () => new Local('ls', { actionTimeout: any('soon') }),
    [/actionTimeout/, /"soon"/],
  ],
  ['a bad duration of a wait', () => new Process('ls').run({ timeout: any('soon') }), [/timeout/, /"soon"/]],
  [
    'an unknown name in a template',
    () => new Remote('ping {{trget}}', 'n1', { vars: { target: 'x' } }),
    [/\{\{trget\}\}/, /did you mean \{\{target\}\}/],
  ],
  ['a name without a value', () => new Remote('ping {{target}}', 'n1'), [/\{\{target\}\}/, /ping/]],
  [
    'an empty list of values',
    () => new Remote('ping {{t}}', 'n1', { vars: { t: [] } }),
    [/vars\.t|t is an empty array/],
  ],
  ['quotes around a value', () => new Local(cmd`echo "${'x'}"`), [/quot/]],
  ['a value that is none', () => cmd`echo ${any(undefined)}`, [/value 1/, /undefined/]],
  ['an empty command', () => new Process(''), [/empty/]],
  ['a blank command', () => new Remote('  ', 'n1'), [/empty/]],
  ['an empty list', () => new Process([]), [/empty/]],
  ['a command of another type', () => new Process(any(42)), [/command/, /42/]],
  ['a NUL in a command', () => new Process(['a', 'b\0c']), [/NUL/]],
  ['a NUL in the environment', () => new Process('ls', { env: { A: '\0' } }), [/NUL/, /A/]],
  ['a name that no variable can have', () => new Process('ls', { env: { 'a b': 'x' } }), [/"a b"/]],
  ['a host with a leading -', () => new Host('-oProxyCommand=id'), [/-oProxyCommand=id/, /begin|'-'|lead/]],
  ['a user with a leading -', () => new Host({ address: 'n1', user: '-l' }), [/user/, /'-'/]],
  ['a host with a newline', () => new Host('a\nb'), [/a\\nb/]],
  ['a port that is none', () => new Host('n1:70000'), [/70000/]],
  ['a host that is none', () => new Remote('ls', [any(7)]), [/7/]],
  ['an unclosed range', () => hostList('n[1-3'), [/n\[1-3/]],
  ['a range that goes down', () => hostList('n[3-1]'), [/3-1/]],
  [
    'a host key policy that is none',
    () => new SshProcess('ls', 'n1', { connectionParams: { hostKeyPolicy: any('maybe') } }),
    [/hostKeyPolicy/, /'strict'/, /"maybe"/],
  ],
  [
    'a key in place of its file',
    () =>
      new SshProcess('ls', 'n1', { connectionParams: { keyfile: '-----BEGIN OPENSSH PRIVATE KEY-----' } }),
    [/keyfile must be the path/],
  ],
  [
    'a transport that is none',
    () => new SshProcess('ls', 'n1', { connectionParams: { transport: any('telnet') } }),
    [/transport/, /"telnet"/],
  ],
  ['no local file', () => new Put('n1', [], '/tmp'), [/localFiles/, /one path/]],
  [
    'hosts that would write the same file',
    () => new Get('n[1-2]', '/etc/hostname', '/tmp/x'),
    [/\{\{\{host\}\}\}/],
  ],
  [
    'an unknown option of a fan-out',
    () => new TorrentPut('n1', '/etc/hostname', '/tmp', any({ sed: 1 })),
    [/"sed"/],
  ],
  ['a factor without levels', () => [...sweep({ a: [] })], [/a/]],
  ['something that is no action in a report', () => new Report(any(['ls'])), [/"ls"/]],
];

describe('bad input is refused where it is given, in one sentence with the value and the place', () => {
  after(() => rmSync(folder, { recursive: true }));

  for (const [what, give, wanted] of cases) {
    it(what, async () => {
      const error: unknown = await (async () => give())().then(
        (value) => assert.fail(`accepted: ${String(value)}`),
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof Error);
      assert.equal((error as { code?: string }).code, 'ERR_INVALID_ARGUMENT', error.message);
      assert.doesNotMatch(error.message, /\n/);
      for (const part of wanted) assert.match(error.message, part);
    });
  }

  it('an option of a testbed', async () => {
    await assert.rejects(Testbed.start(any({ host: 8 })), /"host".*did you mean 'hosts'/);
    await assert.rejects(Testbed.start({ hosts: any('eight') }), /hosts.*"eight"/);
  });

  it('a bad line of a configuration, and a key that cannot be read, show on the process, and stop no other', async () => {
    await using bed = await Testbed.start({ hosts: 1, backend: 'embedded' });
    const [good] = bed.hosts;
    const bad = [
      new Host({ address: 'n1', sshConfig: config }),
      new Host({ address: '127.0.0.1', port: good!.port!, keyfile: notAKey, hostKeyPolicy: 'off' }),
      new Host({
        address: '127.0.0.1',
        port: good!.port!,
        keyfile: join(folder, 'missing'),
        hostKeyPolicy: 'off',
      }),
    ];
    const action = await new Remote('echo fine', [...bad, good!], { logError: false }).run();
    const [line, key, missing, fine] = action.processes;
    assert.match(line!.error!.message, /ssh_config line 2.*twenty/);
    assert.equal(key!.error!.code, 'ERR_KEY_FILE');
    assert.match(key!.error!.message, /not-a-key/);
    assert.equal(missing!.error!.code, 'ERR_KEY_FILE');
    assert.equal(fine!.stdout, 'fine\n');
  });
});
