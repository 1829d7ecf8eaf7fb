import { closeSync, existsSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidArgument, logger, show } from '../util/index.js';
import { isPlain } from './combination.js';

/** What was measured: one JSON object on each line of `results.jsonl`, and the same as a table in `results.csv`. */
export class Results {
  readonly lines: string;
  readonly table: string;
  readonly #file: number;
  /** The last line has no end: a process was killed, or the disk was full, in the middle of it. */
  #torn: boolean;

  constructor(directory: string) {
    this.lines = join(directory, 'results.jsonl');
    this.table = join(directory, 'results.csv');
    const before = existsSync(this.lines) ? readFileSync(this.lines) : Buffer.alloc(0);
    this.#torn = before.length > 0 && before.at(-1) !== 10;
    this.#file = openSync(this.lines, 'a');
  }

  /** Appends one row by one write at the end of the file, so that rows of several processes do not mix. */
  append(row: object): void {
    if (typeof row !== 'object' || row === null || !isPlain(row))
      throw new InvalidArgument(`record(): a row must be an object, not ${show(row)}`);
    const line = Buffer.from(`${this.#torn ? '\n' : ''}${JSON.stringify(row)}\n`);
    this.#torn = true;
    let written = 0;
    while (written < line.length) written += writeSync(this.#file, line, written);
    this.#torn = false;
  }

  /** All rows, also those of earlier runs and other processes. A line that was cut short is left out. */
  read(): Record<string, unknown>[] {
    const rows: Record<string, unknown>[] = [];
    for (const line of readFileSync(this.lines, 'utf8').split('\n')) {
      if (line === '') continue;
      try {
        rows.push(JSON.parse(line) as Record<string, unknown>);
      } catch {
        logger.warn('experiment', `${this.lines}: left out a line that was cut short: ${show(line)}`);
      }
    }
    return rows;
  }

  /** Writes the table anew: a reader sees the old one or the new one. */
  writeTable(): void {
    const fresh = `${this.table}.${process.pid}.new`;
    writeFileSync(fresh, toCsv(this.read()));
    renameSync(fresh, this.table);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** A table by RFC 4180, whose columns are all names in the order in which they first occur. */
export function toCsv(rows: readonly Record<string, unknown>[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))];
  if (columns.length === 0) return '';
  return lines.map((cells) => `${cells.map(toCell).join(',')}\r\n`).join('');
}

function toCell(value: unknown): string {
  if (value === undefined || value === null) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
