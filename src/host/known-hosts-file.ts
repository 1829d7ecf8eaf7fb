import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { logger } from '../util/index.js';
import { FileCache, shortPath } from './paths.js';
import { compilePatterns, matchesPatterns } from './patterns.js';

/** One line of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
export interface KnownHostLine {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly marker: '@revoked' | '@cert-authority' | undefined;
  readonly matches: (name: string) => boolean;
  readonly type: string;
  /** The public key in the form it has on the wire (RFC 4253, section 6.6). */
  readonly blob: Buffer;
}

/** Lines of a file by the name they are for, where a line is for fixed names; and those for patterns and hashes. */
class KnownHostsFile {
  readonly #byName = new Map<string, KnownHostLine[]>();
  readonly #others: KnownHostLine[] = [];
  readonly #found = new Map<string, readonly KnownHostLine[]>();
  /** Whether no line names a certificate authority. */
  readonly authorities: readonly KnownHostLine[];

  constructor(content: string, file: string) {
    const authorities: KnownHostLine[] = [];
    for (const [index, text] of content.split('\n').entries()) {
      const parsed = parseLine(text, file, index + 1);
      if (!parsed) continue;
      if (parsed.line.marker === '@cert-authority') authorities.push(parsed.line);
      for (const name of parsed.names ?? []) {
        const lines = this.#byName.get(name);
        if (!lines) this.#byName.set(name, [parsed.line]);
        else lines.push(parsed.line);
      }
      if (!parsed.names) this.#others.push(parsed.line);
    }
    this.authorities = authorities;
  }

  /** Lines that are for a name, in their order. Kept, because a hashed name costs an HMAC for each line. */
  find(name: string): readonly KnownHostLine[] {
    const known = this.#found.get(name);
    if (known) return known;
    const lines = [...(this.#byName.get(name) ?? []), ...this.#others.filter((line) => line.matches(name))];
    const found = [...new Set(lines)].sort((a, b) => a.line - b.line);
    this.#found.set(name, found);
    return found;
  }
}

const files = new FileCache((content, file) => new KnownHostsFile(content ?? '', file));

/** Lines of several files that are for a name; a file that is missing or cannot be read has none. */
export function findKnownLines(paths: readonly string[], name: string): readonly KnownHostLine[] {
  return paths.flatMap((path) => openFile(path)?.find(name) ?? []);
}

/** Lines by which the files trust a certificate authority for a name. */
export function findAuthorities(paths: readonly string[], name: string): readonly KnownHostLine[] {
  return paths.flatMap((path) => openFile(path)?.authorities.filter((line) => line.matches(name)) ?? []);
}

/** Must be called by whoever changes a file. */
export function forgetKnownHostsFile(path: string): void {
  files.forget(path);
}

function openFile(path: string): KnownHostsFile | undefined {
  try {
    return files.get(path);
  } catch (error) {
    logger.debug('known-hosts', () => `${shortPath(path)} is skipped: ${String(error)}`);
    return undefined;
  }
}

function parseLine(
  text: string,
  file: string,
  line: number,
): { line: KnownHostLine; names: readonly string[] | undefined } | undefined {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed.startsWith('#')) return undefined;
  const skip = (why: string) => {
    logger.debug('known-hosts', () => `${shortPath(file)} line ${line} is skipped: ${why}`);
    return undefined;
  };
  const words = trimmed.split(/\s+/);
  let marker: KnownHostLine['marker'];
  if (words[0]?.startsWith('@')) {
    if (words[0] !== '@revoked' && words[0] !== '@cert-authority') return skip('unknown marker');
    marker = words.shift() as KnownHostLine['marker'];
  }
  const [hosts, type, encoded] = words;
  if (hosts === undefined || type === undefined || encoded === undefined) return skip('it is not complete');
  const blob = Buffer.from(encoded, 'base64');
  if (keyTypeOf(blob) !== type) return skip('the key is damaged');
  const common = { file, line, marker, type, blob };
  if (hosts.startsWith('|')) {
    const matches = hashedName(hosts);
    return matches ? { line: { ...common, matches }, names: undefined } : skip('the hash is damaged');
  }
  const names = hosts.toLowerCase().split(',');
  const patterns = compilePatterns(names);
  const fixed = !/[*?!]/.test(hosts);
  return {
    line: { ...common, matches: (name) => matchesPatterns(patterns, name) },
    names: fixed ? [...new Set(names)] : undefined,
  };
}

/** `|1|salt|HMAC-SHA1(salt, name)`, both in base64. */
function hashedName(text: string): ((name: string) => boolean) | undefined {
  const match = /^\|1\|([A-Za-z0-9+/]+=*)\|([A-Za-z0-9+/]+=*)$/.exec(text);
  if (!match) return undefined;
  const salt = Buffer.from(match[1] ?? '', 'base64');
  const hash = Buffer.from(match[2] ?? '', 'base64');
  if (hash.length !== 20) return undefined;
  return (name) => timingSafeEqual(createHmac('sha1', salt).update(name).digest(), hash);
}

/** The type's name, with which every key begins; empty for what is no key. */
export function keyTypeOf(blob: Buffer): string {
  if (blob.length < 4) return '';
  const length = blob.readUInt32BE(0);
  return length <= 64 && 4 + length <= blob.length ? blob.toString('latin1', 4, 4 + length) : '';
}

/** As `ssh-keygen -l` shows it: `SHA256:` and unpadded base64. */
export function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
