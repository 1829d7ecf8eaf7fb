import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  appendKnownHost,
  checkHostKey,
  hostKeyError,
  knownKeyTypes,
  lookupHostKey,
  type HostKeySubject,
} from '../../src/host/index.js';
import { logOf, makeKey, run, temporaryFolder } from './helpers.js';

const folder = temporaryFolder();
let count = 0;

/** `type base64` of a fresh key, its form on the wire, and its fingerprint as ssh-keygen tells it. */
function hostKey(type = 'ed25519') {
  const path = makeKey(join(folder.path, `key-${count++}`), type);
  const text = readFileSync(`${path}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
  const fingerprint = run('ssh-keygen', '-l', '-f', path).split(' ')[1] ?? '';
  return { text, blob: Buffer.from(text.split(' ')[1] ?? '', 'base64'), fingerprint };
}
const [key, other, ecdsa, rsa] = [hostKey(), hostKey(), hostKey('ecdsa'), hostKey('rsa')];

function subject(lines: string, more: Partial<HostKeySubject> = {}): HostKeySubject {
  const file = folder.write(`known-${count++}`, lines);
  return { address: 'node1', hostKeyName: 'node1', port: 22, knownHostsFiles: [file], ...more };
}
const status = (lines: string, more: Partial<HostKeySubject> = {}) =>
  lookupHostKey(subject(lines, more), key.blob).status;

describe('lookupHostKey', () => {
  it('tells type, fingerprint and place of what it found', () => {
    const where = subject(`# comment\n\nnode1 ${other.text}\nnode1 ${key.text} a comment\n`);
    assert.deepEqual(lookupHostKey(where, key.blob), {
      status: 'known',
      keyType: 'ssh-ed25519',
      fingerprint: key.fingerprint,
      known: [{ file: where.knownHostsFiles[0], line: 4, type: 'ssh-ed25519', fingerprint: key.fingerprint }],
      authorities: [],
    });
  });

  for (const [names, expected] of [
    ['node1', 'known'],
    ['NODE1', 'known'],
    ['x,node1,y', 'known'],
    ['node?', 'known'],
    ['n*1,!node2', 'known'],
    ['node*,!node1', 'unknown'],
    ['node2', 'unknown'],
    ['node', 'unknown'],
    ['[node1]:22', 'unknown'],
    ['*', 'known'],
  ] as const) {
    it(`matches ${names} as ${expected}`, () => assert.equal(status(`${names} ${key.text}\n`), expected));
  }

  it('looks up other ports with the port, and falls back to the same key without it', () => {
    const port = { port: 2222 };
    assert.equal(status(`[node1]:2222 ${key.text}\n`, port), 'known');
    assert.equal(status(`[node1]:* ${key.text}\n`, port), 'known');
    assert.equal(status(`[node1]:22 ${key.text}\n`, port), 'unknown');
    assert.equal(status(`node1 ${key.text}\n`, port), 'known');
    assert.equal(status(`node1 ${other.text}\n`, port), 'unknown');
    assert.equal(status(`[node1]:2222 ${other.text}\nnode1 ${key.text}\n`, port), 'changed');
    assert.equal(status(`@revoked node1 ${key.text}\n`, port), 'revoked');
    assert.equal(status(`alias ${key.text}\n`, { port: 2222, hostKeyName: 'alias' }), 'known');
    assert.equal(
      status(`[::1]:2222 ${key.text}\n`, { port: 2222, address: '::1', hostKeyName: '::1' }),
      'known',
    );
  });

  it('reads hashed names as ssh-keygen writes them', () => {
    const where = subject(`node1 ${key.text}\n[node2]:2222 ${other.text}\n`);
    run('ssh-keygen', '-q', '-H', '-f', where.knownHostsFiles[0] ?? '');
    assert.match(readFileSync(where.knownHostsFiles[0] ?? '', 'utf8'), /^\|1\|/);
    assert.equal(lookupHostKey(where, key.blob).status, 'known');
    assert.equal(lookupHostKey(where, other.blob).status, 'changed');
    const second = { ...where, address: 'node2', hostKeyName: 'node2', port: 2222 };
    assert.equal(lookupHostKey(second, other.blob).status, 'known');
    assert.equal(lookupHostKey({ ...second, port: 2223 }, other.blob).status, 'unknown');
  });

  it('takes any other key of the host for a change, of whatever type', () => {
    assert.equal(status(`node1 ${other.text}\n`), 'changed');
    assert.equal(status(`node1 ${rsa.text}\nnode1 ${ecdsa.text}\n`), 'changed');
    assert.equal(status(`node1 ${rsa.text}\nnode1 ${key.text}\n`), 'known');
  });

  it('refuses a revoked key wherever it is listed, and no other key because of it', () => {
    assert.equal(status(`node1 ${key.text}\n@revoked * ${key.text}\n`), 'revoked');
    assert.equal(status(`@revoked node2 ${key.text}\nnode1 ${key.text}\n`), 'known');
    assert.equal(status(`@revoked * ${other.text}\nnode1 ${key.text}\n`), 'known');
    assert.equal(status(`@revoked * ${other.text}\n`), 'unknown');
  });

  it('never takes the key of a certificate authority for a host key', () => {
    const verdict = lookupHostKey(subject(`@cert-authority *1 ${key.text}\n`), key.blob);
    assert.equal(verdict.status, 'unknown');
    assert.equal(verdict.authorities[0]?.fingerprint, key.fingerprint);
    assert.equal(status(`@cert-authority * ${other.text}\nnode1 ${key.text}\n`), 'known');
  });

  it('skips lines that are damaged, and files that are not there', () => {
    const damaged = [
      'node1',
      'node1 ssh-ed25519',
      `node1 ssh-rsa ${key.text.split(' ')[1]}`,
      'node1 ssh-ed25519 AAAA',
      `@other node1 ${other.text}`,
      `|1|AAAA|AAAA ${other.text}`,
      `|2|x ${other.text}`,
      '\0\x01',
    ].join('\n');
    const log = logOf('debug', () => assert.equal(status(`${damaged}\nnode1 ${key.text}\n`), 'known'));
    assert.equal(log.filter((line) => line.includes('is skipped')).length, 8);
    const where = subject('');
    assert.equal(
      lookupHostKey({ ...where, knownHostsFiles: [`${folder.path}/none`, folder.path] }, key.blob).status,
      'unknown',
    );
  });

  it('reads several files, and again when they have changed', () => {
    const first = subject('');
    const where = {
      ...first,
      knownHostsFiles: [...first.knownHostsFiles, ...subject(`node1 ${key.text}\r\n`).knownHostsFiles],
    };
    assert.equal(lookupHostKey(where, key.blob).status, 'known');
    appendKnownHost(where.knownHostsFiles[0] ?? '', 'node1', other.blob);
    assert.equal(lookupHostKey(where, other.blob).status, 'known');
    assert.equal(lookupHostKey(where, key.blob).status, 'known');
  });

  it('finds what ssh-keygen -F finds', () => {
    const name = fc.constantFrom(
      'node1',
      'node2',
      '[node1]:2222',
      'n*',
      '*1',
      '!node1',
      'node?',
      '[node*]:2222',
      '10.0.0.1',
    );
    const line = fc
      .array(name, { minLength: 1, maxLength: 3 })
      .map((names) => `${names.join(',')} ${key.text}`);
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 4 }), fc.boolean(), (lines, withPort) => {
        const where = subject(`${lines.join('\n')}\n`, withPort ? { port: 2222 } : {});
        let found = true;
        try {
          run('ssh-keygen', '-F', withPort ? '[node1]:2222' : 'node1', '-f', where.knownHostsFiles[0] ?? '');
        } catch {
          found = false;
        }
        const known =
          lookupHostKey({ ...where, hostKeyName: withPort ? '[node1]:2222' : 'node1' }, key.blob).status ===
          'known';
        assert.equal(known, found, lines.join('\n'));
      }),
      { numRuns: 60 },
    );
  });
});

