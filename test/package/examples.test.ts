import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

test('murder-deploy deploys, switches and goes back', async () => {
  const example = new URL('../../examples/murder-deploy.js', import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, [example]);
  const versions = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ').at(-1));
  assert.deepEqual(
    versions,
    ['v1', 'v2', 'v1'].flatMap((version) => Array<string>(4).fill(version)),
  );
});

const run = (name: string, ...words: string[]) =>
  promisify(execFile)(process.execPath, [
    new URL(`../../examples/${name}.js`, import.meta.url).pathname,
    ...words,
  ]);

test('iperf measures one way and both ways', async () => {
  const { stdout } = await run('iperf');
  assert.match(stdout, /^one way: [\d.]+ Mbit\/s\n1 to 2: [\d.]+ Mbit\/s\n2 to 1: [\d.]+ Mbit\/s\n$/);
});

test('transfer-times measures all combinations and draws them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-example-'));
  try {
    await run('transfer-times', '--results', folder, '--mebibytes', '1', '--counts', '1,2');
    const directory = join(folder, readdirSync(folder)[0] as string);
    const rows = readFileSync(join(directory, 'results.csv'), 'utf8').trimEnd().split('\r\n');
    assert.equal(rows[0], 'size,tool,hosts,seconds');
    assert.equal(rows.length, 1 + 6);
    assert.equal(readFileSync(join(directory, 'plot.svg'), 'utf8').match(/<rect /g)?.length, 6);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('build-farm compiles on all hosts', async () => {
  const { stdout } = await run('build-farm');
  assert.equal(stdout.match(/compiled on/g)?.length, 13);
  assert.match(stdout, /the sum is 66\n$/);
});
