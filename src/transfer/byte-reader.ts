/** Takes a stream of chunks apart at given lengths; never holds more than one chunk and what was asked for. */
export class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next chunk, at most `limit` bytes of it; undefined at the end. Never empty. */
  async some(limit: number): Promise<Buffer | undefined> {
    while (this.#rest.length === 0) {
      const next = await this.#source.next();
      if (next.done) return undefined;
      this.#rest = next.value;
    }
    const chunk = this.#rest.subarray(0, limit);
    this.#rest = this.#rest.subarray(chunk.length);
    return chunk;
  }

  /** Exactly so many bytes, or undefined when the stream ends before. */
  async exactly(length: number): Promise<Buffer | undefined> {
    if (this.#rest.length >= length) {
      const whole = this.#rest.subarray(0, length);
      this.#rest = this.#rest.subarray(length);
      return whole;
    }
    const parts: Buffer[] = [];
    for (let missing = length; missing > 0;) {
      const part = await this.some(missing);
      if (!part) return undefined;
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }
}
