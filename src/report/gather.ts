import type { ProcessBase, StreamName } from '../process/index.js';

/** Processes that wrote the same. */
export interface OutputGroup {
  /** What each of them wrote, without the newlines at its end. */
  readonly text: string;
  readonly processes: readonly ProcessBase[];
}

/**
 * Processes by what they wrote to one stream (default `'stdout'`), the most common output first; those that wrote nothing are left
 * out. Of long output, the part that is kept is compared: see the option `maxOutput`.
 */
export function gatherOutput(
  processes: Iterable<ProcessBase>,
  options: { stream?: StreamName } = {},
): OutputGroup[] {
  const groups = new Map<string, ProcessBase[]>();
  for (const process of processes) {
    const text = process[options.stream ?? 'stdout'].replace(/[\r\n]+$/, '');
    if (text === '') continue;
    const group = groups.get(text);
    if (group) group.push(process);
    else groups.set(text, [process]);
  }
  return [...groups]
    .map(([text, group]) => ({ text, processes: group }))
    .sort((a, b) => b.processes.length - a.processes.length);
}
