import type { ProcessBase } from '../process/index.js';
import { RookeryError } from '../util/index.js';
import type { Action } from './action.js';
import { failuresByKind, nameProcesses } from './describe.js';

/** Processes of one kind of failure whose last words are shown. */
const quoted = 3;

/** Thrown by `orThrow()` on actions that have failed: how many processes, why and where, and what some of them said. */
export class ActionsFailed extends RookeryError {
  override name = 'ActionsFailed';
  readonly actions: readonly Action[];
  /** The processes that are not ok. */
  readonly processes: readonly ProcessBase[];

  constructor(actions: readonly Action[]) {
    const processes = actions.flatMap((action) => action.processes.filter((p) => !p.ok));
    const messages = actions.map(summary);
    super('ERR_ACTIONS_FAILED', messages.join('\n'), { cause: processes.find((p) => p.error)?.error });
    this.actions = actions;
    this.processes = processes;
  }
}

function summary(action: Action): string {
  const failed = action.processes.filter((p) => !p.ok);
  const lines = [`${action.name}: ${failed.length} of ${action.processes.length} processes failed`];
  for (const [kind, group] of failuresByKind(failed)) {
    lines.push(`  ${kind} (${group.length}): ${nameProcesses(group)}`);
    for (const process of group.slice(0, quoted)) {
      const words = lastWords(process);
      if (words) lines.push(`    ${process.host ? `${process.host.toString()}: ` : ''}${words}`);
    }
  }
  return lines.join('\n');
}

/** The message of its error, or the first line it wrote to stderr. */
function lastWords(process: ProcessBase): string | undefined {
  const text = process.error?.message ?? process.stderr.trimStart();
  return text.split('\n', 1)[0]?.slice(0, 300) || undefined;
}
