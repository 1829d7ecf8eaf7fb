import { createWriteStream } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { Writable } from 'node:stream';
import { InvalidArgument, RookeryError, messageOf, show } from '../util/index.js';
import type { Check } from '../util/index.js';
import type { ProcessBase } from './base.js';
import { LineSplitter } from './lines.js';
import type { Consumer } from './stream-reader.js';

/**
 * Where output goes besides memory: a file (its path; truncated at the start, closed at the end), a stream (not ended),
 * a function called with each chunk, or `onLine`, called with each line. A handler that returns a promise, or a stream
 * that is full, slows the process down. A handler that fails makes the process fail with ERR_OUTPUT_HANDLER.
 */
export type OutputHandler =
  | string
  | Writable
  | ((chunk: Buffer, process: ProcessBase) => void | Promise<void>)
  | { onLine: (line: string, process: ProcessBase) => void };

export const isHandler: Check = (value) => {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const wrong = list.find((item) => !isOne(item));
  return list.every(isOne)
    ? undefined
    : `a path, a writable stream, a function or { onLine } (got ${show(wrong)})`;
};
function isOne(item: unknown): boolean {
  if (typeof item === 'string') return item !== '';
  if (typeof item === 'function' || item instanceof Writable) return true;
  if (typeof item !== 'object' || item === null) return false;
  return (
    ('onLine' in item && typeof item.onLine === 'function') ||
    ('write' in item && typeof item.write === 'function')
  );
}

/** Handlers of one stream for one run of a process. */
export class HandlerSet {
  readonly #files: { stream: WriteStream; finished: Promise<void> }[] = [];
  readonly #splitters: LineSplitter[] = [];
  readonly #fail: (error: unknown) => void;
  readonly consumers: Consumer[] = [];

  constructor(
    handlers: readonly OutputHandler[],
    process: ProcessBase,
    onError: (error: RookeryError) => void,
  ) {
    this.#fail = (error: unknown) =>
      onError(
        error instanceof RookeryError
          ? error
          : new RookeryError(
              'ERR_OUTPUT_HANDLER',
              `an output handler of ${process.name} failed: ${messageOf(error)}`,
              { cause: error },
            ),
      );
    for (const handler of handlers) this.consumers.push(guard(this.#consumer(handler, process), this.#fail));
  }

  #consumer(handler: OutputHandler, process: ProcessBase): Consumer {
    if (typeof handler === 'function') return (chunk) => handler(chunk, process);
    if (typeof handler === 'string') return this.#file(handler);
    if ('onLine' in handler) {
      const splitter = new LineSplitter((line) => handler.onLine(line, process));
      this.#splitters.push(splitter);
      return (chunk) => splitter.push(chunk);
    }
    if (!(handler instanceof Writable) && typeof (handler as Writable).write !== 'function') {
      throw new InvalidArgument(`not an output handler: ${show(handler)}`);
    }
    return toStream(handler);
  }

  #file(path: string): Consumer {
    const stream = createWriteStream(path);
    const finished = new Promise<void>((resolve) => {
      stream.once('close', resolve);
      stream.once('error', (error) => {
        this.#fail(
          new RookeryError('ERR_OUTPUT_HANDLER', `cannot write the output file ${path}: ${error.message}`, {
            cause: error,
          }),
        );
        resolve();
      });
    });
    this.#files.push({ stream, finished });
    return toStream(stream);
  }

  /** Delivers a last line without a newline, and waits until files are on disk. */
  async finish(): Promise<void> {
    for (const splitter of this.#splitters) {
      try {
        splitter.end();
      } catch (error) {
        this.#fail(error);
      }
    }
    for (const { stream } of this.#files) stream.end();
    await Promise.all(this.#files.map((file) => file.finished));
  }
}

function toStream(stream: Writable): Consumer {
  return (chunk) => {
    if (stream.destroyed || stream.writableEnded) return;
    if (stream.write(chunk)) return;
    return new Promise<void>((resolve) => {
      const done = () => {
        stream.off('drain', done).off('close', done).off('error', done);
        resolve();
      };
      stream.once('drain', done).once('close', done).once('error', done);
    });
  };
}

function guard(consumer: Consumer, fail: (error: unknown) => void): Consumer {
  let failed = false;
  const failOnce = (error: unknown) => {
    if (!failed) fail(error);
    failed = true;
  };
  return (chunk) => {
    if (failed) return;
    try {
      return consumer(chunk)?.catch(failOnce);
    } catch (error) {
      failOnce(error);
    }
  };
}