describe('knownKeyTypes', () => {
  it('names the algorithms of what is on record, best first, without SHA-1', () => {
    assert.deepEqual(knownKeyTypes(subject('')), []);
    assert.deepEqual(
      knownKeyTypes(subject(`node1 ${rsa.text}\nnode1 ${ecdsa.text}\n@revoked node1 ${key.text}\n`)),
      ['ecdsa-sha2-nistp256', 'rsa-sha2-512', 'rsa-sha2-256'],
    );
    assert.deepEqual(knownKeyTypes(subject(`node1 ${key.text}\n`, { port: 2222 })), ['ssh-ed25519']);
  });
});

describe('appendKnownHost', () => {
  it('makes folder and file private, and minds a missing newline', () => {
    const file = join(folder.path, 'fresh', 'known_hosts');
    appendKnownHost(file, 'node1', key.blob);
    assert.equal(statSync(join(folder.path, 'fresh')).mode & 0o777, 0o700);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(readFileSync(file, 'utf8'), `node1 ${key.text}\n`);
    const torn = folder.write('torn', `node2 ${other.text}`);
    appendKnownHost(torn, '[node1]:22', key.blob);
    assert.equal(readFileSync(torn, 'utf8'), `node2 ${other.text}\n[node1]:22 ${key.text}\n`);
  });
});

