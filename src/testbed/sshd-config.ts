import { join } from 'node:path';
import type { Endpoint, Site } from './backend.js';
import { markVariable } from './endpoints.js';

/** The sshd_config(5) of one sshd; what the user passes through wins over the defaults here. */
export function serverConfig(
  site: Site,
  hosts: readonly (Endpoint & { home: string })[],
  keyFiles: readonly string[],
  version: number,
): string {
  const defaults: Record<string, string | readonly string[]> = {
    PidFile: 'none',
    LogLevel: 'INFO',
    AuthorizedKeysFile: `"${join(site.folder, 'authorized_keys')}"`,
    // The folder belongs to us, and its parent, a temporary folder, may be written by all.
    StrictModes: 'no',
    UsePAM: 'no',
    PermitRootLogin: 'prohibit-password',
    PasswordAuthentication: 'no',
    KbdInteractiveAuthentication: 'no',
    AllowUsers: site.user,
    PermitUserEnvironment: 'no',
    PermitUserRC: 'no',
    PrintMotd: 'no',
    PrintLastLog: 'no',
    UseDNS: 'no',
    X11Forwarding: 'no',
    Subsystem: 'sftp internal-sftp',
    MaxStartups: `${10 * hosts.length}:30:${100 * hosts.length}`,
    // All hosts see the same client: one refused login would ban it from the others.
    ...(version >= 9.8 ? { PerSourcePenalties: 'no' } : {}),
  };
  const given = Object.entries(site.options.sshdOptions ?? {});
  const overridden = new Set(given.map(([name]) => name.toLowerCase()));
  const lines = [
    ...(site.options.listenAddress
      ? [`ListenAddress ${site.options.listenAddress}:${hosts[0]?.port}`]
      : hosts.map(({ address, port }) => `ListenAddress ${address}:${port}`)),
    ...keyFiles.map((file) => `HostKey "${file}"`),
    ...Object.entries(defaults).flatMap(([name, value]) =>
      overridden.has(name.toLowerCase()) ? [] : [value].flat().map((v) => `${name} ${v}`),
    ),
    ...given.flatMap(([name, value]) =>
      name.toLowerCase() === 'setenv' ? [] : [value].flat().map((v) => `${name} ${v}`),
    ),
  ];
  const environment = given
    .filter(([name]) => name.toLowerCase() === 'setenv')
    .flatMap(([, value]) => [value].flat().map(String));
  for (const { address, port, home } of hosts) {
    // sshd heeds only the first SetEnv that applies, so that all variables stand in one line.
    lines.push(
      `Match LocalAddress ${address} LocalPort ${port}`,
      `  SetEnv ${[...variables(site, home), ...environment].join(' ')}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/**
 * The mark by which processes are found; a home of its own, where no start-up files of the user's shell slow every command
 * down; and our own PATH, so that programs found here are found there.
 */
function variables(site: Site, home: string): string[] {
  const path = process.env['PATH'] ?? '';
  return [
    `${markVariable}=${site.id}`,
    `"HOME=${home}"`,
    ...(path && !/["\\\n\r]/.test(path) ? [`"PATH=${path}"`] : []),
  ];
}
