import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { describe, it } from 'node:test';
import { cmd, raw } from 'rookery';
import type { Subject } from './subject.js';

export function commands({ make, remote, longestArgument }: Subject): void {
  describe('commands', () => {
    const awkward = [
      '',
      ' ',
      "it's",
      '"double"',
      '$HOME',
      '`id`',
      '$(id)',
      'a\nb',
      '*',
      '\\',
      '-n',
      'ü€😀',
      '{{x}}',
      ';&|<>#!~',
    ];

    it('runs text in a shell', async () => {
      const p = await make('x=1; for i in a b; do echo "$i$x"; done | sort -r').run();
      assert.equal(p.stdout, 'b1\na1\n');
      assert.ok(p.finishedOk);
    });

    it('brings each argument of a list to the program unchanged', async () => {
      const p = await make(['printf', '[%s]', ...awkward]).run();
      assert.equal(p.stdout, awkward.map((word) => `[${word}]`).join(''));
    });

    it('quotes what is put into cmd, and only that', async () => {
      const p = await make(cmd`printf '[%s]' ${awkward[4]!} ${awkward[7]!} ${raw('$((1 + 1))')} ${3}`).run();
      assert.equal(p.stdout, '[$HOME][a\nb][2][3]');
    });

    it('takes long arguments', async () => {
      const word = 'x y'.repeat(longestArgument / 3);
      assert.ok((await make(['printf', '%s', word]).run()).stdout === word);
    });

    it('runs in the shell that is asked for', async () => {
      const p = await make('echo $0 ${BASH_VERSION:+bash}', { shell: '/bin/bash' }).run();
      assert.match(p.stdout, /bash bash$/m);
    });

    it('runs in the folder that is asked for', async () => {
      assert.equal((await make('pwd', { cwd: tmpdir() }).run()).stdout, `${tmpdir()}\n`);
      const lost = await make('echo ran', { cwd: '/no/such folder' }).run();
      assert.equal(lost.ok, false);
      assert.equal(lost.stdout, '');
      assert.match(remote ? lost.stderr : String(lost.error?.message), /\/no\/such folder/);
    });

    it('sets variables, whatever is in them, and takes them away', async () => {
      const env = Object.fromEntries(awkward.map((value, i) => [`V${i}`, value]));
      const names = awkward.map((_, i) => `"$V${i}"`).join(' ');
      const p = await make(`printf '[%s]' ${names}; echo \${HOME-none}`, {
        env: { ...env, HOME: undefined },
      }).run();
      assert.equal(p.stdout, `${awkward.map((value) => `[${value}]`).join('')}none\n`);
    });

    it('has a terminal when asked, and none otherwise', async () => {
      const test =
        'if [ -t 0 ] && [ -t 1 ] && [ -t 2 ]; then echo yes; stty size; echo error >&2; else echo no; fi';
      assert.equal((await make(test).run()).stdout, 'no\n');
      const p = await make(test, { pty: { columns: 111, rows: 22 } }).run();
      assert.equal(p.stdout, 'yes\r\n22 111\r\nerror\r\n');
      assert.equal(p.stderr, '');
    });
  });
}
