import { closeSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { RookeryError, logger, messageOf, quotePosix, show } from '../util/index.js';
import { shortPath } from './paths.js';
import {
  findAuthorities,
  findKnownLines,
  fingerprint,
  forgetKnownHostsFile,
  keyTypeOf,
  type KnownHostLine,
} from './known-hosts-file.js';
import type { Target } from './target.js';

/** The part of a {@link Target} that says under which name, and in which files, a host key is looked up. */
export type HostKeySubject = Pick<Target, 'hostKeyName' | 'address' | 'port' | 'knownHostsFiles'>;

/** A key that is on record for a host. */
export interface KnownKey {
  readonly file: string;
  readonly line: number;
  readonly type: string;
  /** `SHA256:…` */
  readonly fingerprint: string;
}

/** What the known_hosts files say about the key that a server offers. */
export interface HostKeyVerdict {
  readonly status: 'known' | 'unknown' | 'changed' | 'revoked';
  readonly keyType: string;
  /** Of the offered key, `SHA256:…` */
  readonly fingerprint: string;
  /** The lines that decided: the matching one, the ones that differ, or the one that revokes. */
  readonly known: readonly KnownKey[];
  /** Lines that trust a certificate authority for this host, which a plain key cannot satisfy. */
  readonly authorities: readonly KnownKey[];
}

/** Name in known_hosts: `[address]:port` when the port is not 22; a HostKeyAlias stands alone. */
export function knownHostName(subject: Pick<Target, 'hostKeyName' | 'address' | 'port'>): string {
  const name = subject.hostKeyName.toLowerCase();
  return subject.hostKeyName === subject.address && subject.port !== 22 ? `[${name}]:${subject.port}` : name;
}

/**
 * Looks an offered key up. As in OpenSSH: a revoked key is refused wherever it is listed for the host; when a key of the host is on
 * record and none is the offered one, it has changed, whatever its type; a port of its own falls back to a line without port that
 * has exactly this key.
 *
 * @param key The public key as it came over the wire.
 */
export function lookupHostKey(subject: HostKeySubject, key: Buffer): HostKeyVerdict {
  return lookupFingerprint(subject, { keyType: keyTypeOf(key), fingerprint: fingerprint(key) });
}

/** What is known of a key that a server offers. */
export type OfferedKey = Pick<HostKeyVerdict, 'keyType' | 'fingerprint'>;

/** The same for a key of which the fingerprint alone is known. */
export function lookupFingerprint(subject: HostKeySubject, offered: OfferedKey): HostKeyVerdict {
  const name = knownHostName(subject);
  const lines = findKnownLines(subject.knownHostsFiles, name);
  const plainName = subject.hostKeyName.toLowerCase();
  const portless = name === plainName ? [] : findKnownLines(subject.knownHostsFiles, plainName);
  const authorities = lines.filter((line) => line.marker === '@cert-authority').map(describe);
  const same = (line: KnownHostLine) => fingerprint(line.blob) === offered.fingerprint;
  const verdict = (status: HostKeyVerdict['status'], known: readonly KnownHostLine[]): HostKeyVerdict => ({
    status,
    ...offered,
    known: known.map(describe),
    authorities,
  });
  const revoked = [...lines, ...portless].filter((line) => line.marker === '@revoked' && same(line));
  if (revoked.length > 0) return verdict('revoked', revoked);
  const plain = lines.filter((line) => line.marker === undefined);
  const known = plain.filter(same);
  if (known.length > 0) return verdict('known', known);
  if (plain.length > 0) return verdict('changed', plain);
  const other = portless.filter((line) => line.marker === undefined && same(line));
  return other.length > 0 ? verdict('known', other) : verdict('unknown', []);
}

function describe(line: KnownHostLine): KnownKey {
  return { file: line.file, line: line.line, type: line.type, fingerprint: fingerprint(line.blob) };
}

/** Host key algorithms (RFC 4253, RFC 8332) in the order of preference when nothing is known about a host. */
const preferred = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
];

/**
 * Host key algorithms that fit the keys on record, best first, so that the client asks for a key it can check; empty when none is on
 * record. An RSA key stands for its SHA-2 signatures only.
 */
export function knownKeyTypes(subject: HostKeySubject): readonly string[] {
  const names = new Set([knownHostName(subject), subject.hostKeyName.toLowerCase()]);
  for (const name of names) {
    const lines = findKnownLines(subject.knownHostsFiles, name).filter((line) => line.marker === undefined);
    const types = preferred.filter((type) => lines.some((line) => line.type === type));
    if (types.length > 0)
      return types.flatMap((type) => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]));
  }
  return [];
}

/** Where a certificate authority is trusted for a host of which no plain key is on record: only certificates can prove it then. */
export function certificateAuthority(subject: HostKeySubject): string | undefined {
  const name = knownHostName(subject);
  const authority = findAuthorities(subject.knownHostsFiles, name)[0];
  if (!authority || findKnownLines(subject.knownHostsFiles, name).some((line) => line.marker === undefined))
    return undefined;
  return `${shortPath(authority.file)} line ${authority.line}`;
}

/**
 * Records a key: one write at the end of the file, which is created (0600, its folder 0700) when missing.
 * @param name As {@link knownHostName} makes it.
 */
