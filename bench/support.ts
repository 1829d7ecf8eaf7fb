import { spawn, spawnSync, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { HostSpec } from 'rookery';

/** What was measured, against what, and what is wanted. */
export interface Row {
  readonly group: string;
  readonly what: string;
  /** The ratio, or the amount; undefined when a peer is missing here. */
  readonly value: number | undefined;
  readonly unit: '×' | 'MiB' | 'ms';
  readonly wanted: string;
  readonly met: boolean | undefined;
  readonly detail: string;
}

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
export const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;

export async function time(run: () => unknown): Promise<number> {
  const begin = performance.now();
  await run();
  return performance.now() - begin;
}

/** A row that says how many times as long, or as fast, as something else it was. */
export function ratio(
  group: string,
  what: string,
  value: number,
  limit: { atMost: number } | { atLeast: number },
  detail: string,
): Row {
  const met = 'atMost' in limit ? value <= limit.atMost : value >= limit.atLeast;
  const wanted = 'atMost' in limit ? `≤ ${limit.atMost}` : `≥ ${limit.atLeast}`;
  return { group, what, value, unit: '×', wanted, met, detail };
}
export function missing(group: string, what: string, peer: string): Row {
  return {
    group,
    what,
    value: undefined,
    unit: '×',
    wanted: '',
    met: undefined,
    detail: `${peer} is not installed here`,
  };
}

/** A testbed in another process. */
export async function startBed(
  count: number,
  backend: 'sshd' | 'embedded',
): Promise<{ hosts: HostSpec[]; stop: () => Promise<void> }> {
  const script = fileURLToPath(new URL('bed.js', import.meta.url));
  const child = spawn(process.execPath, [script, String(count), backend], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return {
    hosts: JSON.parse(line) as HostSpec[],
    stop: async () => {
      child.stdin.end();
      await closed;
    },
  };
}

export function hasProgram(path: string): boolean {
  return path.includes('/') ? existsSync(path) : spawnSync('which', [path]).status === 0;
}

/** Runs a program to its end; throws when it fails. */
export async function runProgram(
  file: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<void> {
  const child = spawn(file, args, { stdio: 'ignore', ...options });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${file} ended with ${code}`);
}

/** Runs one of the scripts beside this one in a fresh process with an order, and takes its answer. */
export function inFreshProcess<T>(script: string, order: unknown): T {
  const file = fileURLToPath(new URL(`${script}.js`, import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, [file], {
    encoding: 'utf8',
    input: JSON.stringify(order),
    maxBuffer: 1e8,
  });
  if (status !== 0) throw new Error(`${script}: ${stderr}`);
  return JSON.parse(stdout) as T;
}
