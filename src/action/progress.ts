import { failureKind, type ProcessBase } from '../process/index.js';
import type { Progress } from '../transfer/index.js';
import {
  bar,
  checkOptions,
  formatBytes,
  formatDuration,
  InvalidArgument,
  isAnything,
  isBoolean,
  LiveBlock,
  parseDuration,
  show,
  type Check,
  type Duration,
  type TextStream,
} from '../util/index.js';
import type { Action } from './action.js';

export interface ProgressOptions {
  /** Where it is shown. Default: stderr. */
  stream?: TextStream;
  /** How often a line is written where there is no terminal. Default `'10s'`. */
  every?: Duration;
  /** Takes the bar away at the end. Default false: it stays, with what came of it. */
  clear?: boolean;
}
const isStream: Check = (v) =>
  typeof v === 'object' && v !== null && 'write' in v && typeof v.write === 'function'
    ? undefined
    : 'a stream';
const checks = { stream: isStream, every: isAnything, clear: isBoolean };

/** Time between two drawings on a terminal; ms. */
const frame = 100;
/** Transfers up to this many have a bar each. */
const mostBars = 20;

/** A display of progress; it ends by itself when its actions have ended. */
export interface ProgressDisplay {
  /** Ends it now. */
  stop(): void;
}

/**
 * Shows how far actions are: hosts done, failed and running, and the slowest; for copies also bytes, rate and time left, with a bar for each of
 * up to 20 hosts. On a terminal as bars, drawn again and again; elsewhere as a line now and then.
 *
 * @example
 * const display = showProgress(action);
 * await action.run();
 */
export function showProgress(
  actions: Action | readonly Action[],
  options: ProgressOptions = {},
): ProgressDisplay {
  checkOptions('showProgress()', options, checks);
  const list = (Array.isArray(actions) ? actions : [actions]) as readonly Action[];
  const wrong = list.find((action) => typeof action?.stats !== 'function' || !('processes' in action));
  if (wrong !== undefined || list.length === 0)
    throw new InvalidArgument(`showProgress() takes actions, not ${show(wrong ?? actions)}`);
  const stream = options.stream ?? process.stderr;
  const every = parseDuration(options.every ?? '10s', 'showProgress(): option every');
  const block = stream.isTTY ? new LiveBlock(stream) : undefined;
  const draw = () => {
    if (block)
      block.draw(list.filter((action) => action.started).flatMap((action) => render(action, stream)));
    else for (const action of list) if (action.running) stream.write(`${summary(action)}\n`);
  };
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const onStart = () => {
    if (stopped || timer) return;
    timer = setInterval(draw, block ? frame : every);
    timer.unref();
    if (block) draw();
  };
  const onEnd = () => {
    if (!stopped && list.every((action) => action.ended)) stop();
  };
  const stop = () => {
    if (stopped) return;
    stopped = true;
    clearInterval(timer);
    if (!block) for (const action of list) stream.write(`${summary(action)}\n`);
    else if (options.clear) block.clear();
    else draw();
    for (const action of list) action.off('start', onStart).off('end', onEnd);
  };
  for (const action of list) action.on('start', onStart).on('end', onEnd);
  if (list.some((action) => action.running)) onStart();
  return { stop };
}

function render(action: Action, { columns = 80 }: TextStream): string[] {
  const lines = [summary(action, Math.min(30, Math.max(8, columns - 60)))];
  const transfers = action.processes.filter(isTransfer);
  if (transfers.length === 0 || transfers.length > mostBars) return lines;
  const names = transfers.map((p) => p.host?.address ?? p.name);
  const width = Math.max(...names.map((name) => name.length));
  transfers.forEach((p, i) => lines.push(`  ${(names[i] ?? '').padEnd(width)}  ${transferLine(p)}`));
  return lines;
}

function transferLine(p: ProcessBase & Progress): string {
  if (!p.started) return 'waits';
  const part = p.bytesTotal ? p.bytesDone / p.bytesTotal : p.ended && p.ok ? 1 : 0;
  const done = `${bar(part, 20)} ${String(Math.floor(part * 100)).padStart(3)}%  ${formatBytes(p.bytesDone)}`;
  if (p.ended) return `${done}  ${p.ok ? 'done' : (failureKind(p) ?? 'failed')}`;
  return `${done}  ${rateOf([p])}`;
}

/** One line for the whole action. */
function summary(action: Action, width = 0): string {
  const { processes } = action;
  let [ended, failed, running] = [0, 0, 0];
  let slowest: ProcessBase | undefined;
  for (const p of processes) {
    if (p.ended) ended++;
    if (!p.ok) failed++;
    if (!p.running) continue;
    running++;
    if (!slowest || (p.startDate as Date) < (slowest.startDate as Date)) slowest = p;
  }
  const parts = [`${ended}/${processes.length} done`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (running > 0) parts.push(`${running} running`);
  const transfers = processes.filter(isTransfer);
  const bytes = sum(transfers, (p) => p.bytesDone);
  const known = transfers.filter((p) => p.bytesTotal !== undefined);
  // Those whose size is not known yet count as the average of the others.
  const total = (sum(known, (p) => p.bytesTotal ?? 0) * transfers.length) / (known.length || 1);
  if (transfers.length > 0) {
    parts.push(formatBytes(bytes));
    const busy = transfers.filter((p) => p.running);
    if (busy.length > 0) parts.push(rateOf(busy, total - bytes));
  } else if (slowest?.startDate) {
    const age = Date.now() - slowest.startDate.getTime();
    parts.push(`slowest ${slowest.host?.address ?? slowest.name} ${formatDuration(age)}`);
  }
  const part = total > 0 ? bytes / total : processes.length > 0 ? ended / processes.length : 1;
  const head = width > 0 ? `${bar(action.ended && failed === 0 ? 1 : part, width)} ` : `${action.name}: `;
  return head + parts.join(', ');
}

function rateOf(transfers: readonly Progress[], left?: number): string {
  const rate = sum(transfers, (p) => p.rate);
  const time = left === undefined ? transfers[0]?.timeLeft : rate > 0 ? (left / rate) * 1000 : undefined;
  const ending = time === undefined ? '' : `, ${formatDuration(Math.ceil(time / 1000) * 1000)} left`;
  return `${formatBytes(rate)}/s${ending}`;
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

function isTransfer(p: ProcessBase): p is ProcessBase & Progress {
  return 'bytesDone' in p;
}
