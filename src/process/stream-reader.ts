import type { Readable } from 'node:stream';
import { LineSplitter } from './lines.js';
import { OutputBuffer } from './output.js';

/** Takes a chunk; a promise means: not another one until it is settled. */
export type Consumer = (chunk: Buffer) => void | Promise<void>;

/**
 * Reads one output stream of a process: keeps the tail, feeds the consumers, and stops reading while one of them is
 * behind, so that a slow consumer slows its own source and nothing grows.
 */
export class StreamReader {
  readonly kept: OutputBuffer;
  readonly #consumers = new Set<Consumer>();
  readonly #onChunk: Consumer;
  #source: Readable | undefined;
  #behind = 0;
  #resolveClosed!: () => void;
  /** Bytes since the last call of {@link takeProgress}. */
  #progress = 0;
  isClosed = false;
  /** Settles when no more output can come. Never rejects. */
  readonly closed = new Promise<void>((resolve) => (this.#resolveClosed = resolve));

  constructor(limit: number, onChunk: Consumer) {
    this.kept = new OutputBuffer(limit);
    this.#onChunk = onChunk;
  }

  attach(source: Readable | undefined): void {
    if (!source) return this.close();
    this.#source = source;
    source.on('data', this.#onData);
    source.once('end', () => this.close());
    source.once('close', () => this.close());
    // Errors of the stream show in how the process ends; here they only mean the end of output.
    source.on('error', () => this.close());
    // It may have ended while somebody else was looking at its beginning, and been left paused.
    if (source.readableEnded || source.destroyed) this.close();
    else source.resume();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.isClosed) return;
    this.#progress += chunk.length;
    this.kept.append(chunk);
    this.#give(this.#onChunk, chunk);
    for (const consumer of this.#consumers) this.#give(consumer, chunk);
  };

  #give(consumer: Consumer, chunk: Buffer): void {
    const pending = consumer(chunk);
    if (!pending) return;
    if (this.#behind++ === 0) this.#source?.pause();
    const caughtUp = () => {
      if (--this.#behind === 0) this.#source?.resume();
    };
    pending.then(caughtUp, caughtUp);
  }

  add(consumer: Consumer): void {
    this.#consumers.add(consumer);
  }
  remove(consumer: Consumer): void {
    this.#consumers.delete(consumer);
  }

  /** Whether the last stretch of time brought output, or could not because a consumer is behind. */
  takeProgress(enough: number): boolean {
    const moved = this.#behind > 0 || this.#progress >= enough;
    this.#progress = 0;
    return moved;
  }

  /** The end: whatever still comes is not looked at. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#source?.off('data', this.#onData);
    // An unread stream would never end, and hold what it stands on.
    this.#source?.resume();
    this.#resolveClosed();
  }

  /** The lines from the oldest byte in memory on, as they come; reading stops while nobody asks for the next. */
  async *lines(): AsyncGenerator<string, void, undefined> {
    const queue: string[] = [];
    let wake: (() => void) | undefined;
    let caughtUp: (() => void) | undefined;
    const splitter = new LineSplitter((line) => queue.push(line));
    const consumer: Consumer = (chunk) => {
      splitter.push(chunk);
      wake?.();
      if (queue.length > 0) return new Promise<void>((resolve) => (caughtUp = resolve));
    };
    splitter.push(this.kept.bytes);
    this.add(consumer);
    void this.closed.then(() => wake?.());
    try {
      for (;;) {
        // Index instead of shift(): a chunk may hold a hundred thousand lines.
        for (let i = 0; i < queue.length; i++) yield queue[i] as string;
        queue.length = 0;
        caughtUp?.();
        caughtUp = undefined;
        if (this.isClosed) break;
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (queue.length > 0 || this.isClosed) resolve();
        });
      }
      splitter.end();
      yield* queue;
    } finally {
      this.remove(consumer);
      caughtUp?.();
    }
  }
}
