import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { rookery } from './rookery.js';

describe('the help', () => {
  it('fits a screen, for every command, with examples', async () => {
    const { code, stdout } = await rookery(['--help']);
    assert.equal(code, 0);
    const commands = [...(/Commands:\n(.*?)\n\n/s.exec(stdout)?.[1] ?? '').matchAll(/^ {2}(\w+)/gm)];
    assert.ok(commands.length > 0);
    assert.ok(stdout.split('\n').length <= 25, stdout);
    for (const [, name] of [['', ''], ...commands]) {
      const help = name ? (await rookery([name, '--help'])).stdout : stdout;
      assert.ok(help.split('\n').length <= 40, help);
      for (const line of help.split('\n')) assert.ok([...line].length <= 80, line);
      assert.match(help, /Examples:\n {2}rookery/);
    }
  });

  it('loads nothing but itself', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rookery-coverage-'));
    try {
      await rookery(['--help'], { env: { NODE_V8_COVERAGE: folder } });
      const loaded = readdirSync(folder).flatMap((name) => {
        const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as {
          result: { url: string }[];
        };
        return result.map(({ url }) => url).filter((url) => url.startsWith('file:'));
      });
      assert.ok(loaded.some((url) => url.includes('/dist/cli/')));
      const stray = loaded.filter((url) => !/\/dist\/cli\/|\/node_modules\/commander\//.test(url));
      assert.deepEqual(stray, []);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
