/** What can be written: text is written as UTF-8, keys of objects are sorted as BEP 3 asks for. */
export type Bencodable =
  number | string | Uint8Array | readonly Bencodable[] | { readonly [key: string]: Bencodable };
/** What is read: byte strings are bytes, keys of dictionaries are latin1 text (one character for each byte). */
export type Bencoded = number | Buffer | Bencoded[] | Map<string, Bencoded>;

/** Deeper nesting is no honest torrent. */
const deepest = 32;

/** Encodes a value (BEP 3). Keys of objects are taken as latin1 text. */
export function encode(value: Bencodable): Buffer {
  const parts: Buffer[] = [];
  write(value, parts);
  return Buffer.concat(parts);
}

function write(value: Bencodable, parts: Buffer[]): void {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new RangeError(`not a whole number: ${value}`);
    parts.push(Buffer.from(`i${value}e`));
  } else if (typeof value === 'string' || value instanceof Uint8Array) {
    const bytes = typeof value === 'string' ? Buffer.from(value) : Buffer.from(value);
    parts.push(Buffer.from(`${bytes.length}:`), bytes);
  } else if (Array.isArray(value)) {
    parts.push(Buffer.from('l'));
    for (const item of value as readonly Bencodable[]) write(item, parts);
    parts.push(Buffer.from('e'));
  } else {
    const entries = Object.entries(value as { readonly [key: string]: Bencodable });
    parts.push(Buffer.from('d'));
    for (const [key, item] of entries.sort(([a], [b]) => (a < b ? -1 : 1))) {
      write(Buffer.from(key, 'latin1'), parts);
      write(item, parts);
    }
    parts.push(Buffer.from('e'));
  }
}

/** Decodes one value, which must be all there is; throws an Error that says where it is wrong. */
export function decode(bytes: Buffer): Bencoded {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (reader.at !== bytes.length) throw reader.wrong('something follows the end');
  return value;
}

/** The bytes of one value of the outermost dictionary, as they stand there: what an info hash is made from. */
export function rawValue(bytes: Buffer, key: string): Buffer | undefined {
  const reader = new Reader(bytes);
  let found: Buffer | undefined;
  reader.dictionary(0, (name, from, to) => {
    if (name === key) found = bytes.subarray(from, to);
  });
  return found;
}

class Reader {
  at = 0;
  constructor(private readonly bytes: Buffer) {}

  wrong(how: string): Error {
    return new Error(`bencode: ${how}, at byte ${this.at}`);
  }

  value(depth: number): Bencoded {
    if (depth > deepest) throw this.wrong('nested too deeply');
    const first = this.bytes[this.at];
    if (first === 0x69) {
      this.at++;
      return this.number(0x65, /^(0|-?[1-9]\d*)$/);
    }
    if (first === 0x6c) {
      this.at++;
      const list: Bencoded[] = [];
      while (this.bytes[this.at] !== 0x65) list.push(this.value(depth + 1));
      this.at++;
      return list;
    }
    if (first === 0x64) return this.dictionary(depth);
    return this.text();
  }

  dictionary(depth: number, seen?: (key: string, from: number, to: number) => void): Map<string, Bencoded> {
    if (this.bytes[this.at] !== 0x64) throw this.wrong('there is no dictionary');
    this.at++;
    const map = new Map<string, Bencoded>();
    while (this.bytes[this.at] !== 0x65) {
      const key = this.text().toString('latin1');
      if (map.has(key)) throw this.wrong('a key comes twice');
      const from = this.at;
      map.set(key, this.value(depth + 1));
      seen?.(key, from, this.at);
    }
    this.at++;
    return map;
  }

  private text(): Buffer {
    const length = this.number(0x3a, /^(0|[1-9]\d*)$/);
    if (length > this.bytes.length - this.at) throw this.wrong('a string is longer than what is there');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  private number(end: number, form: RegExp): number {
    const to = this.bytes.subarray(this.at, this.at + 24).indexOf(end);
    const text = to < 0 ? '' : this.bytes.toString('latin1', this.at, this.at + to);
    if (!form.test(text) || !Number.isSafeInteger(Number(text))) throw this.wrong('there is no number');
    this.at += to + 1;
    return Number(text);
  }
}
