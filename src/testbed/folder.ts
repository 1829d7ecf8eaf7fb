import { randomBytes } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import type { Station } from './backend.js';

const prefix = 'rookery-testbed-';

/** Identifies the table of process numbers: containers that share a temporary folder do not share processes. */
function processNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return 'host';
  }
}

/** Makes a private folder that names its owner, after removing those whose owner is dead. */
export function makeFolder(): string {
  removeStaleFolders();
  const folder = mkdtempSync(join(tmpdir(), prefix));
  writeFileSync(join(folder, 'owner'), `${process.pid} ${processNamespace()}\n`);
  mkdirSync(join(folder, 'hosts'));
  return folder;
}

function removeStaleFolders(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const folder = join(tmpdir(), name);
    try {
      const [pid = '', namespace] = readFileSync(join(folder, 'owner'), 'utf8').trim().split(' ');
      if (namespace !== processNamespace() || isAlive(Number(pid))) continue;
      rmSync(folder, { recursive: true, force: true });
    } catch {
      continue; // Someone else's, not complete yet, or being removed at this moment.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

export interface KeyPair {
  /** In the format of OpenSSH. */
  readonly private: string;
  /** `'type base64'` */
  readonly public: string;
}

/** Makes a key. ssh2 1.17 strips leading zero bytes of keys, so that one in 200 is malformed: those are thrown away. */
export function makeKey(type: 'ed25519' | 'ecdsa'): KeyPair {
  for (;;) {
    const pair =
      type === 'ed25519'
        ? ssh2.utils.generateKeyPairSync('ed25519')
        : ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 });
    const key = ssh2.utils.parseKey(pair.private);
    if (key instanceof Error || key.verify('text', key.sign('text')) !== true) continue;
    return { private: pair.private, public: pair.public.trim().split(/\s+/).slice(0, 2).join(' ') };
  }
}

/** Writes a private key and, beside it, its public half. */
export function writeKey(file: string, key: KeyPair): void {
  writeFileSync(file, key.private, { mode: 0o600 });
  writeFileSync(`${file}.pub`, `${key.public} rookery-testbed\n`);
}

export function newId(): string {
  return randomBytes(8).toString('hex');
}

export function writeKnownHosts(file: string, stations: readonly Station[]): void {
  const lines = stations.flatMap(({ address, port, hostKeys }) =>
    hostKeys.map((key) => `[${address}]:${port} ${key}\n`),
  );
  writeFileSync(file, lines.join(''));
}

/** An ssh_config(5) that reaches host number i by its address and as `host<i>`, from 1. */
export function writeSshConfig(
  file: string,
  stations: readonly Station[],
  common: { user: string; keyfile: string; knownHostsFile: string },
): void {
  const blocks = stations.map(({ address, port }, i) => {
    const names = isUnique(stations, address) ? `host${i + 1} ${address}` : `host${i + 1}`;
    return [
      `Host ${names}`,
      `HostName ${address}`,
      `Port ${port}`,
      `User ${common.user}`,
      `IdentityFile "${common.keyfile}"`,
      'IdentitiesOnly yes',
      `UserKnownHostsFile "${common.knownHostsFile}"`,
      'GlobalKnownHostsFile none',
      'StrictHostKeyChecking yes',
    ].join('\n  ');
  });
  writeFileSync(file, `${blocks.join('\n\n')}\n`);
}

function isUnique(stations: readonly Station[], address: string): boolean {
  return (
    stations.length === 1 || stations[0]?.address !== stations[1]?.address || stations[0]?.address !== address
  );
}
