import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { closeConnections, cmd, Host, hostList, Process, Remote, SshProcess, Testbed } from 'rookery';
import { quiet, transports } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'rookery-injection-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const canary = join(folder, 'canary');

/** Every one of them makes the canary, if a shell or an option parser has its way. */
const hostile = [
  `-oProxyCommand=touch ${canary}`,
  `-oProxyCommand=touch\${IFS}${canary}`,
  `a;touch ${canary}`,
  `a|touch\${IFS}${canary}`,
  `$(touch\${IFS}${canary})`,
  `\`touch\${IFS}${canary}\``,
  `a\ntouch ${canary}`,
  `a\rtouch ${canary}`,
  `a\0touch ${canary}`,
  `a&touch\t${canary}`,
  `a'\ntouch ${canary}\n'`,
  `a"\nProxyCommand touch ${canary}`,
  `a>${canary}`,
  `{touch,${canary}}`,
  `%h;touch ${canary}`,
];
const words = [
  '',
  ' ',
  '-n',
  '--',
  "'",
  '"',
  `a'b"c'd"e`,
  '$HOME $(touch canary) `touch canary` ${x} $x',
  'a\nb\n\nc\n',
  '\n',
  '\ttab\r\n',
  '\\ \\\\ \\n \\',
  '!! !x !$ !',
  '* ? [a-z] ~ ~root {a,b}',
  '# ; & && | || < > ( ) %1 ^ = @',
  'é 漢字 🎉 \u0001\u007f',
  `'"$(`.repeat(1_000),
];
/** Of one argument; Linux takes no more than 128 KiB for the whole command, quotes included. */
const longest = 'x'.repeat(100_000);

describe('what is not a host or a user is refused where it is written', () => {
  after(() => assert.equal(existsSync(canary), false, 'something has run'));
  for (const text of hostile) {
    it(JSON.stringify(text), () => {
      const refused = { code: 'ERR_INVALID_ARGUMENT' };
      assert.throws(() => new Host(text), refused);
      assert.throws(() => new Host({ address: text }), refused);
      assert.throws(() => new Host({ address: 'h', user: text }), refused);
      assert.throws(() => new Host(`${text}@h`), refused);
      assert.throws(() => new SshProcess('true', 'h', { connectionParams: { user: text } }), refused);
      assert.throws(() => new SshProcess('true', 'h', { connectionParams: { hostKeyAlias: text } }), refused);
      assert.throws(() => new Remote('true', [text]), refused);
      assert.throws(
        () => hostList(text).map((host) => host.address.includes('touch') && host),
        (error: Error) => {
          assert.ok(!error.message.includes('\n'), error.message);
          return true;
        },
      );
    });
  }

  it('a NUL in a command, its words, its environment and its folder', () => {
    const refused = { code: 'ERR_INVALID_ARGUMENT' };
    for (const make of [
      () => new SshProcess('echo a\0b', 'h'),
      () => new SshProcess(['echo', 'a\0b'], 'h'),
      () => new SshProcess(cmd`echo ${'a\0b'}`, 'h'),
      () => new SshProcess('true', 'h', { env: { A: 'a\0b' } }),
      () => new SshProcess('true', 'h', { cwd: 'a\0b' }),
      () => new SshProcess('true', 'h', { env: { 'A;touch x': 'b' } }),
      () => new Process(['echo', 'a\0b']),
      () => new Remote(cmd`echo ${['a\0b']}`, ['h']),
    ])
      assert.throws(make, refused, make.toString());
  });
});

const print = 'for w in "$@"; do printf "%s\\0" "$w"; done';
/** A program that prints its words, and one that prints a variable and its folder, each ended by a NUL. */
const printer = join(folder, 'print words');
const teller = join(folder, 'tell');
writeFileSync(printer, `#!/bin/sh\n${print}\n`, { mode: 0o755 });
writeFileSync(teller, `#!/bin/sh\nprintf '%s\\0' "$ROOKERY_VALUE"\nprintf '%s\\0' "$PWD"\n`, { mode: 0o755 });
const split = (output: string) => output.split('\0').slice(0, -1);

function carries(
  where: string,
  long: string,
  run: (
    command: string[] | ReturnType<typeof cmd>,
    options?: object,
  ) => Promise<{ stdout: string; ok: boolean; dump: () => string }>,
): void {
  it(`words arrive as they are, ${where}`, async () => {
    const asList = await run([printer, ...words]);
    assert.deepEqual(split(asList.stdout), words, asList.dump().slice(0, 500));
    const [a, b, c, d, e] = words.slice(6) as [string, string, string, string, string];
    const asTemplate = await run(cmd`${printer} ${a} ${b} ${c} ${''} ${d}${e} ${long}`);
    assert.deepEqual(
      split(asTemplate.stdout),
      [a, b, c, '', `${d}${e}`, long],
      asTemplate.dump().slice(0, 500),
    );
  });

  it(`values of the environment and folders too, ${where}`, async () => {
    // In a locale without Unicode, fish cannot hand on such an environment to another program.
    const values = where.includes('fish') ? words.filter((word) => !word.includes('é')) : words;
    for (const value of [...values, long]) {
      const name = value.replaceAll('/', '_').slice(0, 100).trim();
      const cwd = join(folder, name === '' ? 'plain' : name);
      mkdirSync(cwd, { recursive: true });
      const p = await run([teller], { env: { ROOKERY_VALUE: value }, cwd });
      assert.deepEqual(split(p.stdout), [value, cwd], p.dump().slice(0, 500));
    }
  });
}

describe('what is passed in is carried as it is', () => {
  let bed: Testbed;
  before(async () => {
    bed = await Testbed.start({ hosts: 1, backend: 'sshd' });
  });
  after(async () => {
    await closeConnections();
    await bed.stop();
    assert.equal(existsSync(canary), false, 'something has run');
  });

  carries('locally', longest, (command, options = {}) =>
    new Process(command, { ...quiet, ...options }).run(),
  );
  for (const transport of transports) {
    carries(transport, longest, (command, options = {}) =>
      new SshProcess(command, bed.hosts[0]!, { ...quiet, connectionParams: { transport }, ...options }).run(),
    );
  }
});

for (const shell of ['/bin/bash', '/usr/bin/tcsh', '/usr/bin/fish']) {
  describe(`with the login shell ${shell}`, () => {
    let bed: Testbed;
    before(async () => {
      bed = await Testbed.start({ hosts: 1, backend: 'embedded', embedded: { shell } });
    });
    after(async () => {
      await closeConnections();
      await bed.stop();
    });
    // The server of ssh2, on which the embedded testbed stands, takes no longer packets.
    for (const transport of transports) {
      carries(`${transport}, ${shell}`, longest.slice(0, 15_000), (command, options = {}) =>
        new SshProcess(command, bed.hosts[0]!, {
          ...quiet,
          connectionParams: { transport },
          ...options,
        }).run(),
      );
    }
  });
}
