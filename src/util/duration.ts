import { InvalidArgument, show } from './errors.js';

/**
 * A length of time: milliseconds as a number, or text: `'250ms'`, `'10s'`, `'1.5m'`, `'2h'`, `'1d'`,
 * several in a row (`'1m30'`, `'1h 20m'`; a last number without unit is in the next smaller unit), or `'[H:]MM:SS'`.
 */
export type Duration = number | string;

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const nextSmaller: Record<string, number> = { s: 1, m: 1000, h: 60_000, d: 3_600_000 };

/** Longest delay a Node timer holds; longer durations are clamped to it (24.8 days). */
export const longestTimer = 2 ** 31 - 1;

/** Milliseconds of a {@link Duration}. Throws InvalidArgument, naming `what`, for anything else. */
export function parseDuration(value: Duration, what = 'duration'): number {
  const ms =
    typeof value === 'number' ? value : typeof value === 'string' ? parseText(value.trim()) : Number.NaN;
  if (!(ms >= 0)) {
    throw new InvalidArgument(
      `${what} must be milliseconds ≥ 0 or text like '250ms', '10s', '5m' or '1:30:00', not ${show(value)}`,
    );
  }
  return ms;
}

/** The same for an option that may be left out or switched off with `false` or `null`. */
export function optionalDuration(
  value: Duration | false | null | undefined,
  what: string,
): number | undefined {
  if (value === undefined || value === null || value === false || value === Infinity) return undefined;
  return parseDuration(value, what);
}

function parseText(text: string): number {
  const clock = /^(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)$/.exec(text);
  if (clock) return (Number(clock[1] ?? 0) * 3600 + Number(clock[2]) * 60 + Number(clock[3])) * 1000;
  const part = /\s*(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|m|h|d)?/y;
  let total = 0;
  let last = '';
  while (part.lastIndex < text.length) {
    const match = part.exec(text);
    if (!match) return Number.NaN;
    const unit = match[2];
    const factor = unit !== undefined ? units[unit] : nextSmaller[last];
    if (factor === undefined || (unit === undefined && part.lastIndex < text.length)) return Number.NaN;
    total += Number(match[1]) * factor;
    last = unit ?? '';
  }
  return text === '' ? Number.NaN : total;
}

/** Shows milliseconds for people: `'12ms'`, `'3.2s'`, `'1m30s'`, `'2h05m'`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  const pad = (n: number) => String(n).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${pad(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h${pad(Math.floor((seconds % 3600) / 60))}m`;
}
