import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { Host, resolveTarget } from '../../src/host/index.js';
import { loadPrivateKeys, loadPublicKeys } from '../../src/host/private-keys.js';
import { logOf, makeKey, temporaryFolder } from './helpers.js';

const folder = temporaryFolder();
const plain = makeKey(join(folder.path, 'plain'));
const encrypted = makeKey(join(folder.path, 'encrypted'), 'ed25519', 'open sesame');
const params = { sshConfig: false as const, agent: false as const };
const targetOf = (keyfile: string | string[], more = {}) =>
  resolveTarget(new Host('node'), { ...params, keyfile, ...more });

function refused(keyfile: string, problem: RegExp, more = {}): void {
  assert.throws(
    () => loadPrivateKeys(targetOf(keyfile, more)),
    (error: Error & { code?: string; host?: string }) => {
      assert.equal(error.code, 'ERR_KEY_FILE');
      assert.equal(error.host, 'node');
      assert.match(error.message, problem);
      assert.ok(error.message.includes(keyfile.split('/').at(-1) ?? ''));
      assert.ok(!inspect(error).includes('sesame'));
      return true;
    },
  );
}

describe('loadPrivateKeys', () => {
  for (const type of ['ed25519', 'ecdsa', 'rsa']) {
    it(`reads a key of type ${type}, plain and encrypted`, () => {
      const files = [
        makeKey(join(folder.path, `p-${type}`), type),
        makeKey(join(folder.path, `e-${type}`), type, 'open sesame'),
      ];
      const keys = loadPrivateKeys(targetOf(files, { passphrase: 'open sesame' }));
      assert.deepEqual(
        keys.map(({ path }) => path),
        files,
      );
      for (const { path, key } of keys) {
        const blob = Buffer.from(readFileSync(`${path}.pub`, 'utf8').split(' ')[1] ?? '', 'base64');
        assert.ok(key.getPublicSSH().equals(blob));
      }
    });
  }

  it('says what is wrong with a key file that was named', () => {
    refused(join(folder.path, 'missing'), /does not exist/);
    refused(folder.path, /cannot be read/);
    refused(folder.write('text', 'not a key, open sesame\n'), /not a private key/);
    refused(folder.write('torn', readFileSync(plain, 'utf8').slice(0, 120)), /not a private key/);
    refused(encrypted, /encrypted.*passphrase/);
    refused(encrypted, /passphrase is wrong/, { passphrase: 'close sesame' });
    refused(`${plain}.pub`, /public key/);
  });

  it('skips those that only the configuration names', () => {
    const sshConfig = folder.write(
      'config',
      `IdentityFile ${encrypted}\nIdentityFile ${plain}\nIdentityFile ${folder.write('bad', 'x')}\n`,
    );
    const target = resolveTarget(new Host('node'), { ...params, sshConfig });
    assert.equal(target.keyfiles.length, 3);
    const log = logOf('debug', () =>
      assert.deepEqual(
        loadPrivateKeys(target).map(({ path }) => path),
        [plain],
      ),
    );
    assert.equal(log.filter((line) => line.includes('skipped')).length, 2);
  });

  it('leaves to the agent what only the agent can unlock', () => {
    const agent = join(folder.path, 'agent');
    assert.deepEqual(loadPrivateKeys(targetOf([encrypted, `${plain}.pub`], { agent })), []);
    refused(join(folder.path, 'missing'), /does not exist/, { agent });
  });
});

describe('loadPublicKeys', () => {
  it('reads public halves without a passphrase', () => {
    const keys = loadPublicKeys(targetOf([encrypted, `${plain}.pub`, join(folder.path, 'missing')]));
    const blobs = [encrypted, plain].map((path) => readFileSync(`${path}.pub`, 'utf8').split(' ')[1]);
    assert.deepEqual(
      keys.map((key) => key.toString('base64')),
      blobs,
    );
  });
});
