import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { mkdirSync } from 'node:fs';
import { after } from 'node:test';
import { configureLogger, type LogEntry } from '../../src/util/index.js';

/** A folder for one test file, removed at its end. */
export function temporaryFolder(): { path: string; write: (name: string, content: string) => string } {
  const path = mkdtempSync(join(tmpdir(), 'rookery-host-'));
  after(() => rmSync(path, { recursive: true, force: true }));
  return {
    path,
    write(name, content) {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      return file;
    },
  };
}

/** Runs a real program of OpenSSH and returns its output. */
export function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Makes a key with ssh-keygen; returns the path of its private half. */
export function makeKey(file: string, type = 'ed25519', passphrase = ''): string {
  run(
    'ssh-keygen',
    '-q',
    '-t',
    type,
    '-N',
    passphrase,
    '-C',
    'test',
    '-f',
    file,
    ...(type === 'rsa' ? ['-b', '2048'] : []),
  );
  return file;
}

/** What was logged while something ran. */
export function logOf(level: 'warn' | 'debug', what: () => void): string[] {
  const entries: LogEntry[] = [];
  configureLogger({ level, sink: (entry) => entries.push(entry) });
  try {
    what();
  } finally {
    configureLogger({ level: 'warn', sink: null });
  }
  return entries.map((entry) => entry.message);
}

/** Asserts that something is refused as misuse, with a message that matches all patterns, on one line. */
export function refuses(what: () => unknown, ...patterns: readonly (RegExp | string)[]): void {
  assert.throws(what, (error: Error & { code?: string }) => {
    assert.equal(error.code, 'ERR_INVALID_ARGUMENT', error.stack);
    assert.ok(!error.message.includes('\n'), `more than one line: ${error.message}`);
    for (const pattern of patterns) {
      if (typeof pattern === 'string')
        assert.ok(error.message.includes(pattern), `${error.message} lacks ${pattern}`);
      else assert.match(error.message, pattern);
    }
    return true;
  });
}
