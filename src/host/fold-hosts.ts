import type { Host } from './host.js';
import { bracketed } from './host-syntax.js';

/** Texts and numbers in turn: `n`, `01`, `.site`. */
type Pieces = readonly string[];

/**
 * The shortest host list expression we know for some hosts: `'n[01-16].site,m[1-3]'`, for display; {@link hostList} gives the same hosts
 * back, in order of first appearance of each kind of name. Only user, address and port are written.
 */
export function foldHosts(hosts: Iterable<Host>): string {
  const kinds = new Map<string, Pieces[]>();
  const seen = new Set<string>();
  for (const host of hosts) {
    const name = host.toString();
    if (seen.has(name)) continue;
    seen.add(name);
    const pieces = split(host);
    // Names can be folded together only when they differ in numbers alone.
    const kind = pieces.filter((_, i) => i % 2 === 0).join('\0');
    const group = kinds.get(kind);
    if (group) group.push(pieces);
    else kinds.set(kind, [pieces]);
  }
  return [...kinds.values()].flatMap((group) => fold(group).map((pieces) => pieces.join(''))).join(',');
}

function split(host: Host): Pieces {
  const head = host.user === undefined ? '' : `${host.user}@`;
  const tail = host.port === undefined ? '' : `:${host.port}`;
  if (host.address.includes(':')) return [`${head}${bracketed(host.address)}${tail}`];
  // Numbers too long to count exactly stay text.
  const pieces = host.address.split(/((?<!\d)\d{1,15}(?!\d))/);
  pieces[0] = head + (pieces[0] ?? '');
  pieces[pieces.length - 1] += tail;
  return pieces;
}

/** One number after the other, the last first: names that are the same in all else become one with a range there. */
function fold(names: readonly Pieces[]): readonly Pieces[] {
  let folded = names;
  for (let at = (names[0]?.length ?? 1) - 2; at > 0; at -= 2) {
    const groups = new Map<string, Pieces[]>();
    for (const pieces of folded) {
      const key = pieces.with(at, '').join('\0');
      const group = groups.get(key);
      if (group) group.push(pieces);
      else groups.set(key, [pieces]);
    }
    folded = [...groups.values()].map((group) => {
      const first = group[0] as Pieces;
      return group.length === 1 ? first : first.with(at, ranges(group.map((pieces) => pieces[at] ?? '')));
    });
  }
  return folded;
}

/** `[01-03,07,1-2]`: numbers padded to different widths are different numbers, and stand in ranges of their own. */
function ranges(numbers: readonly string[]): string {
  const widths = new Set(numbers.filter((n) => n.length > 1 && n.startsWith('0')).map((n) => n.length));
  const byWidth = new Map<number, number[]>();
  for (const number of numbers) {
    const width = widths.has(number.length) ? number.length : 1;
    const values = byWidth.get(width);
    if (values) values.push(Number(number));
    else byWidth.set(width, [Number(number)]);
  }
  const parts: string[] = [];
  for (const [width, values] of [...byWidth].sort(([a], [b]) => b - a)) {
    const pad = (value: number) => String(value).padStart(width, '0');
    values.sort((a, b) => a - b);
    for (let i = 0; i < values.length;) {
      const low = values[i] as number;
      let high = low;
      for (i++; values[i] === high + 1; i++) high++;
      if (high === low) parts.push(pad(low));
      else parts.push(`${pad(low)}-${pad(high)}`);
    }
  }
  return `[${parts.join(',')}]`;
}
