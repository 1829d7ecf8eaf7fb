const nothing = Buffer.alloc(0);

/**
 * The part of a stream that is kept in memory: the last `limit` bytes. Chunks are stored as they come and joined
 * when somebody looks.
 */
export class OutputBuffer {
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #first = 0;
  #size = 0;
  #text: string | undefined;
  /** Bytes seen in all. */
  total = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** True once bytes were dropped. */
  get truncated(): boolean {
    return this.total > this.#size;
  }

  append(chunk: Buffer): void {
    this.total += chunk.length;
    this.#text = undefined;
    if (this.#limit === 0) return;
    let kept = chunk.length > this.#limit ? chunk.subarray(chunk.length - this.#limit) : chunk;
    // A small slice would keep the whole packet buffer that it is a view of.
    if (kept.buffer.byteLength > 2 * kept.length) kept = Buffer.from(kept);
    this.#chunks.push(kept);
    this.#size += kept.length;
    while (this.#size > this.#limit) this.#dropFrom(this.#size - this.#limit);
  }

  #dropFrom(excess: number): void {
    const oldest = this.#chunks[this.#first];
    if (!oldest) return;
    if (oldest.length > excess) {
      this.#chunks[this.#first] = oldest.subarray(excess);
      this.#size -= excess;
      return;
    }
    this.#size -= oldest.length;
    this.#chunks[this.#first++] = nothing;
    // Shift the array now and then only: once per chunk would be quadratic.
    if (this.#first > 1024) {
      this.#chunks = this.#chunks.slice(this.#first);
      this.#first = 0;
    }
  }

  get bytes(): Buffer {
    const live = this.#first ? this.#chunks.slice(this.#first) : this.#chunks;
    const whole = live.length === 1 && live[0] ? live[0] : Buffer.concat(live, this.#size);
    this.#chunks = this.#size ? [whole] : [];
    this.#first = 0;
    return whole;
  }

  get text(): string {
    if (this.#text === undefined) {
      let bytes = this.bytes;
      // Where the front was cut inside a character, its rest is not shown.
      if (this.truncated) {
        let skip = 0;
        while (skip < 3 && ((bytes[skip] ?? 0) & 0xc0) === 0x80) skip++;
        bytes = bytes.subarray(skip);
      }
      this.#text = bytes.toString('utf8');
    }
    return this.#text;
  }
}
