import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { FileCache, fileStamp } from './paths.js';

/** Key files that are offered when nothing else was said, and exist. */
export function defaultKeyFiles(): string[] {
  return ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((name) => join(homedir(), '.ssh', name)).filter(existsSync);
}

/** The certificate that `ssh` would present with a key, if there is one. */
export function certificateBeside(keyfile: string): string | undefined {
  const path = `${keyfile}-cert.pub`;
  return fileStamp(path) === undefined ? undefined : path;
}

/** Whether a key lives in a FIDO security key: the file is only a handle, and signing needs the device. */
export function isSecurityKey(keyfile: string): boolean {
  try {
    return securityKeyFiles.get(`${keyfile}.pub`) ?? securityKeyFiles.get(keyfile) ?? false;
  } catch {
    return false; // Unreadable: the connection says so, at its time.
  }
}

/** Undefined when there is no such file. */
const securityKeyFiles = new FileCache<boolean | undefined>((content) => {
  if (content === undefined) return undefined;
  if (/^(sk-ssh-|sk-ecdsa-)/.test(content)) return true;
  // PROTOCOL.key: the public half, with its type's name, stands before everything that is encrypted.
  const body = /BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(content)?.[1];
  if (body === undefined) return false;
  const head = Buffer.from(body.slice(0, 600), 'base64').toString('latin1');
  return head.includes('sk-ssh-ed25519@openssh.com') || head.includes('sk-ecdsa-sha2-nistp256@openssh.com');
});
