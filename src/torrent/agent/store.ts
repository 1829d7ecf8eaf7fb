import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { lengthOfPiece, type Metainfo } from '../metainfo.js';

/** Files that are open at the same time. */
const mostOpen = 64;
/** Bytes of pieces kept in memory, to be passed on without reading them again. */
const kept = 32 * 1024 * 1024;

interface Span {
  readonly file: number;
  /** Within the file, and within the piece. */
  readonly offset: number;
  readonly at: number;
  readonly length: number;
}

/** The pieces of a torrent in its files. Whatever is read from disk is verified before anybody sees it. */
export class PieceStore {
  /** Where each file lies; changes when they are put in their place. */
  paths: readonly (Buffer | string)[];
  readonly #meta: Metainfo;
  readonly #starts: readonly number[];
  readonly #open = new Map<number, Promise<FileHandle>>();
  readonly #recent = new Map<number, Buffer>();
  readonly #reading = new Map<number, Promise<Buffer | undefined>>();
  #recentBytes = 0;
  writable: boolean;

  constructor(meta: Metainfo, paths: readonly (Buffer | string)[], writable: boolean) {
    this.#meta = meta;
    this.paths = paths;
    this.writable = writable;
    let at = 0;
    this.#starts = meta.files.map(({ length }) => (at += length) - length);
  }

  isGood(piece: number, bytes: Buffer): boolean {
    const digest = createHash('sha1').update(bytes).digest();
    return digest.equals(this.#meta.pieces.subarray(20 * piece, 20 * piece + 20));
  }

  /** Of a piece that was used of late, without waiting. */
  recent(piece: number): Buffer | undefined {
    return this.#recent.get(piece);
  }

  /** A piece from memory or disk; undefined when what lies there is not (or no longer) that piece. */
  read(piece: number): Promise<Buffer | undefined> {
    const recent = this.#recent.get(piece);
    if (recent) return Promise.resolve(recent);
    let reading = this.#reading.get(piece);
    if (!reading) {
      reading = this.#read(piece).finally(() => this.#reading.delete(piece));
      this.#reading.set(piece, reading);
    }
    return reading;
  }

  async #read(piece: number): Promise<Buffer | undefined> {
    const bytes = Buffer.allocUnsafeSlow(lengthOfPiece(this.#meta, piece));
    for (const span of this.#spans(piece)) {
      const file = await this.#file(span.file);
      for (let done = 0; done < span.length;) {
        const { bytesRead } = await file.read(bytes, span.at + done, span.length - done, span.offset + done);
        if (bytesRead === 0) return undefined;
        done += bytesRead;
      }
    }
    if (!this.isGood(piece, bytes)) return undefined;
    this.#keep(piece, bytes);
    return bytes;
  }

  async write(piece: number, bytes: Buffer): Promise<void> {
    this.#keep(piece, bytes);
    for (const { file, offset, at, length } of this.#spans(piece)) {
      const handle = await this.#file(file);
      for (let done = 0; done < length;)
        done += (await handle.write(bytes, at + done, length - done, offset + done)).bytesWritten;
    }
  }

  #keep(piece: number, bytes: Buffer): void {
    this.#recent.set(piece, bytes);
    this.#recentBytes += bytes.length;
    for (const [oldest, old] of this.#recent) {
      if (this.#recentBytes <= kept) break;
      this.#recent.delete(oldest);
      this.#recentBytes -= old.length;
    }
  }

  #spans(piece: number): Span[] {
    const spans: Span[] = [];
    const begin = piece * this.#meta.pieceLength;
    const end = begin + lengthOfPiece(this.#meta, piece);
    let low = 0;
    for (let high = this.#starts.length - 1; low < high;) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#starts[middle] as number) <= begin) low = middle;
      else high = middle - 1;
    }
    for (let file = low; file < this.#starts.length; file++) {
      const start = this.#starts[file] as number;
      if (start >= end) break;
      const from = Math.max(begin, start);
      const to = Math.min(end, start + (this.#meta.files[file]?.length ?? 0));
      if (from < to) spans.push({ file, offset: from - start, at: from - begin, length: to - from });
    }
    return spans;
  }

  #file(index: number): Promise<FileHandle> {
    let file = this.#open.get(index);
    if (!file) {
      const access = this.writable ? constants.O_RDWR : constants.O_RDONLY;
      file = open(this.paths[index] as string, access | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      file.catch(() => this.#open.delete(index));
      this.#open.set(index, file);
      if (this.#open.size > mostOpen) {
        const [oldest, old] = [...this.#open][0] as [number, Promise<FileHandle>];
        this.#open.delete(oldest);
        // A read or write of this moment must not lose its file.
        setTimeout(() => void old.then((handle) => handle.close()).catch(() => undefined), 5000).unref();
      }
    }
    return file;
  }

  async close(): Promise<void> {
    const files = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(files.map((file) => file.then((handle) => handle.close()).catch(() => undefined)));
  }
}
