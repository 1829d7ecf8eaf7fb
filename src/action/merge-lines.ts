import type { ProcessBase, StreamName } from '../process/index.js';

/** A line of output, and the process it comes from. */
export interface ProcessLine {
  readonly line: string;
  readonly process: ProcessBase;
}

interface Offer {
  readonly value: ProcessLine;
  readonly taken: () => void;
}

/**
 * The lines of many processes as one sequence, in the order they come. Each process has one line on offer at most, and is read
 * on when that was taken.
 */
export async function* mergeLines(
  processes: readonly ProcessBase[],
  options: { stream?: StreamName },
): AsyncIterableIterator<ProcessLine> {
  const offers: Offer[] = [];
  let wake: (() => void) | undefined;
  let open = processes.length;
  let stopped = false;
  let failure: { error: unknown } | undefined;
  const sources = processes.map((process) => process.lines(options));

  const pump = async (process: ProcessBase, lines: AsyncIterableIterator<string>) => {
    try {
      for await (const line of lines) {
        if (stopped) return;
        await new Promise<void>((taken) => {
          offers.push({ value: { line, process }, taken });
          wake?.();
        });
      }
    } catch (error) {
      failure ??= { error };
    } finally {
      open--;
      wake?.();
    }
  };
  processes.forEach((process, i) => void pump(process, sources[i] as AsyncIterableIterator<string>));

  try {
    while (open > 0 || offers.length > 0) {
      if (failure) throw failure.error;
      const batch = offers.splice(0);
      for (const offer of batch) {
        yield offer.value;
        offer.taken();
      }
      if (batch.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      wake = undefined;
    }
  } finally {
    stopped = true;
    for (const offer of offers) offer.taken();
    for (const source of sources) void source.return?.();
  }
}