describe('checkHostKey', () => {
  const check = (
    lines: string,
    hostKeyPolicy: 'strict' | 'accept-new' | 'off',
    offered = key,
    more: Partial<HostKeySubject> = {},
  ) => {
    const target = { ...subject(lines, more), hostKeyPolicy };
    return {
      target,
      error: checkHostKey(target, offered.blob),
      content: () => readFileSync(target.knownHostsFiles[0] ?? '', 'utf8'),
    };
  };

  it('strict refuses an unknown key, and says how to accept it', () => {
    const { target, error } = check('', 'strict', key, { port: 2222 });
    assert.equal(error?.code, 'ERR_HOST_KEY_UNKNOWN');
    assert.equal(error?.host, 'node1');
    const file = target.knownHostsFiles[0] ?? '';
    for (const part of [
      '[node1]:2222',
      'ssh-ed25519',
      key.fingerprint,
      `ssh-keyscan -p 2222 -t ed25519 node1 >> ${file}`,
      'accept-new',
    ]) {
      assert.ok(error?.message.includes(part), `${error?.message} lacks ${part}`);
    }
    assert.equal(check(`node1 ${key.text}\n`, 'strict').error, undefined);
  });

  it('accept-new records an unknown key under the right name', () => {
    const { error, content, target } = check('', 'accept-new', key, { port: 2222 });
    assert.equal(error, undefined);
    assert.equal(content(), `[node1]:2222 ${key.text}\n`);
    assert.equal(checkHostKey({ ...target, hostKeyPolicy: 'strict' }, key.blob), undefined);
  });

  it('off accepts an unknown key, records nothing and warns once', () => {
    const log = logOf('warn', () => {
      const { target, error, content } = check('', 'off', key, { address: 'off1', hostKeyName: 'off1' });
      assert.equal(error, undefined);
      assert.equal(checkHostKey(target, other.blob), undefined);
      assert.equal(content(), '');
    });
    assert.equal(log.length, 1);
    assert.match(log[0] ?? '', /off1.*not verified.*ssh-ed25519 SHA256:/);
  });

  it('refuses a changed or revoked key under every policy, and tells both keys', () => {
    for (const policy of ['strict', 'accept-new', 'off'] as const) {
      const changed = check(`node1 ${other.text}\n`, policy);
      assert.equal(changed.error?.code, 'ERR_HOST_KEY_CHANGED');
      for (const part of [key.fingerprint, other.fingerprint, 'line 1', 'ssh-keygen -R node1 -f ']) {
        assert.ok(changed.error?.message.includes(part), `${changed.error?.message} lacks ${part}`);
      }
      assert.equal(changed.content(), `node1 ${other.text}\n`);
      const revoked = check(`x ${other.text}\n@revoked * ${key.text}\n`, policy);
      assert.equal(revoked.error?.code, 'ERR_HOST_KEY_REVOKED');
      assert.match(revoked.error?.message ?? '', /revoked.*line 2/);
    }
  });

  it('fails closed where only a certificate authority is trusted', () => {
    for (const policy of ['strict', 'accept-new', 'off'] as const) {
      const { error, content } = check(`@cert-authority * ${other.text}\n`, policy);
      assert.equal(error?.code, 'ERR_HOST_KEY_UNKNOWN');
      assert.match(error?.message ?? '', /certificate authority.*line 1/);
      assert.equal(content(), `@cert-authority * ${other.text}\n`);
    }
  });

  it('gives a command that really accepts the key of an alias', () => {
    const target = subject('', { hostKeyName: 'alias', port: 2222 });
    const error = hostKeyError(target, lookupHostKey(target, key.blob));
    const sed = /\| (sed .*) >> /.exec(error.message)?.[1] ?? '';
    const scanned = folder.write('scanned', `# node1:2222 SSH-2.0\n[node1]:2222 ${key.text}\n`);
    const renamed = run('sh', '-c', `${sed} < ${scanned}`);
    assert.equal(
      lookupHostKey({ ...target, ...subject(renamed), hostKeyName: 'alias' }, key.blob).status,
      'known',
    );
  });
});
