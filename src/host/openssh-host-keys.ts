import { RookeryError } from '../util/index.js';
import { findKnownLines } from './known-hosts-file.js';
import { hostKeyError, knownHostName, lookupFingerprint, warnUnverified } from './known-hosts.js';
import type { OfferedKey } from './known-hosts.js';
import type { Target } from './target.js';

/** Makes a quiet ssh (8.5 and later) say which host key it was shown, and nothing else of what it does. */
export const tellOfferedKey = ['IgnoreUnknown LogVerbose', 'LogVerbose sshconnect.c:verify_host_key():*'];

/** Lines that are for a host, with its port and without. */
function linesFor(target: Target) {
  const names = new Set([knownHostName(target), target.hostKeyName.toLowerCase()]);
  return [...names].flatMap((name) => [...findKnownLines(target.knownHostsFiles, name)]);
}

/**
 * The value of StrictHostKeyChecking that gives the target's policy its meaning: `no` would also let a key pass that has changed, and
 * both it and `accept-new` a plain key where only a certificate authority is trusted.
 */
export function strictChecking(target: Target): 'yes' | 'accept-new' | 'no' {
  if (target.hostKeyPolicy === 'strict') return 'yes';
  const lines = findKnownLines(target.knownHostsFiles, knownHostName(target));
  if (lines.some((line) => line.marker !== '@revoked')) return 'yes';
  return target.hostKeyPolicy === 'accept-new' ? 'accept-new' : 'no';
}

/** Public keys, one a line, that must be refused even without checking. */
export function revokedKeys(target: Target): string {
  return linesFor(target)
    .filter((line) => line.marker === '@revoked')
    .map((line) => `${line.type} ${line.blob.toString('base64')}\n`)
    .join('');
}

/** Keys that ssh was shown, one of each server on the way, in the order in which they were reached. */
function offeredKeys(said: string): readonly OfferedKey[] {
  return [...said.matchAll(/Server host key: (\S+) (SHA256:\S+)/g)].map(([, keyType = '', print = '']) => ({
    keyType,
    fingerprint: print,
  }));
}

/** When a host key was refused: the error that the other transport gives too. Undefined where ssh did not tell enough. */
export function refusedHostKey(target: Target, said: string): RookeryError | undefined {
  const offered = offeredKeys(said);
  const key = offered.at(-1);
  const refused = [...target.hops, target][offered.length - 1];
  if (!key || !refused) return undefined;
  const verdict = lookupFingerprint(refused, key);
  if (verdict.status === 'known') return undefined;
  const error = hostKeyError(refused, verdict);
  if (refused === target) return error;
  return new RookeryError(
    'ERR_JUMP_HOST',
    `cannot reach ${target.address}:${target.port} through ${refused.address}:${refused.port}: ${error.message}`,
    { cause: error, host: target.host.address },
  );
}

/** Warns of the servers that were reached without verifying their keys. */
export function warnOfUnverified(target: Target, said: string): void {
  const offered = offeredKeys(said);
  for (const [index, server] of [...target.hops, target].entries()) {
    if (strictChecking(server) === 'no') warnUnverified(server, offered[index]);
  }
}
