import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
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
