import { readFileSync } from 'node:fs';
import ssh2, { type ParsedKey } from 'ssh2';
import { RookeryError, logger, messageOf, show } from '../util/index.js';
import { shortPath } from './paths.js';
import type { Target } from './target.js';

/** A private key, ready to sign. */
export interface PrivateKey {
  readonly path: string;
  readonly key: ParsedKey;
}

/**
 * Reads and decrypts the key files of a target, in their order. A key file that was named in connection params and cannot be
 * used throws a RookeryError `ERR_KEY_FILE`; one from the ssh configuration or the defaults is skipped. A file that holds only a
 * public key, or a key that is encrypted and has no passphrase, is left to the agent when there is one.
 */
export function loadPrivateKeys(
  target: Pick<Target, 'keyfiles' | 'keyfilesNamed' | 'passphrase' | 'agent' | 'address'>,
): readonly PrivateKey[] {
  return target.keyfiles.flatMap((path) => {
    const result = loadKey(path, target.passphrase);
    if ('key' in result) return [result];
    const problem = `key file ${show(shortPath(path))} ${result.problem}`;
    if (target.keyfilesNamed && !(result.agentMayHaveIt && target.agent !== undefined)) {
      throw new RookeryError('ERR_KEY_FILE', problem, { host: target.address, cause: result.cause });
    }
    logger.debug('keys', () => `${problem}: skipped`);
    return [];
  });
}

/** Public halves of a target's key files, as they are on the wire: to pick these keys from an agent. */
export function loadPublicKeys(target: Pick<Target, 'keyfiles' | 'passphrase'>): readonly Buffer[] {
  return target.keyfiles.flatMap((path) => {
    for (const candidate of [`${path}.pub`, path]) {
      const parsed = parse(candidate, target.passphrase);
      if ('getPublicSSH' in parsed) return [parsed.getPublicSSH()];
    }
    return [];
  });
}

interface Unusable {
  readonly problem: string;
  readonly agentMayHaveIt?: boolean;
  readonly cause?: unknown;
}

function loadKey(path: string, passphrase: string | undefined): PrivateKey | Unusable {
  const parsed = parse(path, passphrase);
  if (!('getPublicSSH' in parsed)) return parsed;
  if (!parsed.isPrivateKey())
    return { problem: 'holds a public key, not a private one', agentMayHaveIt: true };
  return { path, key: parsed };
}

function parse(path: string, passphrase: string | undefined): ParsedKey | Unusable {
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return { problem: missing ? 'does not exist' : `cannot be read: ${messageOf(error)}`, cause: error };
  }
  try {
    // ssh2 returns what it could not parse as an error, and in some versions a list of keys.
    const parsed = ssh2.utils.parseKey(content, passphrase) as ParsedKey | ParsedKey[] | Error;
    const key = Array.isArray(parsed) ? parsed[0] : parsed;
    if (key && !(key instanceof Error)) return key;
    return explain(key?.message ?? '', passphrase);
  } catch (error) {
    return explain(messageOf(error), passphrase);
  }
}

/** ssh2 tells the reason in words only; its words may hold nothing of the key, but they are not ours to pass on. */
function explain(message: string, passphrase: string | undefined): Unusable {
  if (/no passphrase|passphrase given|encrypted/i.test(message) && passphrase === undefined) {
    return {
      problem: "is encrypted: give connection param 'passphrase', or load it into an agent",
      agentMayHaveIt: true,
    };
  }
  if (passphrase !== undefined && /integrity|bad passphrase|decrypt|malformed/i.test(message)) {
    return { problem: 'cannot be decrypted: the passphrase is wrong, or the file is damaged' };
  }
  if (/unsupported/i.test(message) && !/unsupported key format/i.test(message))
    return { problem: 'holds a key of a kind that ssh2 does not support' };
  return { problem: 'is not a private key' };
}
