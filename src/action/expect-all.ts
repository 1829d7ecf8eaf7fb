import type { ExpectOptions, ExpectResult, ProcessBase } from '../process/index.js';
import { messageOf, RookeryError } from '../util/index.js';
import { nameProcesses } from './describe.js';

/** `expect()` on each process. Waits for all, so that one failure does not hide what became of the others. */
export async function expectAll(
  processes: readonly ProcessBase[],
  patterns: RegExp | string | readonly (RegExp | string)[],
  options: ExpectOptions,
): Promise<ExpectResult[]> {
  const outcomes = await Promise.allSettled(processes.map((process) => process.expect(patterns, options)));
  const results: ExpectResult[] = [];
  const failed: ProcessBase[] = [];
  let first: unknown;
  outcomes.forEach((outcome, i) => {
    if (outcome.status === 'fulfilled') return void results.push(outcome.value);
    if (failed.length === 0) first = outcome.reason;
    failed.push(processes[i] as ProcessBase);
  });
  if (failed.length === 0) return results;
  // Misuse, such as a bad pattern, concerns all processes alike.
  if (!(first instanceof RookeryError) || first.code === 'ERR_INVALID_ARGUMENT') throw first;
  const count = `${failed.length} of ${processes.length} processes`;
  throw new RookeryError(
    first.code,
    `expect() failed for ${count} (${nameProcesses(failed)}): ${messageOf(first)}`,
    {
      cause: first,
      ...(first.host === undefined ? {} : { host: first.host }),
    },
  );
}
