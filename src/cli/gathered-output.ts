import type { Writable } from 'node:stream';
import { foldHosts, Host } from '../host/index.js';
import type { ProcessBase } from '../process/index.js';
import { gatherOutput, type OutputGroup } from '../report/index.js';
import type { Paint } from './colors.js';

/** Short names for the hosts of processes, folded: addresses alone where they tell hosts apart. */
export function foldNames(processes: readonly ProcessBase[], names: ReadonlyMap<Host, string>): string {
  const hosts = processes.flatMap(({ host }) => (host ? [host] : []));
  const short = hosts.every((host) => names.get(host) === host.address);
  return foldHosts(short ? hosts.map(({ address }) => new Host({ address })) : hosts);
}

interface Show {
  readonly names: ReadonlyMap<Host, string>;
  readonly paint: Paint;
  readonly diff: boolean;
}

/** Equal outputs once, under the hosts they are of: what was written to stdout, then what was written to stderr. */
export async function printGathered(
  processes: readonly ProcessBase[],
  show: Show,
  streams: { readonly stdout: Writable; readonly stderr: Writable },
): Promise<void> {
  for (const stream of ['stdout', 'stderr'] as const) {
    const groups = gatherOutput(processes, { stream });
    const texts = groups.map((group) => describeGroup(group, stream, show));
    if (show.diff && groups.length > 1) {
      const changes = await differences(groups, show.paint);
      for (let i = 1; i < groups.length; i++)
        texts[i] = `${heading(groups[i] as OutputGroup, stream, show)}${changes[i]}\n`;
    }
    if (texts.length > 0) streams[stream].write(texts.join(''));
  }
}

/** Equal outputs once, as text. */
export function gatheredText(processes: readonly ProcessBase[], show: Omit<Show, 'diff'>): string {
  return (['stdout', 'stderr'] as const)
    .flatMap((stream) =>
      gatherOutput(processes, { stream }).map((group) => describeGroup(group, stream, show)),
    )
    .join('');
}

function describeGroup(group: OutputGroup, stream: string, show: Omit<Show, 'diff'>): string {
  return `${heading(group, stream, show)}${group.text}\n`;
}

function heading({ processes }: OutputGroup, stream: string, { names, paint }: Omit<Show, 'diff'>): string {
  const what = stream === 'stderr' ? ' stderr' : '';
  const title = `${foldNames(processes, names)} (${processes.length})${what}`;
  const rule = '─'.repeat(Math.min(title.length, 72));
  return `${paint('bold', title)}\n${paint('dim', rule)}\n`;
}

/** How each output differs from the first, line by line. */
async function differences(groups: readonly OutputGroup[], paint: Paint): Promise<string[]> {
  const { structuredPatch } = await import('diff');
  const [most, ...others] = groups.map((group) => `${group.text}\n`);
  return [
    '',
    ...others.map((text) => {
      const { hunks } = structuredPatch('', '', most as string, text, '', '', { context: 2 });
      const lines = hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines: changed }) => [
        paint('cyan', `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`),
        ...changed.map((line) =>
          line.startsWith('+') ? paint('green', line) : line.startsWith('-') ? paint('red', line) : line,
        ),
      ]);
      return lines.join('\n');
    }),
  ];
}
