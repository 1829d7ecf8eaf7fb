import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { rookery } from './rookery.js';

const has = (shell: string) => spawnSync(shell, ['-c', ':']).status === 0;

describe('rookery completion', () => {
  it('makes bash complete commands and options', async () => {
    const { code, stdout } = await rookery(['completion', 'bash']);
    assert.equal(code, 0);
    const complete = (...words: string[]) => {
      const list = words.map((word) => `'${word}'`).join(' ');
      const script = `${stdout}\nCOMP_WORDS=(rookery ${list}); COMP_CWORD=${words.length}; _rookery; echo "\${COMPREPLY[@]}"`;
      return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim();
    };
    assert.equal(complete('fa'), 'fanout');
    assert.equal(complete('run', '--conc'), '--concurrency');
    assert.equal(complete('get', '-w', 'a', '--veri'), '--verify');
    assert.equal(complete('run', '--', '--conc'), '');
  });

  for (const shell of ['zsh', 'fish']) {
    it(`writes what ${shell} understands`, async () => {
      const { code, stdout } = await rookery(['completion', shell]);
      assert.equal(code, 0);
      assert.match(stdout, /fanout/);
      assert.match(stdout, /concurrency/);
      if (!has(shell)) return;
      const args = shell === 'fish' ? ['-c', `${stdout}\ncomplete -C 'rookery fan'`] : ['-n'];
      const check = spawnSync(shell, args, { input: stdout, encoding: 'utf8' });
      assert.equal(check.status, 0, check.stderr);
      if (shell === 'fish') assert.match(check.stdout, /^fanout\tcopy/m);
    });
  }

  it('refuses other shells', async () => {
    assert.equal((await rookery(['completion', 'csh'])).code, 2);
  });
});
