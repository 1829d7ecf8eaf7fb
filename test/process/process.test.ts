import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Process } from '../../src/process/index.js';

const quiet = { logExitCode: false, logError: false, logTimeout: false };

describe('Process', () => {
  it('gives output and exit code', async () => {
    const p = await new Process('echo out; echo err >&2; exit 3', quiet).run();
    assert.deepEqual([p.stdout, p.stderr, p.exitCode, p.ok], ['out\n', 'err\n', 3, false]);
  });
  it('runs a list of words without a shell', async () => {
    const p = await new Process(['printf', '%s|', 'a b', '$HOME']).run();
    assert.equal(p.stdout, 'a b|$HOME|');
  });
  it('tells a program that is missing', async () => {
    const p = await new Process(['no-such-program'], quiet).run();
    assert.equal(p.error?.code, 'ERR_SPAWN');
  });
  it('ends a tree that ignores SIGTERM at its timeout', async () => {
    const p = await new Process("trap '' TERM; sleep 300 & sleep 300", {
      ...quiet,
      timeout: 200,
      killTimeout: 200,
    }).run();
    assert.deepEqual([p.timedOut, p.forcedKill, p.killConfirmed, p.killed], [true, true, true, false]);
  });
  it('talks to a process by write and expect', async () => {
    const p = new Process('cat').start();
    p.write('hello\nwor');
    assert.equal((await p.expect(/hel+o/)).match[0], 'hello');
    p.write('ld\n').end();
    await p.expect(/world/);
    assert.ok((await p.wait()).ok);
  });
  it('runs again after reset', async () => {
    const p = await new Process('echo x').run();
    await p.reset().run();
    assert.equal(p.stdout, 'x\n');
  });
});
