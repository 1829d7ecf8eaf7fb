import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { revokedKeys, strictChecking, tellOfferedKey } from './openssh-host-keys.js';
import type { Target } from './target.js';

/** What was resolved, as ssh_config(5); the user's file follows, for what only OpenSSH understands. */
export async function configFor(
  target: Target,
  folder: string,
): Promise<{ config: string; environment: Record<string, string> }> {
  const revoked = await Promise.all(
    [...target.hops, target].map((server, i) => revokedFile(server, join(folder, `revoked-${i}`))),
  );
  const hops = target.hops.map((hop, i) =>
    [
      `Host ${hopName(i)}`,
      ...settings(hop, true, revoked[i]),
      i > 0 ? `  ProxyJump ${hopName(i - 1)}` : '',
    ].join('\n'),
  );
  const jump = target.hops.length > 0 ? `  ProxyJump ${hopName(target.hops.length - 1)}` : '';
  const options = target.sshOptions.map((option) => `  ${option.replace(/^([A-Za-z0-9]+)\s*=?\s*/, '$1 ')}`);
  const own = [
    `Host ${quote(targetName(target))}`,
    ...options,
    ...settings(target, false, revoked.at(-1)),
    jump,
  ].join('\n');
  const include =
    target.sshConfigFile === 'none'
      ? ''
      : `Match all\nInclude ${quote(target.sshConfigFile ?? '~/.ssh/config')}\n`;
  const system = target.sshConfigFile === undefined ? 'Include /etc/ssh/ssh_config\n' : '';
  return {
    config: `${[own, ...hops].join('\n')}\n${include}${system}`,
    environment: await askpass(target, folder),
  };
}

/** The name the user gave, so that the patterns of their file match; its HostName is what was resolved. */
export function targetName(target: Target): string {
  return target.alias;
}
const hopName = (index: number) => `rookery-hop-${index}`;

/** Without checking, ssh goes on with a revoked key unless it is in a file of such. */
async function revokedFile(target: Target, file: string): Promise<string | undefined> {
  const keys = strictChecking(target) === 'no' ? revokedKeys(target) : '';
  if (keys === '') return undefined;
  await writeFile(file, keys, { mode: 0o600 });
  return file;
}

/** Only at DEBUG1 does ssh repeat what a server says in the place of its banner, such as that it is too busy. */
function settings(target: Target, jump: boolean, revoked: string | undefined): string[] {
  const checking = strictChecking(target);
  // With `no` ssh would record what it has not checked.
  const files = checking === 'no' ? ['/dev/null'] : target.knownHostsFiles;
  const knownHosts = files.length > 0 ? files.map(quote).join(' ') : 'none';
  const seconds = (ms: number) => Math.max(1, Math.ceil(ms / 1000));
  const secret = target.password !== undefined || target.passphrase !== undefined;
  return [
    `HostName ${target.address}`,
    `Port ${target.port}`,
    `User ${quote(target.user)}`,
    ...target.keyfiles.map((file) => `IdentityFile ${quote(file)}`),
    target.identitiesOnly ? 'IdentitiesOnly yes' : '',
    `IdentityAgent ${target.agent === undefined ? 'none' : quote(target.agent)}`,
    `StrictHostKeyChecking ${checking}`,
    `UserKnownHostsFile ${knownHosts}`,
    revoked === undefined ? '' : `RevokedHostKeys ${quote(revoked)}`,
    'GlobalKnownHostsFile none',
    target.hostKeyName === target.address ? '' : `HostKeyAlias ${target.hostKeyName}`,
    `ConnectTimeout ${seconds(target.connectTimeout)}`,
    target.keepalive > 0 ? `ServerAliveInterval ${seconds(target.keepalive)}` : '',
    `ServerAliveCountMax ${target.keepaliveCount}`,
    `BatchMode ${secret ? 'no' : 'yes'}`,
    'NumberOfPasswordPrompts 1',
    'ControlMaster no',
    'ForwardAgent no',
    'ForwardX11 no',
    ...(jump ? ['LogLevel ERROR', ...tellOfferedKey] : ['LogLevel DEBUG1']),
  ]
    .filter((line) => line !== '')
    .map((line) => `  ${line}`);
}

/** ssh_config(5) has no escape for a double quote inside one; such a path cannot be written there. */
function quote(text: string): string {
  return `"${text.replaceAll('%', '%%')}"`;
}

/** ssh asks a program for secrets: it gives them from a file that only we can read, so they are in no argument or variable. */
async function askpass(target: Target, folder: string): Promise<Record<string, string>> {
  const { password, passphrase } = target;
  if (password === undefined && passphrase === undefined) return {};
  const program = join(folder, 'askpass');
  await writeFile(join(folder, 'password'), `${password ?? ''}\n`, { mode: 0o600 });
  await writeFile(join(folder, 'passphrase'), `${passphrase ?? ''}\n`, { mode: 0o600 });
  await writeFile(
    program,
    `#!/bin/sh\ncase "$1" in *passphrase*) f=passphrase;; *) f=password;; esac\nexec cat "\${0%/*}/$f"\n`,
  );
  await chmod(program, 0o700);
  return { SSH_ASKPASS: program, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' };
}
