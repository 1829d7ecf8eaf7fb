import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';

export function findSshd(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin'];
  // It must be called by its absolute path, since it starts itself again for every connection.
  return folders
    .map((folder) => join(folder, 'sshd'))
    .find((file) => file.startsWith('/') && isExecutable(file));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Reasons for which sshd would let this account log in nowhere. */
export function refusedAccount(wanted: string | undefined): string | undefined {
  let me;
  try {
    me = userInfo();
  } catch {
    return 'sshd cannot log in to an account that the system does not know; use the embedded backend';
  }
  const user = wanted ?? me.username;
  if (user !== me.username && me.uid !== 0) return `only root can start an sshd that logs in as ${user}`;
  const shell = user === me.username ? me.shell : '/bin/sh';
  if (shell && (!isExecutable(shell) || /\/(nologin|false)$/.test(shell))) {
    return `the account ${user} has the login shell ${shell}, so sshd would refuse it`;
  }
  if (me.uid === 0 && isLocked(user))
    return `the account ${user} is locked ("passwd -u ${user}"), so sshd would refuse it`;
  return undefined;
}

/** With `UsePAM no`, sshd refuses accounts whose password begins with `!`, by keys too. */
function isLocked(user: string): boolean {
  try {
    return readFileSync('/etc/shadow', 'latin1')
      .split('\n')
      .some((line) => line.startsWith(`${user}:!`));
  } catch {
    return false;
  }
}

export function versionOf(program: string): number {
  // Old versions do not know -V, and then show their version with the usage.
  const { stdout, stderr } = spawnSync(program, ['-V'], { encoding: 'utf8' });
  return Number(/OpenSSH_(\d+\.\d+)/.exec(`${stdout}${stderr}`)?.[1] ?? 0);
}
