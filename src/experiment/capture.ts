import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

interface Writer {
  write: (this: unknown, chunk: string | Uint8Array, ...rest: unknown[]) => boolean;
}

/** From now on, what this program writes to stdout and stderr, its log among it, is also appended to two files. */
export class Capture {
  readonly #undo: (() => void)[] = [];

  constructor(directory: string) {
    for (const name of ['stdout', 'stderr'] as const) {
      const file = openSync(join(directory, `${name}.log`), 'a');
      const stream = process[name] as unknown as Writer;
      const write = stream.write;
      // At once, not when there is time: a killed experiment is to leave all that it said.
      const both: Writer['write'] = (chunk, ...rest) => {
        const encoding = typeof rest[0] === 'string' ? (rest[0] as BufferEncoding) : 'utf8';
        const data = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
        for (let written = 0; written < data.length;) written += writeSync(file, data, written);
        return write.call(stream, chunk, ...rest);
      };
      stream.write = both;
      this.#undo.push(() => {
        if (stream.write === both) stream.write = write;
        closeSync(file);
      });
    }
  }

  stop(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }
}
