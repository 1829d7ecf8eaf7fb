/** A set of piece numbers, laid out as BEP 3 sends it: the highest bit of the first byte is piece 0. */
export class Bitfield {
  readonly length: number;
  readonly bytes: Buffer;
  count = 0;

  constructor(length: number) {
    this.length = length;
    this.bytes = Buffer.alloc((length + 7) >> 3);
  }

  /** From what a peer sent; undefined when its length is wrong or one of the spare bits is set. */
  static from(length: number, bytes: Buffer): Bitfield | undefined {
    const field = new Bitfield(length);
    if (bytes.length !== field.bytes.length) return undefined;
    bytes.copy(field.bytes);
    const spare = bytes.length * 8 - length;
    if (spare > 0 && ((bytes.at(-1) as number) & ((1 << spare) - 1)) !== 0) return undefined;
    for (let i = 0; i < length; i++) if (field.has(i)) field.count++;
    return field;
  }

  has(index: number): boolean {
    return ((this.bytes[index >> 3] as number) & (0x80 >> (index & 7))) !== 0;
  }

  /** True when it was not there before. */
  add(index: number): boolean {
    if (this.has(index)) return false;
    this.bytes[index >> 3] = (this.bytes[index >> 3] as number) | (0x80 >> (index & 7));
    this.count++;
    return true;
  }

  fill(): this {
    for (let i = 0; i < this.length; i++) this.add(i);
    return this;
  }

  get full(): boolean {
    return this.count === this.length;
  }
}
