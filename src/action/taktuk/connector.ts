import type { Target } from '../../host/index.js';
import { InvalidArgument, quotePosix } from '../../util/index.js';

const path = (text: string) => `"${text.replaceAll('%', '%%')}"`;

/**
 * The command by which TakTuk reaches one host, with its user and port. TakTuk gives it to other hosts of its tree, which run it
 * there: what it names, such as key files, must be there as well.
 */
export function connectorFor(target: Target): string {
  if (target.password !== undefined || target.passphrase !== undefined) {
    throw new InvalidArgument(
      `host ${target.host.toString()}: TakTuk cannot be given a password or passphrase; use a key without one, or an agent`,
    );
  }
  const seconds = (ms: number) => Math.max(1, Math.ceil(ms / 1000));
  const checking = { strict: 'yes', 'accept-new': 'accept-new', off: 'no' }[target.hostKeyPolicy];
  const files = checking === 'no' ? ['/dev/null'] : target.knownHostsFiles;
  const options = [
    ...target.sshOptions,
    'BatchMode=yes',
    ...target.keyfiles.map((file) => `IdentityFile=${path(file)}`),
    ...(target.identitiesOnly ? ['IdentitiesOnly=yes'] : []),
    `StrictHostKeyChecking=${checking}`,
    ...(files.length > 0 ? [`UserKnownHostsFile=${files.map(path).join(' ')}`] : []),
    ...(target.hostKeyName === target.address ? [] : [`HostKeyAlias=${target.hostKeyName}`]),
    `ConnectTimeout=${seconds(target.connectTimeout)}`,
    ...(target.keepalive > 0 ? [`ServerAliveInterval=${seconds(target.keepalive)}`] : []),
    `ServerAliveCountMax=${target.keepaliveCount}`,
    'ControlMaster=no',
    'ControlPath=none',
    'LogLevel=ERROR',
  ];
  const jumps = target.hops.map(
    (hop) => `${hop.user}@${hop.address.includes(':') ? `[${hop.address}]` : hop.address}:${hop.port}`,
  );
  const words = [
    'ssh',
    ...(target.sshConfigFile === undefined ? [] : ['-F', target.sshConfigFile]),
    ...options.flatMap((option) => ['-o', option]),
    ...(jumps.length > 0 ? ['-J', jumps.join(',')] : []),
    ...['-p', String(target.port), '-l', target.user],
  ];
  return words.map(quotePosix).join(' ');
}
