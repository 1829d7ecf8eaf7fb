import { hostList, hostListFromFile, type ConnectionParams, type Host } from '../host/index.js';
import { InvalidArgument, parseDuration, show } from '../util/index.js';
import { expandGroups, loadConfig } from './config.js';
import type { HostOptions } from './host-options.js';

/** The hosts that `-w`, `--hosts-file` and `-x` name. Throws InvalidArgument when there are none. */
export async function chooseHosts(options: HostOptions): Promise<Host[]> {
  const { hosts = [], hostsFile = [], exclude = [] } = options;
  if (hosts.length === 0 && hostsFile.length === 0)
    throw new InvalidArgument('no hosts: name some with -w, or in a file with --hosts-file');
  const { groups } = (await loadConfig()).config;
  const lists: (string | Host[])[] = [];
  for (const text of hosts)
    lists.push(text === '-' ? await hostListFromFile('-') : expandGroups(text, groups));
  for (const file of hostsFile) lists.push(await hostListFromFile(file));
  const without = hostList(expandGroups(exclude.join(','), groups, '-x'));
  const chosen = hostList(...lists, ...without.map((host) => `!${host.toString()}`));
  if (chosen.length === 0) throw new InvalidArgument('no hosts: the list is empty');
  return chosen;
}

/** What the options say about how to reach them. */
export function connectionParams(options: HostOptions): ConnectionParams {
  const { user, port, jump, key, sshConfig, option, connectTimeout, retries } = options;
  return {
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port: toCount('--port', port) }),
    ...(jump === undefined ? {} : { proxyJump: jump }),
    ...(key === undefined ? {} : { keyfile: key }),
    ...(sshConfig === undefined ? {} : { sshConfig }),
    ...(option === undefined ? {} : { sshOptions: option }),
    ...(connectTimeout === undefined
      ? {}
      : { connectTimeout: parseDuration(connectTimeout, '--connect-timeout') }),
    ...(retries === undefined ? {} : { retries: toCount('--retries', retries) }),
  };
}

/** A whole number ≥ 0 from the command line. */
export function toCount(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgument(`${name} must be a whole number, not ${show(text)}`);
  return Number(text);
}

/** How hosts are called in output: by their address, unless two have the same. */
export function hostNames(hosts: readonly Host[]): ReadonlyMap<Host, string> {
  const times = new Map<string, number>();
  for (const { address } of hosts) times.set(address, (times.get(address) ?? 0) + 1);
  return new Map(hosts.map((host) => [host, times.get(host.address) === 1 ? host.address : host.toString()]));
}
