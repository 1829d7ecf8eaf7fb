import { createHash } from 'node:crypto';

/** Numbers that look like chance and are the same for the same seed, on every machine: SHA-256 of the seed and a counter. */
export class Random {
  readonly #seed: string;
  #count = 0;
  #bytes = Buffer.alloc(0);

  constructor(seed: number | string) {
    this.#seed = String(seed);
  }

  #next(length: number): Buffer {
    while (this.#bytes.length < length) {
      const block = createHash('sha256').update(`${this.#count++} ${this.#seed}`).digest();
      this.#bytes = Buffer.concat([this.#bytes, block]);
    }
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  /** A whole number from 0 to `limit - 1`. 64 bits more than needed are drawn, so that the bias does not matter. */
  below(limit: bigint): bigint {
    const length = Math.ceil(limit.toString(16).length / 2) + 8;
    return BigInt(`0x${this.#next(length).toString('hex')}`) % limit;
  }

  index(length: number): number {
    return this.#next(6).readUIntBE(0, 6) % length;
  }

  /** The same items in an order of chance (Fisher and Yates). */
  shuffled<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.index(i + 1);
      [result[i], result[j]] = [result[j] as T, result[i] as T];
    }
    return result;
  }
}
