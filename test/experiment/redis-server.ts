import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A Redis server that listens on a socket in a folder of its own, and on no network. */
export async function startRedis() {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-redis-'));
  const path = join(folder, 'socket');
  const words = ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = spawn('redis-server', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  for await (const line of createInterface({ input: child.stdout }))
    if (line.includes('accept connections at')) break;
  child.stdout.resume();
  return {
    url: `unix:${path}`,
    async stop() {
      child.kill('SIGTERM');
      await closed;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
