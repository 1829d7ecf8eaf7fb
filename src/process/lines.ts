/** Longest line that is delivered whole; a longer one is delivered in pieces of this size. 128 MiB. */
const longestLine = 128 * 1024 * 1024;

/** Cuts a stream of bytes into lines, without their `\n` or `\r\n`. The last one needs no newline. */
export class LineSplitter {
  #rest: Buffer[] = [];
  #size = 0;
  readonly #onLine: (line: string) => void;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      this.#emit(chunk.subarray(from, at));
      from = at + 1;
    }
    if (from < chunk.length) {
      const rest = chunk.subarray(from);
      this.#rest.push(rest);
      this.#size += rest.length;
      if (this.#size >= longestLine) this.#emit(Buffer.alloc(0));
    }
  }

  end(): void {
    if (this.#size > 0) this.#emit(Buffer.alloc(0));
  }

  #emit(last: Buffer): void {
    let line = last;
    if (this.#size > 0) {
      line = Buffer.concat([...this.#rest, last]);
      this.#rest = [];
      this.#size = 0;
    }
    if (line[line.length - 1] === 13) line = line.subarray(0, -1);
    this.#onLine(line.toString('utf8'));
  }
}
