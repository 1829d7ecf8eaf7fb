import type { Hash } from 'node:crypto';

/** Size of a block, the unit of everything in an archive (tar(5)). */
export const blockSize = 512;

/** One member of an archive. Names are bytes, kept one to a character (latin1): file names need not be UTF-8. */
export interface TarEntry {
  readonly name: string;
  readonly type: 'file' | 'directory' | 'symlink';
  /** Permission bits, setuid and sticky included. */
  readonly mode: number;
  /** Bytes; 0 for what is no file. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  /** Where a symlink points. */
  readonly target?: string;
  /** For a file with holes: where its data lie, in their order. */
  readonly regions?: readonly Region[];
}

/** A part of a file. */
export interface Region {
  readonly offset: number;
  readonly length: number;
}

/** Bytes of its content that stand in the archive. */
export function storedSize({ size, regions }: Pick<TarEntry, 'size' | 'regions'>): number {
  return regions ? regions.reduce((sum, region) => sum + region.length, 0) : size;
}

const typeFlags = { file: '0', directory: '5', symlink: '2' } as const;
const largestOctal = 0o77777777777;

/** The blocks before the content of an entry. Long names as GNU tar writes them, which keeps bytes as they are. */
export function encodeHeaders(entry: TarEntry): Buffer {
  const name = entry.type === 'directory' ? `${entry.name}/` : entry.name;
  const blocks: Buffer[] = [];
  const fraction = entry.mtime % 1_000_000_000n;
  // Only a pax header (POSIX.1-2001) has room for a fraction of a second; those who do not know it lose just that.
  if (fraction > 0n) blocks.push(...extension('x', paxRecord('mtime', decimal(entry.mtime))));
  if (entry.target !== undefined && entry.target.length > 100)
    blocks.push(...extension('K', `${entry.target}\0`));
  if (name.length > 100) blocks.push(...extension('L', `${name}\0`));
  if (entry.regions) blocks.push(...sparseHeaders(name, entry, entry.regions));
  else blocks.push(header(name, typeFlags[entry.type], entry, entry.target));
  return Buffer.concat(blocks);
}

/** GNU's old format for holes: four regions in the header, 21 in each block after it; an empty one at the end of the file. */
function sparseHeaders(name: string, entry: TarEntry, regions: readonly Region[]): Buffer[] {
  const all = [...regions, { offset: entry.size, length: 0 }];
  const put = (block: Buffer, at: number, some: readonly Region[]) => {
    some.forEach(({ offset, length }, i) => {
      octal(block, at + 24 * i, 12, offset);
      octal(block, at + 24 * i + 12, 12, length);
    });
  };
  const first = header(name, 'S', { ...entry, size: storedSize(entry) }, undefined, (block) => {
    put(block, 386, all.slice(0, 4));
    block[482] = all.length > 4 ? 1 : 0;
    octal(block, 483, 12, entry.size);
  });
  const blocks = [first];
  for (let i = 4; i < all.length; i += 21) {
    const block = Buffer.alloc(blockSize);
    put(block, 0, all.slice(i, i + 21));
    block[504] = all.length > i + 21 ? 1 : 0;
    blocks.push(block);
  }
  return blocks;
}

function extension(flag: string, text: string): Buffer[] {
  const content = Buffer.alloc(padded(text.length));
  content.write(text, 'latin1');
  const entry = { mode: 0o644, size: text.length, mtime: 0n };
  return [header('././@LongLink', flag, entry, undefined), content];
}

function header(
  name: string,
  flag: string,
  { mode, size, mtime }: Pick<TarEntry, 'mode' | 'size' | 'mtime'>,
  target: string | undefined,
  more?: (block: Buffer) => void,
): Buffer {
  const block = Buffer.alloc(blockSize);
  block.write(name.slice(0, 100), 0, 'latin1');
  octal(block, 100, 8, mode & 0o7777);
  octal(block, 108, 8, 0);
  octal(block, 116, 8, 0);
  octal(block, 124, 12, size);
  octal(block, 136, 12, Number(mtime / 1_000_000_000n));
  block.write('        ', 148, 'latin1');
  block.write(flag, 156, 'latin1');
  if (target !== undefined) block.write(target.slice(0, 100), 157, 'latin1');
  block.write('ustar  \0', 257, 'latin1');
  more?.(block);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** Octal digits; what does not fit, and what is before 1970, as GNU's base-256 number. */
function octal(block: Buffer, at: number, length: number, value: number): void {
  if (value >= 0 && value <= (length === 12 ? largestOctal : 0o7777777)) {
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
    return;
  }
  let rest = BigInt.asUintN(8 * (length - 1), BigInt(value));
  for (let i = at + length - 1; i > at; i--, rest >>= 8n) block[i] = Number(rest & 0xffn);
  block[at] = value < 0 ? 0xff : 0x80;
}

function decimal(nanoseconds: bigint): string {
  const negative = nanoseconds < 0n;
  const digits = (negative ? -nanoseconds : nanoseconds).toString().padStart(10, '0');
  return `${negative ? '-' : ''}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/** A record tells its own length, of which the digits are a part. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

/** Bytes that content of this size takes in an archive. */
export function padded(size: number): number {
  return Math.ceil(size / blockSize) * blockSize;
}

const zeros = Buffer.alloc(256 * 1024);

/** Puts a hole through a digest. */
export function hashZeros(hash: Hash, count: number): void {
  for (let left = count; left > 0; left -= zeros.length)
    hash.update(zeros.subarray(0, Math.min(left, zeros.length)));
}
