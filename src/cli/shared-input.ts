import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** What is larger than this goes to a file; bytes. */
const inMemory = 4 * 1024 * 1024;

/** Input that every host gets from its beginning, whenever its turn comes. */
export interface SharedInput {
  readonly stdin: Uint8Array | { file: string };
  release(): void;
}

/** Reads a stream to its end, into memory or, when there is much, into a temporary file. */
export async function shareInput(source: Readable): Promise<SharedInput> {
  const chunks: Buffer[] = [];
  let size = 0;
  const iterator = source[Symbol.asyncIterator]() as AsyncIterableIterator<Buffer>;
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    chunks.push(next.value);
    size += next.value.length;
    if (size > inMemory) return spool(chunks, iterator);
  }
  return { stdin: Buffer.concat(chunks), release: () => undefined };
}

async function spool(begun: Buffer[], rest: AsyncIterableIterator<Buffer>): Promise<SharedInput> {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-stdin-'));
  const release = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', release);
  const file = join(folder, 'stdin');
  async function* all() {
    yield* begun.splice(0);
    yield* rest;
  }
  await pipeline(Readable.from(all()), createWriteStream(file, { mode: 0o600 }));
  return {
    stdin: { file },
    release: () => {
      process.off('exit', release);
      release();
    },
  };
}
