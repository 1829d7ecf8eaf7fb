import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { InvalidArgument, logger, messageOf, show } from '../util/index.js';
import { Host, type HostLike } from './host.js';
import { expandNames, splitNames } from './host-ranges.js';

/** One host, several, or host list expressions. */
export type HostListItem = HostLike | readonly HostListItem[];

/**
 * Hosts from host list expressions: names separated by commas or white space, with numeric ranges in brackets: `n[1-3]`, zero-padded
 * `n[01-16,20].site`, with a step `n[1-9/2]`, several in one name (every combination); `user@` and `:port` are kept; `!n[07-09]` takes hosts
 * away, wherever it stands (a name without a dot also means `n07.anything` when no `n07` is there). Repeated hosts are left out.
 *
 * @throws InvalidArgument, with the value and the position, for a bracket that is not closed, a range that is empty or
 * reversed, or more than a million names.
 * @example
 * hostList('root@n[01-16].site,m[1-3]', '!m2', new Host('gateway'));
 */
export function hostList(...items: readonly HostListItem[]): Host[] {
  const lists: ParsedList[] = [];
  for (const item of items.flat(20) as HostLike[]) {
    lists.push(
      typeof item === 'string' ? parseList(item, 'host list') : { hosts: [new Host(item)], excluded: [] },
    );
  }
  return combine(lists);
}

/**
 * Hosts from a file of host list expressions, any number per line, with `#` comments; `'-'` reads standard input. Rejects with InvalidArgument,
 * with file and line, for what {@link hostList} refuses, and for a file that cannot be read.
 */
export async function hostListFromFile(path: string): Promise<Host[]> {
  const name = path === '-' ? 'standard input' : path;
  let content: string;
  try {
    content = path === '-' ? await readAll(process.stdin) : await readFile(path, 'utf8');
  } catch (error) {
    throw new InvalidArgument(`host file ${show(path)} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const lines = content.split('\n').map((line) => line.replace(/(^|\s)#.*$/, ''));
  return combine(lines.map((line, index) => parseList(line, `${name} line ${index + 1}`)));
}

/**
 * Hosts in the order given, repetitions included, of whatever a list of hosts can be written as. A string is one host, unless it holds
 * brackets, commas or `!`: then it is a host list expression.
 */
export function toHosts(hosts: HostListItem): Host[] {
  const items = (Array.isArray(hosts) ? hosts.flat(20) : [hosts]) as HostLike[];
  return items.flatMap((item) => {
    if (item instanceof Host) return [item];
    if (typeof item === 'string' && isExpression(item)) return hostList(item);
    return [new Host(item)];
  });
}

function isExpression(text: string): boolean {
  return /[,!]/.test(text) || /\[(?![0-9a-f.]*:)/i.test(text);
}

interface ParsedList {
  readonly hosts: readonly Host[];
  readonly excluded: readonly Host[];
}

function parseList(text: string, place: string): ParsedList {
  const hosts: Host[] = [];
  const excluded: Host[] = [];
  for (const { name, negated, position } of splitNames(text, place)) {
    for (const single of expandNames(name, text, position, place)) {
      (negated ? excluded : hosts).push(makeHost(single, text, place));
    }
  }
  return { hosts, excluded };
}

function makeHost(name: string, text: string, place: string): Host {
  try {
    return new Host(name);
  } catch (error) {
    if (!(error instanceof InvalidArgument) || name === text) throw error;
    throw new InvalidArgument(`${place}: ${error.message}`);
  }
}

function combine(lists: readonly ParsedList[]): Host[] {
  const found = new Map<string, Host>();
  for (const host of lists.flatMap((list) => list.hosts)) {
    const key = identity(host);
    if (!found.has(key)) found.set(key, host);
  }
  const excluded = lists.flatMap((list) => list.excluded);
  return excluded.length === 0 ? [...found.values()] : exclude([...found.values()], excluded);
}

/** Tells apart hosts that are reached differently. */
function identity(host: Host): string {
  const plain = host.keyfile === undefined && Object.getOwnPropertyNames(host.params).length === 0;
  return plain ? host.toString() : JSON.stringify(host);
}

function exclude(hosts: readonly Host[], excluded: readonly Host[]): Host[] {
  const byAddress = groupBy(hosts, (host) => host.address);
  const byLabel = groupBy(hosts, (host) => host.address.split('.')[0] ?? '');
  const gone = new Set<Host>();
  for (const one of excluded) {
    const candidates =
      byAddress.get(one.address) ?? (/[a-z]/i.test(one.address) ? byLabel.get(one.address) : undefined);
    const matching = (candidates ?? []).filter(
      (host) => (one.user ?? host.user) === host.user && (one.port ?? host.port) === host.port,
    );
    if (matching.length === 0) logger.warn('host', `host list: !${one.toString()} takes nothing away`);
    for (const host of matching) gone.add(host);
  }
  return hosts.filter((host) => !gone.has(host));
}

function groupBy(hosts: readonly Host[], key: (host: Host) => string): Map<string, Host[]> {
  const groups = new Map<string, Host[]>();
  for (const host of hosts) {
    const name = key(host);
    const group = groups.get(name);
    if (group) group.push(host);
    else groups.set(name, [host]);
  }
  return groups;
}
