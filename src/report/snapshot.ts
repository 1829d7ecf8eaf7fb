import { Action } from '../action/index.js';
import { ProcessBase, type Stats } from '../process/index.js';
import { InvalidArgument, show } from '../util/index.js';
import type { Report, ReportPart } from './report.js';

/** Characters of output that are kept of each process. */
const tailLength = 2_000;

/** A report, action or process as plain data. Dates are ISO 8601 texts, lengths milliseconds. */
export interface ReportJSON {
  readonly format: 'rookery-report';
  readonly version: 1;
  readonly type: 'report' | 'action' | 'process';
  readonly name: string;
  readonly stats: StatsJSON;
  /** Reports and actions: what they consist of. */
  readonly children?: readonly ReportJSON[];
  /** Processes: what ran where, and how it ended. */
  readonly process?: ProcessJSON;
}

export type StatsJSON = Omit<Stats, 'start' | 'end' | 'children'> & {
  readonly start?: string;
  readonly end?: string;
};

export interface ProcessJSON {
  readonly kind: string;
  readonly command: string;
  readonly host?: string;
  readonly state: string;
  readonly reason?: string;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly error?: { readonly code: string; readonly message: string };
  readonly killConfirmed?: boolean;
  /** The last characters of its output. */
  readonly stdout: string;
  readonly stderr: string;
}

/** A part as it was; what a report from JSON consists of. */
export class Snapshot {
  readonly name: string;
  readonly json: ReportJSON;
  readonly parts: readonly Snapshot[];
  readonly #stats: Stats;

  constructor(json: ReportJSON) {
    this.json = json;
    this.name = json.name;
    this.parts = (json.children ?? []).map((child) => new Snapshot(child));
    const { start, end, ...counts } = json.stats;
    // The children of an action that runs commands are its processes, which its stats do not list.
    const children = this.parts.filter((part) => part.json.type !== 'process' || json.type === 'report');
    this.#stats = {
      ...counts,
      length: counts.length,
      start: start === undefined ? undefined : new Date(start),
      end: end === undefined ? undefined : new Date(end),
      ...(children.length > 0 ? { children: children.map((part) => part.stats()) } : {}),
    };
  }

  stats(): Stats {
    return this.#stats;
  }
}

export function describePart(part: Report | ReportPart): ReportJSON {
  if (part instanceof Snapshot) return part.json;
  const { start, end, children: _children, ...counts } = part.stats();
  const common = {
    format: 'rookery-report' as const,
    version: 1 as const,
    name: part.name,
    stats: {
      ...counts,
      ...(start ? { start: start.toISOString() } : {}),
      ...(end ? { end: end.toISOString() } : {}),
    },
  };
  if (part instanceof ProcessBase) return { ...common, type: 'process', process: describeProcess(part) };
  if (part instanceof Action) {
    const own = part.children.length > 0 ? part.children : part.processes;
    return { ...common, type: 'action', children: own.map(describePart) };
  }
  return { ...common, type: 'report', children: part.parts.map(describePart) };
}

function describeProcess(process: ProcessBase): ProcessJSON {
  const { host, reason, exitCode, signal, error, killConfirmed } = process;
  return {
    kind: process.constructor.name,
    command: process.command,
    ...(host ? { host: host.toString() } : {}),
    state: process.state,
    ...(reason === undefined ? {} : { reason }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(error ? { error: { code: error.code, message: error.message } } : {}),
    ...(killConfirmed === undefined ? {} : { killConfirmed }),
    stdout: process.stdout.slice(-tailLength),
    stderr: process.stderr.slice(-tailLength),
  };
}

const countKeys = [
  ...['total', 'started', 'ended', 'errors', 'timeouts', 'forcedKills', 'expectFailures', 'writeErrors'],
  ...['nonZeroExits', 'ok', 'finishedOk'],
] as readonly (keyof StatsJSON)[];

/** Checks that this is what a report wrote, all the way down. */
export function readSnapshot(value: unknown): Snapshot {
  check(value, 'Report.fromJSON()');
  return new Snapshot(value);
}

function check(value: unknown, where: string): asserts value is ReportJSON {
  const json = value as Partial<ReportJSON> | null;
  const wrong = (what: string, is: unknown) => new InvalidArgument(`${where}: ${what}, not ${show(is)}`);
  if (typeof json !== 'object' || json === null) throw wrong('this must be what toJSON() gave', value);
  if (json.format !== 'rookery-report') throw wrong("format must be 'rookery-report'", json.format);
  if (json.version !== 1) throw wrong('version must be 1', json.version);
  if (typeof json.name !== 'string') throw wrong('name must be text', json.name);
  const stats = json.stats;
  if (typeof stats !== 'object' || stats === null) throw wrong('stats must be an object', stats);
  for (const key of countKeys) {
    if (typeof stats[key] !== 'number') throw wrong(`stats.${key} must be a number`, stats[key]);
  }
  for (const key of ['start', 'end'] as const) {
    const date = stats[key];
    if (date !== undefined && Number.isNaN(Date.parse(date)))
      throw wrong(`stats.${key} must be a date`, date);
  }
  if (typeof stats.failures !== 'object' || stats.failures === null)
    throw wrong('stats.failures must be an object', stats.failures);
  (json.children ?? []).forEach((child, i) => check(child, `${where}: children[${i}]`));
}
