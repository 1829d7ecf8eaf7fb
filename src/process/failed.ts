import { RookeryError } from '../util/index.js';
import type { ProcessBase } from './base.js';

/** Thrown by `orThrow()`: the failed processes, and what each said last. */
export class ProcessesFailed extends RookeryError {
  override name = 'ProcessesFailed';
  readonly processes: readonly ProcessBase[];
  constructor(processes: readonly ProcessBase[]) {
    const shown = processes.slice(0, 5).map((p) => `${p.toString()}${lastWords(p)}`);
    if (processes.length > shown.length) shown.push(`and ${processes.length - shown.length} more`);
    super('ERR_PROCESSES_FAILED', shown.join('\n'), { cause: processes[0]?.error });
    this.processes = processes;
  }
}

function lastWords(p: ProcessBase): string {
  const line = p.stderr.trimEnd().split('\n').at(-1)?.slice(-300);
  return line ? `\n  stderr: ${line}` : '';
}
