import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { messageOf, RookeryError } from '../util/index.js';
import type { SourceEntry } from './source-tree.js';
import {
  blockSize,
  encodeHeaders,
  hashZeros,
  padded,
  storedSize,
  type Region,
  type TarEntry,
} from './tar-format.js';

const chunkSize = 256 * 1024;
/** Chunks in memory, for all who read the archive: hosts that keep pace share them, one that is slow reads the disk again. */
const keptChunks = 24;

/** A member that is made here and not read from disk; its content may depend on the digests of all files before it. */
export interface MadeEntry {
  readonly name: string;
  readonly size: number;
  make(digests: ReadonlyMap<SourceEntry, string>): Buffer;
}

interface Piece {
  readonly start: number;
  readonly headers: number;
  readonly entry: TarEntry;
  readonly source: SourceEntry | MadeEntry;
}

interface Part {
  readonly source: SourceEntry;
  /** Where the bytes go. */
  readonly bytes: Buffer;
  /** Where they lie among the bytes of the file that stand in the archive, and where in the file itself. */
  readonly stored: number;
  readonly offset: number;
}

/**
 * A tar archive that is never written: its bytes follow from the files, so that any part of it can be made when somebody
 * asks, by reading the files there. Every read checks that the file is still the one that was seen at first.
 */
export class TarSource {
  /** Bytes of the archive. */
  readonly size: number;
  /** Bytes of the files in it. */
  readonly contentSize: number;
  readonly #pieces: readonly Piece[];
  readonly #chunks = new Map<number, Promise<Buffer>>();
  readonly #withDigests: boolean;
  readonly #digests = new Map<SourceEntry, string>();
  #hashing: { readonly source: SourceEntry; readonly hash: Hash; next: number; at: number } | undefined;
  #digested: Promise<void> = Promise.resolve();

  constructor(sources: readonly SourceEntry[], made: readonly MadeEntry[], prefix: string, digests: boolean) {
    let at = 0;
    const place = (source: SourceEntry | MadeEntry, entry: TarEntry): Piece => {
      const headers = encodeHeaders(entry).length;
      const piece = { start: at, headers, entry, source };
      at += headers + padded(storedSize(entry));
      return piece;
    };
    this.#pieces = [
      ...sources.map((source) => place(source, { ...source, name: prefix + source.name })),
      ...made.map((one) =>
        place(one, { name: one.name, type: 'file', mode: 0o600, size: one.size, mtime: 0n }),
      ),
    ];
    this.size = at + 2 * blockSize;
    this.contentSize = sources.reduce((sum, source) => sum + source.size, 0);
    this.#withDigests = digests;
  }

  /** The bytes from an offset to the end of the chunk in which it lies. */
  async read(offset: number): Promise<Buffer> {
    const index = Math.floor(offset / chunkSize);
    let chunk = this.#chunks.get(index);
    if (!chunk) {
      chunk = this.#make(index * chunkSize, Math.min(this.size, (index + 1) * chunkSize));
      this.#chunks.set(index, chunk);
      for (const oldest of this.#chunks.keys()) {
        if (this.#chunks.size <= keptChunks) break;
        this.#chunks.delete(oldest);
      }
    }
    return (await chunk).subarray(offset - index * chunkSize);
  }

  async #make(from: number, to: number): Promise<Buffer> {
    const chunk = Buffer.alloc(to - from);
    const before = this.#digested;
    const parts: Part[] = [];
    const made: (() => void)[] = [];
    for (let i = this.#find(from); i < this.#pieces.length; i++) {
      const piece = this.#pieces[i] as Piece;
      if (piece.start >= to) break;
      const data = piece.start + piece.headers;
      if (data > from) copyTo(chunk, encodeHeaders(piece.entry), piece.start - from);
      const begin = Math.max(from, data);
      const end = Math.min(to, data + storedSize(piece.entry));
      const { source } = piece;
      if ('make' in source) made.push(() => copyTo(chunk, source.make(this.#digests), data - from));
      else if (piece.entry.type === 'file')
        for (const { offset, length, stored } of rangesOf(source, begin - data, end - data)) {
          const place = data + stored - from;
          parts.push({ source, bytes: chunk.subarray(place, place + length), stored, offset });
        }
    }
    const read = Promise.all(parts.map(readPart));
    this.#digested = read.then(async () => {
      await before;
      this.#digest(parts);
    });
    await this.#digested;
    for (const fill of made) fill();
    return chunk;
  }

  /** Each file's bytes go through its digest once, in their order: whoever reads first reads from the beginning. */
  #digest(parts: readonly Part[]): void {
    if (!this.#withDigests) return;
    for (const { source, bytes, stored, offset } of parts) {
      if (stored === 0 && !this.#digests.has(source) && this.#hashing?.source !== source)
        this.#hashing = { source, hash: createHash('sha256'), next: 0, at: 0 };
      const now = this.#hashing;
      // A part that is read again, for a host that is behind, has gone through already.
      if (now?.source !== source || now.next !== stored) continue;
      hashZeros(now.hash, offset - now.at);
      now.hash.update(bytes);
      now.next += bytes.length;
      now.at = offset + bytes.length;
      if (now.next < storedSize(source)) continue;
      hashZeros(now.hash, source.size - now.at);
      this.#digests.set(source, now.hash.digest('hex'));
      this.#hashing = undefined;
    }
  }

  /** The last piece that begins at or before an offset. */
  #find(offset: number): number {
    let low = 0;
    let high = this.#pieces.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#pieces[middle] as Piece).start <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function copyTo(chunk: Buffer, bytes: Buffer, at: number): void {
  bytes.copy(chunk, Math.max(0, at), Math.max(0, -at));
}

/** The parts of a file behind a stretch of its bytes in the archive; one, unless it has holes. An empty file has an empty part. */
function rangesOf(source: SourceEntry, begin: number, end: number): (Region & { stored: number })[] {
  const ranges: (Region & { stored: number })[] = [];
  let at = 0;
  for (const region of source.regions ?? [{ offset: 0, length: source.size }]) {
    const from = Math.max(begin, at);
    const to = Math.min(end, at + region.length);
    if (from < to || (from === to && source.size === 0))
      ranges.push({ offset: region.offset + from - at, length: to - from, stored: from });
    at += region.length;
  }
  return ranges;
}

async function readPart({ source, bytes, offset }: Part): Promise<void> {
  const changed = (how: string, cause?: unknown) =>
    new RookeryError('ERR_SOURCE_CHANGED', `${source.path.toString()} ${how} while it was copied`, { cause });
  if (source.content) {
    source.content.copy(bytes, 0, offset);
    return;
  }
  let file;
  try {
    // Not a symlink that took the place of the file, and not a pipe that nobody writes to.
    file = await open(source.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const gone = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (gone) throw changed('vanished', error);
    throw new RookeryError('ERR_TRANSFER', `cannot read ${source.path.toString()}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  try {
    for (let done = 0; done < bytes.length;) {
      const { bytesRead } = await file.read(bytes, done, bytes.length - done, offset + done);
      if (bytesRead === 0) throw changed('shrank');
      done += bytesRead;
    }
    const { size, mtimeNs, ino } = await file.stat({ bigint: true });
    if (size !== BigInt(source.size) || mtimeNs !== source.mtime || ino !== source.inode)
      throw changed('changed');
  } finally {
    await file.close();
  }
}
