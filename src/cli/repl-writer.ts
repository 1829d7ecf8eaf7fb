import { inspect, stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';
import { Action, failuresByKind } from '../action/index.js';
import { foldHosts, Host } from '../host/index.js';
import { failureKind, ProcessBase } from '../process/index.js';
import { Report } from '../report/index.js';
import { formatDuration } from '../util/index.js';
import type { Paint } from './colors.js';

/** Lines of output that are shown of a process. */
const tail = 10;
/** Processes that have a row each in the table of an action; more are shown by outcome. */
const mostRows = 20;

/** How the session shows a value: processes, actions, reports and hosts in their own way, everything else as Node does. */
export function showValue(value: unknown, paint: Paint, columns = 80): string {
  if (value instanceof ProcessBase) return showProcess(value, paint, columns);
  if (value instanceof Action) return showAction(value, paint, columns);
  const color = paint('bold', '') !== '';
  if (value instanceof Report) return value.toString({ color });
  if (Array.isArray(value) && value.length > 0 && value.every((item) => item instanceof Host))
    return `${value.length} ${value.length === 1 ? 'host' : 'hosts'}: ${paint('cyan', foldHosts(value))}`;
  return inspect(value, { colors: color, breakLength: columns });
}

function showProcess(p: ProcessBase, paint: Paint, columns: number): string {
  const where = p.host ? ` on ${paint('cyan', p.host.toString())}` : '';
  const lines = [`${paint('bold', p.constructor.name)} ${cut(p.name, 60)}${where}: ${outcome(p, paint)}`];
  if (p.error) lines.push(`  ${paint('red', 'error')}  ${cut(firstLine(p.error.message), columns - 9)}`);
  for (const stream of ['stdout', 'stderr'] as const) {
    const all = p[stream].replace(/\n$/, '').split('\n');
    if (p[stream] === '') continue;
    if (all.length > tail) lines.push(paint('dim', `  ${stream}  … ${all.length - tail} lines before`));
    all.slice(-tail).forEach((line, i) => {
      const label = i === 0 && all.length <= tail ? stream : '';
      const style = stream === 'stderr' ? 'yellow' : 'green';
      lines.push(`  ${paint(style, label.padEnd(6))}  ${cut(clean(line), columns - 9)}`);
    });
  }
  return lines.join('\n');
}

function outcome(p: ProcessBase, paint: Paint): string {
  if (p.state === 'created') return paint('dim', 'not started');
  if (!p.startDate) return paint('red', failureKind(p) ?? 'not started');
  const time = formatDuration((p.endDate?.getTime() ?? Date.now()) - p.startDate.getTime());
  if (p.running) return paint('yellow', `running for ${time}${p.pid === undefined ? '' : `, pid ${p.pid}`}`);
  const text = p.ok ? `ok${p.exitCode ? ` (exit ${p.exitCode})` : ''}` : (failureKind(p) ?? 'failed');
  return `${paint(p.ok ? 'green' : 'red', text)} in ${time}`;
}

function showAction(action: Action, paint: Paint, columns: number): string {
  const color = paint('bold', '') !== '';
  if (action.children.length > 0) return new Report(action).toString({ color });
  const { processes } = action;
  const head = `${paint('bold', action.constructor.name)} ${cut(action.name, 50)}: ${standing(action, paint)}`;
  const rows = processes.length > mostRows ? byOutcome(processes, paint) : processes.map(rowOf(paint));
  const table = new Table({
    chars: noBorders,
    style: { head: [], border: [], compact: true, 'padding-left': 2, 'padding-right': 0 },
    colAligns: ['left', 'left', 'right', 'left'],
  });
  const title =
    processes.length > mostRows ? ['hosts', 'outcome', 'count', ''] : ['host', 'outcome', 'time', 'output'];
  table.push(
    title.map((text) => paint('dim', text)),
    ...rows,
  );
  const lines = table.toString().split('\n');
  return [head, ...lines.map((line) => cut(line.trimEnd(), columns))].join('\n');
}

function standing(action: Action, paint: Paint): string {
  if (action.state === 'created') return paint('dim', `not started, ${action.processes.length} processes`);
  const { ok, total, length } = action.stats();
  const time = formatDuration(length ?? 0);
  if (action.running) return paint('yellow', `running for ${time}`);
  return `${paint(action.ok ? 'green' : 'red', `${ok} of ${total} ok`)} in ${time}`;
}

const rowOf = (paint: Paint) => (p: ProcessBase) => {
  const time = p.startDate && p.endDate ? formatDuration(p.endDate.getTime() - p.startDate.getTime()) : '';
  const state = p.running ? 'running' : p.state === 'created' ? 'waits' : (failureKind(p) ?? 'ok');
  const style = p.running || p.state === 'created' ? 'yellow' : p.ok ? 'green' : 'red';
  const last = lastLine(p.stdout) || lastLine(p.stderr) || (p.error ? firstLine(p.error.message) : '');
  return [paint('cyan', p.host?.toString() ?? cut(p.name, 30)), paint(style, state), time, clean(last)];
};

function byOutcome(processes: readonly ProcessBase[], paint: Paint): string[][] {
  const names = (group: readonly ProcessBase[]) =>
    paint('cyan', cut(foldHosts(group.flatMap(({ host }) => (host ? [host] : []))) || 'local', 50));
  const groups = [...failuresByKind(processes)].map(([kind, group]) => [
    names(group),
    paint('red', kind),
    group.length,
  ]);
  for (const [state, style, group] of [
    ['ok', 'green', processes.filter((p) => p.finishedOk)],
    ['running', 'yellow', processes.filter((p) => p.running && p.ok)],
    ['waits', 'yellow', processes.filter((p) => p.state === 'created')],
  ] as const)
    if (group.length > 0) groups.unshift([names(group), paint(style, state), group.length]);
  return groups.map((row) => row.map(String));
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}
function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
/** What a host wrote must not steer the terminal. */
function clean(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '')
    .replaceAll('\t', '  ');
}
/** Cuts text to a width; colours do not count, and are dropped from what is cut. */
function cut(text: string, width: number): string {
  const plain = [...stripVTControlCharacters(text)];
  return plain.length > width ? `${plain.slice(0, width - 1).join('')}…` : text;
}

const noBorders = Object.fromEntries(
  ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right', 'left']
    .concat(['left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'])
    .map((name) => [name, '']),
);
