import { failuresByKind } from '../action/index.js';
import type { Host } from '../host/index.js';
import type { ProcessBase } from '../process/index.js';
import type { Paint } from './colors.js';
import { exitCodes } from './exit-codes.js';
import { foldNames } from './gathered-output.js';

/** Codes of errors that are about files and not about reaching a host. */
const ofFiles = new Set(['ERR_TRANSFER', 'ERR_SOURCE_CHANGED', 'ERR_VERIFY', 'ERR_OUTPUT_HANDLER']);

/** The hosts that failed, by cause, folded; the most frequent cause first. Empty when none has. */
export function describeFailures(
  processes: readonly ProcessBase[],
  names: ReadonlyMap<Host, string>,
  paint: Paint,
): string {
  const failed = processes.filter((p) => !p.ok);
  if (failed.length === 0) return '';
  const lines = [paint(['bold', 'red'], `${failed.length} of ${processes.length} failed`)];
  for (const [kind, group] of failuresByKind(failed)) {
    lines.push(`  ${paint('red', `${kind} (${group.length})`)}: ${foldNames(group, names)}`);
    const messages = new Set(group.flatMap(({ error }) => (error ? [firstLine(error.message)] : [])));
    // Messages often name the host: one is enough to see what it is about.
    for (const message of [...messages].slice(0, 1)) lines.push(`    ${message}`);
  }
  return `${lines.join('\n')}\n`;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

/** The exit code that tells the worst of what happened. */
export function exitCodeOf(processes: readonly ProcessBase[]): number {
  return processes.reduce<number>((worst, process) => Math.max(worst, codeOf(process)), exitCodes.ok);
}

function codeOf(process: ProcessBase): number {
  if (process.ok) return exitCodes.ok;
  if (process.timedOut) return exitCodes.timeout;
  if (process.error && !ofFiles.has(process.error.code)) return exitCodes.unreachable;
  return exitCodes.failed;
}
