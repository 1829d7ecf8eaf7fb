import { inspect } from 'node:util';
import type { Action } from '../action/index.js';
import { sumStats, type ProcessBase, type Stats } from '../process/index.js';
import { InvalidArgument, show } from '../util/index.js';
import type { Snapshot } from './snapshot.js';
import { describePart, readSnapshot, type ReportJSON } from './snapshot.js';
import { renderTable, type TableOptions } from './table.js';

/** What a report can gather. */
export type ReportPart = Action | ProcessBase | Report | Snapshot;

/**
 * What several actions, processes and other reports came to: dates, counts, failures. It holds no numbers of its own: it asks
 * its parts whenever it is asked, also while they run.
 *
 * @example
 * const report = new Report([deploy, restart], { name: 'release 12' });
 * console.log(report.toString());
 */
export class Report {
  readonly name: string;
  readonly #parts: ReportPart[] = [];

  constructor(parts: ReportPart | Iterable<ReportPart> = [], options: { name?: string } = {}) {
    for (const key of Object.keys(options)) {
      if (key !== 'name')
        throw new InvalidArgument(`new Report(): unknown option ${show(key)}; there is name`);
    }
    if (options.name !== undefined && typeof options.name !== 'string')
      throw new InvalidArgument(`new Report(): option name must be a string, not ${show(options.name)}`);
    this.name = options.name ?? 'report';
    this.add(parts);
  }

  /** What it gathers, in the order in which it was added. */
  get parts(): readonly ReportPart[] {
    return this.#parts;
  }

  /** Adds parts, each once. Throws InvalidArgument for what is no action, process or report, and for a report that would hold itself. */
  add(parts: ReportPart | Iterable<ReportPart>): this {
    for (const part of isPart(parts) ? [parts] : listOf(parts)) {
      if (part instanceof Report && part.#holds(this))
        throw new InvalidArgument(`add(): the report ${show(part.name)} would be a part of itself`);
      if (!this.#parts.includes(part)) this.#parts.push(part);
    }
    return this;
  }

  #holds(other: Report): boolean {
    return this === other || this.#parts.some((part) => part instanceof Report && part.#holds(other));
  }

  /** True when nothing that it gathers has failed so far. */
  get ok(): boolean {
    const { ok, total } = this.stats();
    return ok === total;
  }

  /** The sums over its parts, and theirs in `children`: see {@link Stats}. */
  stats(): Stats {
    const children = this.#parts.map((part) => part.stats());
    return sumStats(this.name, children, children);
  }

  /**
   * The table for people, in 80 columns. `wide`: all dates and counts, as broad as they are. `brief`: the sum alone. `color`:
   * default is yes on a terminal (see NO_COLOR, https://no-color.org).
   */
  toString(options: TableOptions = {}): string {
    return renderTable(this.stats(), options);
  }

  /** Everything that the table and a timeline need, as plain data; {@link Report.fromJSON} takes it back. */
  toJSON(): ReportJSON {
    return describePart(this);
  }

  /** A report from what `toJSON()` gave, as data or text. Throws InvalidArgument for anything else. */
  static fromJSON(json: unknown): Report {
    const snapshot = readSnapshot(typeof json === 'string' ? parse(json) : json);
    return new Report(snapshot.parts, { name: snapshot.name });
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

function isPart(value: unknown): value is ReportPart {
  return typeof value === 'object' && value !== null && 'stats' in value && typeof value.stats === 'function';
}

function listOf(parts: unknown): ReportPart[] {
  const list =
    typeof parts === 'object' && parts !== null && Symbol.iterator in parts
      ? [...(parts as Iterable<unknown>)]
      : undefined;
  const wrong = list ? list.find((part) => !isPart(part)) : parts;
  if (!list || wrong !== undefined)
    throw new InvalidArgument(`a report gathers actions, processes and reports, not ${show(wrong)}`);
  return list as ReportPart[];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InvalidArgument(`Report.fromJSON(): not JSON: ${show(text)}`, { cause });
  }
}
