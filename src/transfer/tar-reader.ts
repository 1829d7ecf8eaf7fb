import { RookeryError } from '../util/index.js';
import type { ByteReader } from './byte-reader.js';
import { blockSize, padded } from './tar-format.js';

/** A member of an archive that is being read. */
export interface ReceivedEntry {
  /** As it was sent, one byte to a character (latin1). Not to be trusted. */
  readonly name: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'hardlink' | 'other';
  readonly mode: number;
  /** Bytes of the file, holes included. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly target: string;
  /** Where in the file its data lie, in the order in which they come. */
  readonly regions: readonly { readonly offset: number; readonly length: number }[];
}

/** A name or a map of holes longer than this is no honest one. */
const largestExtension = 1024 * 1024;

const types: Record<string, ReceivedEntry['type']> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'directory',
};

/**
 * Reads archives, also several one after the other: ustar, GNU (long names, holes) and pax. For each member `take` gets its
 * header and what reads its data; what it leaves unread is skipped.
 */
export async function readArchive(
  bytes: ByteReader,
  take: (entry: ReceivedEntry, data: (limit: number) => Promise<Buffer | undefined>) => Promise<void>,
): Promise<void> {
  let longName: string | undefined;
  let longTarget: string | undefined;
  let pax = new Map<string, string>();
  for (;;) {
    const first = await bytes.some(blockSize);
    if (!first) return;
    const rest = first.length < blockSize ? await must(bytes, blockSize - first.length) : undefined;
    const block = rest ? Buffer.concat([first, rest]) : Buffer.from(first);
    if (block.every((byte) => byte === 0)) continue;
    checkSum(block);
    const flag = String.fromCharCode(block[156] as number);
    const stored = number(block, 124, 12);
    if ('LKxg'.includes(flag)) {
      if (stored > largestExtension) throw damaged('a name is too long');
      const text = (await must(bytes, padded(stored))).subarray(0, stored).toString('latin1');
      if (flag === 'L') longName = cut(text);
      else if (flag === 'K') longTarget = cut(text);
      else if (flag === 'x') pax = paxRecords(text);
      continue;
    }
    const prefix =
      block.toString('latin1', 257, 263) === 'ustar\0' ? cut(block.toString('latin1', 345, 500)) : '';
    const short = cut(block.toString('latin1', 0, 100));
    const length = pax.has('size') ? Number(pax.get('size')) : stored;
    const type = types[flag] ?? 'other';
    let size = type === 'file' ? length : 0;
    let regions: Regions = [{ offset: 0, length: size }];
    const map = pax.get('GNU.sparse.map');
    if (flag === 'S' || map !== undefined) {
      size = map === undefined ? number(block, 483, 12) : Number(pax.get('GNU.sparse.size'));
      regions = map === undefined ? await sparseBlocks(bytes, block) : sparseNumbers(map);
      checkRegions(regions, size, length);
    }
    let left = length;
    const data = async (limit: number) => {
      const chunk = left === 0 ? undefined : await bytes.some(Math.min(limit, left));
      if (left > 0 && !chunk) throw damaged('it ends in the middle of a file');
      left -= chunk?.length ?? 0;
      return chunk;
    };
    await take(
      {
        name:
          pax.get('GNU.sparse.name') ??
          pax.get('path') ??
          longName ??
          (prefix ? `${prefix}/${short}` : short),
        type,
        mode: number(block, 100, 8),
        size,
        mtime: pax.has('mtime') ? Number(pax.get('mtime')) : number(block, 136, 12),
        target: pax.get('linkpath') ?? longTarget ?? cut(block.toString('latin1', 157, 257)),
        regions,
      },
      data,
    );
    while (left > 0) await data(left);
    await must(bytes, padded(length) - length);
    longName = longTarget = undefined;
    pax = new Map();
  }
}

function damaged(how: string): RookeryError {
  return new RookeryError('ERR_TRANSFER', `the archive that the host sent is damaged: ${how}`);
}

async function must(bytes: ByteReader, length: number): Promise<Buffer> {
  const found = await bytes.exactly(length);
  if (!found) throw damaged('it ends too early');
  return found;
}

/** The sum of all bytes, with blanks in the place of the sum. */
function checkSum(block: Buffer): void {
  let sum = 8 * 0x20;
  for (let i = 0; i < blockSize; i++) if (i < 148 || i >= 156) sum += block[i] as number;
  if (sum !== number(block, 148, 8)) throw damaged('a checksum is wrong');
}

function cut(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/** Octal digits, or GNU's base-256 when the highest bit is set. */
function number(block: Buffer, at: number, length: number): number {
  const first = block[at] as number;
  if (first < 0x80) {
    const value = parseInt(cut(block.toString('latin1', at, at + length)).trim() || '0', 8);
    if (!Number.isSafeInteger(value) || value < 0) throw damaged('a number is no number');
    return value;
  }
  let value = first === 0xff ? -1n : 0n;
  for (let i = at + 1; i < at + length; i++) value = (value << 8n) | BigInt(block[i] as number);
  const small = Number(value);
  if (!Number.isSafeInteger(small)) throw damaged('a number is too large');
  return small;
}

/** Records `LENGTH KEY=VALUE\n`; the length counts itself. */
function paxRecords(text: string): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < text.length;) {
    const match = /^(\d+) ([^=]+)=/.exec(text.slice(at, at + 256));
    const length = Number(match?.[1]);
    if (!match || length <= match[0].length || at + length > text.length)
      throw damaged('a pax record is wrong');
    records.set(match[2] as string, text.slice(at + match[0].length, at + length - 1));
    at += length;
  }
  return records;
}

type Regions = ReceivedEntry['regions'];

/** GNU's map of a file with holes: offsets and lengths of what is there, four in the header, 21 in each further block. */
async function sparseBlocks(bytes: ByteReader, header: Buffer): Promise<Regions> {
  const regions: { offset: number; length: number }[] = [];
  const take = (block: Buffer, at: number, count: number) => {
    for (let i = at; i < at + 24 * count && block[i] !== 0; i += 24)
      regions.push({ offset: number(block, i, 12), length: number(block, i + 12, 12) });
  };
  take(header, 386, 4);
  for (let more = header[482] === 1; more;) {
    if (regions.length * 24 > largestExtension) throw damaged('its map of holes is too long');
    const block = await must(bytes, blockSize);
    take(block, 0, 21);
    more = block[504] === 1;
  }
  return regions;
}

/** The same in a pax header: `OFFSET,LENGTH,OFFSET,LENGTH…`. */
function sparseNumbers(map: string): Regions {
  const numbers = map.split(',').map(Number);
  return Array.from({ length: numbers.length >> 1 }, (_, i) => ({
    offset: numbers[2 * i] as number,
    length: numbers[2 * i + 1] as number,
  }));
}

function checkRegions(regions: Regions, size: number, stored: number): void {
  let end = 0;
  let sum = 0;
  for (const { offset, length } of regions) {
    const good = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= end && length >= 0;
    if (!good) throw damaged('its map of holes is wrong');
    end = offset + length;
    sum += length;
  }
  if (sum !== stored || !(end <= size)) throw damaged('its map of holes is wrong');
}
