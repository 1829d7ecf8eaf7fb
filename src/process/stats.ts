/**
 * What happened, in numbers; of one process, an action or a report. Dates are `Date`s, lengths milliseconds.
 */
export interface Stats {
  readonly name: string;
  /** When the first process started; undefined before that. */
  readonly start: Date | undefined;
  /** When the last process ended; undefined while one is running. */
  readonly end: Date | undefined;
  /** Milliseconds from `start` to `end`, or to now while it runs; undefined before the start. */
  readonly length: number | undefined;
  readonly total: number;
  readonly started: number;
  readonly ended: number;
  /** Processes with an `error`: could not start, lost connection, refused key … */
  readonly errors: number;
  readonly timeouts: number;
  /** Processes that needed SIGKILL. */
  readonly forcedKills: number;
  readonly expectFailures: number;
  readonly writeErrors: number;
  /** Processes that ended by themselves with an exit code other than 0, or by a signal. */
  readonly nonZeroExits: number;
  /** Processes that have not failed (so far), or whose failure is ignored. */
  readonly ok: number;
  /** Processes that have ended and are ok. */
  readonly finishedOk: number;
  /** How many failed for which reason: an error's code, `'exit 3'`, `'signal SIGKILL'`, `'timeout'`, `'killed'`, … */
  readonly failures: Readonly<Record<string, number>>;
  /** The parts, for an action of actions and for a report. */
  readonly children?: readonly Stats[];
}

/** Adds the counts of several stats; the earliest start, and the latest end once all that started have ended. */
export function sumStats(name: string, parts: readonly Stats[], children?: readonly Stats[]): Stats {
  const failures: Record<string, number> = {};
  const sum = (key: keyof Stats) => parts.reduce((total, part) => total + (part[key] as number), 0);
  let start: Date | undefined;
  let end: Date | undefined;
  let running = false;
  for (const part of parts) {
    if (part.start && (!start || part.start < start)) start = part.start;
    if (part.end && (!end || part.end > end)) end = part.end;
    if (part.start && !part.end) running = true;
    for (const [kind, count] of Object.entries(part.failures)) failures[kind] = (failures[kind] ?? 0) + count;
  }
  if (running) end = undefined;
  return {
    name,
    start,
    end,
    length: start && (end?.getTime() ?? Date.now()) - start.getTime(),
    total: sum('total'),
    started: sum('started'),
    ended: sum('ended'),
    errors: sum('errors'),
    timeouts: sum('timeouts'),
    forcedKills: sum('forcedKills'),
    expectFailures: sum('expectFailures'),
    writeErrors: sum('writeErrors'),
    nonZeroExits: sum('nonZeroExits'),
    ok: sum('ok'),
    finishedOk: sum('finishedOk'),
    failures,
    ...(children ? { children } : {}),
  };
}
