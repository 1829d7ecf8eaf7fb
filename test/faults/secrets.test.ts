import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { inspect } from 'node:util';
import {
  closeConnections,
  configureLogger,
  defaults,
  Host,
  Remote,
  Report,
  SshProcess,
  Testbed,
  type ConnectionParams,
  type LogEntry,
} from 'rookery';
import { execFileSync } from 'node:child_process';
import { transports } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'rookery-secrets-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const secret = () => `s3cret-${randomBytes(9).toString('hex')}`;

/** All that other users could see of processes: their command lines; and of our own, the environment too. */
function processTable(): string {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) =>
      ['cmdline', 'environ'].map((file) => {
        try {
          return readFileSync(`/proc/${pid}/${file}`, 'latin1');
        } catch {
          return '';
        }
      }),
    )
    .join('\n');
}

/** Everything by which a value can be shown. */
function shown(value: unknown): string {
  const parts = [inspect(value, { depth: 9, showHidden: false }), String(value)];
  try {
    parts.push(JSON.stringify(value) ?? '');
  } catch {
    parts.push('cannot be JSON');
  }
  for (let error: unknown = value; error instanceof Error; error = error.cause) {
    parts.push(error.message, error.stack ?? '', JSON.stringify(error));
  }
  const { stats, dump, toJSON } = (value ?? {}) as Record<string, unknown>;
  for (const method of [stats, dump, toJSON])
    if (typeof method === 'function')
      parts.push(inspect((method as () => unknown).call(value), { depth: 9 }));
  return parts.join('\n');
}

for (const transport of transports) {
  describe(`secrets, ${transport}`, () => {
    const password = secret();
    const wrong = secret();
    const passphrase = secret();
    const keyfile = join(folder, `key-${transport}`);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', 'test', '-f', keyfile]);
    const keyText = readFileSync(keyfile, 'utf8').split('\n').slice(1, -2);

    it('appear nowhere, whether they are right or wrong', async () => {
      const entries: LogEntry[] = [];
      configureLogger({ level: 'debug', sink: (entry) => entries.push(entry) });
      const seen: string[] = [];
      const bed = await Testbed.start({ hosts: 1, backend: 'embedded', embedded: { password } });
      try {
        const host = new Host({ ...bed.hosts[0]!.toJSON(), keyfile: [] });
        const outcomes: (string | undefined)[] = [];
        for (const params of [
          { password },
          { password: wrong },
          { keyfile, passphrase },
          { keyfile, passphrase: wrong },
          { keyfile, passphrase, password },
        ] satisfies ConnectionParams[]) {
          const connectionParams: ConnectionParams = { transport, agent: false, retries: 0, ...params };
          const withParams = host.with(params);
          const p = new SshProcess('sleep 0.2', host, { connectionParams });
          const action = new Remote('true', [withParams], { connectionParams: { transport, agent: false } });
          p.start();
          const ended = p.wait();
          let running = true;
          void ended.finally(() => (running = false));
          while (running) {
            seen.push(processTable());
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
          await ended;
          await action.run();
          defaults.connectionParams = { ...params };
          const report = new Report([action]);
          outcomes.push(p.error?.code);
          seen.push(
            ...[p, action, report, withParams, withParams.params, host, p.error, action.processes].map(shown),
            shown(connectionParams.password === undefined ? {} : withParams),
          );
          for (const failing of [p, action]) {
            try {
              failing.orThrow();
            } catch (error) {
              seen.push(shown(error));
            }
          }
          await closeConnections();
        }
        const [refused, unusable] = [
          'ERR_AUTHENTICATION_FAILED',
          transport === 'ssh2' ? 'ERR_KEY_FILE' : 'ERR_AUTHENTICATION_FAILED',
        ];
        assert.deepEqual(outcomes, [undefined, refused, refused, unusable, undefined]);
      } finally {
        defaults.connectionParams = {};
        await closeConnections();
        await bed.stop();
        configureLogger({ level: 'warn', sink: null });
      }
      assert.ok(entries.length > 5, 'nothing was logged');
      seen.push(...entries.map((entry) => entry.message));
      const all = seen.join('\n');
      for (const hidden of [password, wrong, ...keyText])
        assert.equal(all.includes(hidden), false, around(all, hidden));
      // ssh-keygen, which made the key, has ended.
      assert.equal(all.includes(passphrase), false, around(all, passphrase));
    });
  });
}

function around(text: string, hidden: string): string {
  const at = text.indexOf(hidden);
  return at < 0
    ? ''
    : `shown here: …${text.slice(Math.max(0, at - 200), at)}<HERE>${text.slice(at + hidden.length, at + hidden.length + 100)}`;
}

describe('misuse of secrets', () => {
  it('is refused without repeating them', () => {
    const password = secret();
    for (const make of [
      () => new Host(`root:${password}@node1`),
      () => new Host({ address: 'node1', password: [password] as unknown as string }),
      () =>
        new SshProcess('true', 'h', { connectionParams: { passphrase: { password } as unknown as string } }),
      () => new Host({ address: 'node1', keyfile: `-----BEGIN OPENSSH PRIVATE KEY-----\n${password}` }),
    ]) {
      assert.throws(make, (error: Error) => {
        assert.equal(shown(error).includes(password), false, error.message);
        return true;
      });
    }
  });
});
