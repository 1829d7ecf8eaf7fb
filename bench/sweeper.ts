import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ParamSweeper, RedisStore, sweep, type SweepStore } from 'rookery';
import { hasProgram, missing, time, type Row } from './support.js';

const numbers = (length: number) => Array.from({ length }, (_, i) => i);
const combinations = sweep({ size: numbers(100), count: numbers(100), tool: numbers(10) });

/** 100,000 combinations: all are taken and done one by one; opened when none is done, and when all are. */
export async function sweeper(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-bench-'));
  try {
    const files = await measure('files', () => join(folder, 'sweep'));
    if (!hasProgram('redis-server'))
      return [...files, missing('sweeper', 'on a Redis server', 'redis-server')];
    const { url, stop } = await startRedis(folder);
    try {
      return [...files, ...(await measure('redis', () => new RedisStore({ url, name: 'bench' })))];
    } finally {
      await stop();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function measure(name: string, store: () => string | SweepStore): Promise<Row[]> {
  const row = (what: string, value: number, limit: number, right = true): Row => ({
    ...{ group: 'sweeper', what: `${name}: ${what}`, value, unit: 'ms', wanted: `≤ ${limit}` },
    ...{ met: right && value <= limit, detail: '100,000 combinations' },
  });
  const rows: Row[] = [];
  const open = async (what: string) => {
    let opened: ParamSweeper<(typeof combinations)[number]> | undefined;
    const taken = await time(async () => (opened = await new ParamSweeper(store(), combinations).open()));
    rows.push(row(`open, ${what}`, taken, 1000));
    return opened!;
  };
  {
    await using fresh = await open('none done');
    let [done, slowest] = [0, 0];
    const all = await time(async () => {
      for (;;) {
        const one = await time(async () => {
          const next = await fresh.getNext();
          if (next && (await fresh.done(next))) done++;
        });
        if (done === combinations.length) break;
        slowest = Math.max(slowest, one);
      }
    });
    rows.push(row('getNext + done, mean', all / done, 2));
    rows.push({ ...row('getNext + done, slowest', slowest, 2), wanted: '', met: undefined });
  }
  await using again = await open('all done');
  const { done } = await again.stats();
  if (done !== combinations.length) throw new Error(`only ${done} are done`);
  return rows;
}

/** A server that listens on a socket in the folder only. */
async function startRedis(folder: string) {
  const path = join(folder, 'socket');
  const words = ['--port', '0', '--unixsocket', path, '--save', '', '--dir', folder];
  const child = spawn('redis-server', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  for await (const line of createInterface({ input: child.stdout }))
    if (line.includes('accept connections at')) break;
  child.stdout.resume();
  return {
    url: `unix:${path}`,
    stop: async () => {
      child.kill('SIGTERM');
      await closed;
    },
  };
}