export function appendKnownHost(file: string, name: string, key: Buffer): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const line = `${name} ${keyTypeOf(key)} ${key.toString('base64')}\n`;
  const descriptor = openSync(file, 'a+', 0o600);
  try {
    writeSync(descriptor, endsInNewline(descriptor) ? line : `\n${line}`);
  } finally {
    closeSync(descriptor);
    forgetKnownHostsFile(file);
  }
}

function endsInNewline(descriptor: number): boolean {
  const stats = fstatSync(descriptor);
  if (!stats.isFile() || stats.size === 0) return true;
  const last = Buffer.alloc(1);
  readSync(descriptor, last, 0, 1, stats.size - 1);
  return last[0] === 0x0a;
}

/** Keygen and keyscan name types shortly. */
function shortType(type: string): string {
  if (type.startsWith('ecdsa-')) return 'ecdsa';
  return type.replace(/^ssh-/, '');
}

/** The error for a key that must not be trusted: what is on record, what was offered, and what to do about it. */
export function hostKeyError(target: HostKeySubject, verdict: HostKeyVerdict): RookeryError {
  const name = knownHostName(target);
  const offered = `it offered ${verdict.keyType} ${verdict.fingerprint}`;
  const list = (keys: readonly KnownKey[]) =>
    keys.map((k) => `${k.type} ${k.fingerprint} (${shortPath(k.file)} line ${k.line})`).join(', ');
  const fail = (
    code: 'ERR_HOST_KEY_UNKNOWN' | 'ERR_HOST_KEY_CHANGED' | 'ERR_HOST_KEY_REVOKED',
    message: string,
  ) => new RookeryError(code, message, { host: target.address });
  if (verdict.status === 'revoked') {
    return fail(
      'ERR_HOST_KEY_REVOKED',
      `the host key of ${name} is revoked: ${offered}, which is marked @revoked: ${list(verdict.known)}`,
    );
  }
  if (verdict.status === 'changed') {
    return fail(
      'ERR_HOST_KEY_CHANGED',
      `the host key of ${name} has changed: ${offered}, known is ${list(verdict.known)}; if the change is genuine, remove the known one: ` +
        verdict.known
          .map((k) => k.file)
          .filter((file, i, all) => all.indexOf(file) === i)
          .map((file) => `ssh-keygen -R ${quotePosix(name)} -f ${quotePosix(file)}`)
          .join(' && '),
    );
  }
  const file = target.knownHostsFiles[0];
  const scan = `ssh-keyscan -p ${target.port} -t ${shortType(verdict.keyType)} ${quotePosix(target.address)}`;
  // A key known under another name than the one it is scanned by needs that name written in front of it.
  const renamed = target.hostKeyName === target.address ? '' : ` | sed ${quotePosix(`s/^[^# ]*/${name}/`)}`;
  const accept =
    file === undefined
      ? 'name a file to record it in (knownHosts)'
      : `compare the fingerprint with the server's, then run: ${scan}${renamed} >> ${quotePosix(file)}`;
  const authority =
    verdict.authorities.length === 0
      ? ''
      : ` (only a certificate authority is trusted for it: ${list(verdict.authorities)}, and this is a plain key)`;
  return fail(
    'ERR_HOST_KEY_UNKNOWN',
    `the host key of ${name} is not known${authority}: ${offered}; to accept it, ${accept}; or use hostKeyPolicy 'accept-new'`,
  );
}

const warned = new Set<string>();
/** Once per host. */
export function warnUnverified(target: HostKeySubject, offered: OfferedKey | undefined): void {
  const name = knownHostName(target);
  if (warned.has(name)) return;
  warned.add(name);
  const shown = offered ? `: ${offered.keyType} ${offered.fingerprint}` : '';
  logger.warn('known-hosts', `the host key of ${name} is not verified (hostKeyPolicy 'off')${shown}`);
}

/**
 * Decides about an offered key by the target's `hostKeyPolicy`: undefined to go on, or the error to fail with. With `accept-new` an unknown
 * key is recorded in the first known_hosts file; with `off` it is not, and a warning is logged once per host.
 * A changed or revoked key is refused by every policy.
 */
export function checkHostKey(
  target: HostKeySubject & Pick<Target, 'hostKeyPolicy'>,
  key: Buffer,
): RookeryError | undefined {
  const verdict = lookupHostKey(target, key);
  if (verdict.status === 'known') return undefined;
  if (verdict.status !== 'unknown' || target.hostKeyPolicy === 'strict' || verdict.authorities.length > 0) {
    return hostKeyError(target, verdict);
  }
  const name = knownHostName(target);
  if (target.hostKeyPolicy === 'off') {
    warnUnverified(target, verdict);
    return undefined;
  }
  const file = target.knownHostsFiles[0];
  if (file === undefined) return undefined;
  try {
    appendKnownHost(file, name, key);
    logger.info(
      'known-hosts',
      `the new host key of ${name} is recorded in ${shortPath(file)}: ${verdict.keyType} ${verdict.fingerprint}`,
    );
  } catch (error) {
    // As ssh does: the key was acceptable, only the next connection will meet it as new again.
    logger.warn(
      'known-hosts',
      `the new host key of ${name} cannot be recorded in ${show(file)}: ${messageOf(error)}`,
    );
  }
  return undefined;
}
