import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { Writable } from 'node:stream';
import { messageOf } from '../util/index.js';
import type { ResolvedOptions } from './options.js';

/** Feeds stdin: what the option says first, then what `write()` brings; tells when not all of it was taken. */
export class InputWriter {
  readonly #option: ResolvedOptions['stdin'];
  readonly #onFail: (reason: string) => void;
  #stream: Writable | undefined;
  #source: Readable | undefined;
  #waiting: (string | Uint8Array)[] = [];
  #endWanted = false;
  #closed = false;

  constructor(option: ResolvedOptions['stdin'], onFail: (reason: string) => void) {
    this.#option = option;
    this.#onFail = onFail;
  }

  attach(stream: Writable | undefined): void {
    this.#stream = stream;
    if (!stream) return;
    stream.on('error', (error) => this.#fail(messageOf(error)));
    const option = this.#option;
    if (option === 'ignore') stream.end();
    else if (option instanceof Readable) this.#pipe(option, stream);
    else if (typeof option === 'object' && 'file' in option)
      this.#pipe(createReadStream(option.file), stream);
    else {
      if (option !== undefined && option !== 'pipe') this.#waiting.unshift(option);
      for (const data of this.#waiting) stream.write(data);
      this.#waiting = [];
      if (this.#endWanted || (option !== undefined && option !== 'pipe')) stream.end();
    }
  }

  #pipe(source: Readable, stream: Writable): void {
    this.#source = source;
    source.on('error', (error) => {
      this.#fail(`stdin could not be read: ${error.message}`);
      stream.end();
    });
    source.pipe(stream);
  }

  write(data: string | Uint8Array): void {
    if (this.#closed) this.#fail('write() after the end');
    else if (!this.#stream) this.#waiting.push(data);
    else if (this.#stream.writable) this.#stream.write(data);
    else this.#fail('write() after stdin was closed');
  }

  end(): void {
    this.#endWanted = true;
    if (this.#stream && !this.#source) this.#stream.end();
  }

  /** The process has ended: what is still here was not taken. */
  close(): void {
    if (this.#closed) return;
    const left = (this.#stream?.writableLength ?? 0) + this.#waiting.length;
    const unread = this.#source !== undefined && this.#source.readableLength > 0;
    this.#closed = true;
    if (this.#source) {
      this.#source.unpipe();
      // A file that this class opened is its own to close; a stream that the user gave is not.
      if (this.#option !== this.#source) this.#source.destroy();
    }
    if (left > 0 || unread) this.#fail('the process ended before it had taken all of its stdin');
  }

  #fail(reason: string): void {
    this.#onFail(reason);
  }
}
