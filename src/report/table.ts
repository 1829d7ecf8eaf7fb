import { stripVTControlCharacters, styleText } from 'node:util';
import Table from 'cli-table3';
import type { Stats } from '../process/index.js';
import { checkOptions, formatDuration, isBoolean } from '../util/index.js';

export interface TableOptions {
  /** All dates and counts, as broad as they are. Default false: 80 columns. */
  wide?: boolean;
  /** The sum alone, without the parts. Default false. */
  brief?: boolean;
  /** Default: yes when stdout is a terminal, unless NO_COLOR is set. */
  color?: boolean;
}

const checks = { wide: isBoolean, brief: isBoolean, color: isBoolean };

interface Column {
  readonly head: string;
  readonly cell: (stats: Stats) => string;
  /** Characters that it gets in the table of 80 columns, at most; the rest goes to further lines. */
  readonly most: number;
  readonly right?: boolean;
}

type CountKey = {
  [K in keyof Required<Stats>]: Stats[K] extends number ? K : never;
}[keyof Stats];
const count = (head: string, key: CountKey): Column => ({
  head,
  most: 9,
  right: true,
  cell: (stats) => String(stats[key]),
});
const time = (date: Date | undefined) => (date ? clock(date) : '-');

const start: Column = { head: 'start', most: 14, cell: (stats) => time(stats.start) };
const length: Column = {
  head: 'length',
  most: 8,
  right: true,
  cell: (stats) => (stats.length === undefined ? '-' : formatDuration(stats.length)),
};
const failures: Column = {
  head: 'failures',
  most: 18,
  cell: ({ failures: kinds }) =>
    Object.entries(kinds)
      .sort(([, a], [, b]) => b - a)
      .map(([kind, times]) => `${times} ${kind}`)
      .join(', '),
};

const narrow: readonly Column[] = [
  start,
  length,
  count('total', 'total'),
  count('ended', 'ended'),
  count('ok', 'finishedOk'),
  failures,
];
const wide: readonly Column[] = [
  { head: 'start', most: 24, cell: (stats) => stats.start?.toISOString() ?? '-' },
  { head: 'end', most: 24, cell: (stats) => stats.end?.toISOString() ?? '-' },
  length,
  count('total', 'total'),
  count('started', 'started'),
  count('ended', 'ended'),
  count('errors', 'errors'),
  count('timeouts', 'timeouts'),
  count('forced kills', 'forcedKills'),
  count('expect failures', 'expectFailures'),
  count('write errors', 'writeErrors'),
  count('non-zero exits', 'nonZeroExits'),
  count('ok', 'ok'),
  count('finished ok', 'finishedOk'),
  failures,
];

const columnsOfAScreen = 80;
const gap = 2;
/** One line below the head and no other: borders would cost the width that names need. */
const chars = {
  ...{
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
  },
  ...{
    'bottom-right': '',
    left: '',
    'left-mid': '',
    right: '',
    'right-mid': '',
    middle: '',
    mid: '─',
    'mid-mid': '─',
  },
};

/** One line for the whole, and below it, indented, one for each part. */
export function renderTable(stats: Stats, options: TableOptions = {}): string {
  checkOptions('toString()', options, checks);
  const paint = (options.color ?? wantsColor()) ? color : (_style: Style, text: string) => text;
  const rows = flatten(stats, options.brief ? 0 : Infinity);
  const columns = options.wide ? wide : narrow;
  // What is left of the screen when every other column has what it needs, is for the names.
  const widths = columns.map((column) => widthOf(column, rows));
  const nameWidth = columnsOfAScreen - widths.reduce((sum, width) => sum + width, 0);
  const table = new Table({
    head: ['name', ...columns.map((column) => column.head)].map((text) => paint('bold', text)),
    chars,
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': gap },
    colAligns: ['left', ...columns.map(({ right }) => (right ? ('right' as const) : ('left' as const)))],
    ...(options.wide ? {} : { colWidths: [nameWidth, ...widths], wordWrap: true }),
  });
  for (const { row, depth } of rows) {
    const name = ' '.repeat(2 * depth) + row.name.replace(/\s+/g, ' ');
    const style =
      row.ok < row.total ? 'red' : row.total > 0 && row.finishedOk === row.total ? 'green' : 'yellow';
    const shown = options.wide ? name : shorten(name, nameWidth - gap);
    table.push([
      depth === 0 ? paint('bold', shown) : shown,
      ...columns.map(({ head, cell }) =>
        head === 'ok' || head === 'failures' ? paint(style, cell(row)) : cell(row),
      ),
    ]);
  }
  const lines = table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
  const isRule = (line: string) => /^─+$/.test(line);
  const longest = Math.max(
    ...lines.filter((line) => !isRule(line)).map((line) => stripVTControlCharacters(line).length),
  );
  return lines.map((line) => (isRule(line) ? line.slice(0, longest) : line)).join('\n');
}

type Style = 'bold' | 'red' | 'green' | 'yellow';
/** Whether there is a terminal was decided before. */
function color(style: Style, text: string): string {
  return styleText(style, text, { validateStream: false });
}

interface Row {
  readonly row: Stats;
  readonly depth: number;
}

function flatten(row: Stats, deepest: number, depth = 0): Row[] {
  const below =
    depth < deepest ? (row.children ?? []).flatMap((child) => flatten(child, deepest, depth + 1)) : [];
  return [{ row, depth }, ...below];
}

function widthOf({ head, cell, most }: Column, rows: readonly Row[]): number {
  const longest = rows.reduce((width, { row }) => Math.max(width, cell(row).length), head.length);
  return Math.min(longest, most) + gap;
}

function shorten(text: string, width: number): string {
  const characters = [...text];
  return characters.length > width ? `${characters.slice(0, width - 1).join('')}…` : text;
}

/** Time of day, local; with the date when that is not today. */
function clock(date: Date): string {
  const pad = (n: number) => String(n).padStart(2, '0');
  const day =
    date.toDateString() === new Date().toDateString()
      ? ''
      : `${pad(date.getMonth() + 1)}-${pad(date.getDate())} `;
  return `${day}${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

/** See https://no-color.org and https://force-color.org. */
function wantsColor(): boolean {
  if (process.env['NO_COLOR']) return false;
  const force = process.env['FORCE_COLOR'];
  return force === undefined || force === '' ? process.stdout.isTTY : force !== '0';
}
