import type { BigIntStats } from 'node:fs';
import { lstat, open, readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { glob } from 'tinyglobby';
import { logger, messageOf, RookeryError } from '../util/index.js';
import type { Region, TarEntry } from './tar-format.js';

/** A file, folder or symlink that is to be sent: as what, and where it lies. */
export interface SourceEntry extends TarEntry {
  readonly path: Buffer;
  /** Tells a file that was replaced meanwhile from the one that was seen. */
  readonly inode: bigint;
  /** Of a file whose size nobody knows before it is read (proc(5)). */
  readonly content?: Buffer;
}

const slash = Buffer.from('/');
/** Holes are looked for only in a file that has so many bytes of them, and in units of this size. */
const worthwhileHole = 1024 * 1024;
const holeUnit = 64 * 1024;
const zeros = Buffer.alloc(holeUnit);

/**
 * Everything under the given paths, folders before what is in them, in the order of their names. A path with `*`, `?`,
 * `[]` or `{}` that does not exist as it is written is a pattern. A folder with a `/` at its end stands for what is in it.
 */
export async function scanSources(paths: readonly string[]): Promise<SourceEntry[]> {
  const entries: SourceEntry[] = [];
  const taken = new Map<string, string>();
  for (const given of paths) {
    for (const path of await expand(given)) {
      const contentOnly = path.endsWith('/');
      const bare = path.replace(/(?<=.)\/+$/, '');
      const name = contentOnly ? '' : basename(bare);
      // A symlink that is named is followed; those in a folder are sent as they are.
      const found = await scan(Buffer.from(await realpath(bare)), Buffer.from(name).toString('latin1'));
      const tops = new Set(
        found.map((entry) => entry.name.split('/', 1)[0] as string).filter((top) => top !== ''),
      );
      for (const top of tops) {
        const other = taken.get(top);
        if (other !== undefined)
          throw new RookeryError('ERR_TRANSFER', `${other} and ${path} would both be written to ${top}`);
        taken.set(top, path);
      }
      entries.push(...found.filter((entry) => entry.name !== ''));
    }
  }
  return entries;
}

async function expand(path: string): Promise<string[]> {
  const there = await lstat(path).catch(() => undefined);
  if (there !== undefined) return [path];
  if (!/[*?[{]/.test(path)) throw new RookeryError('ERR_TRANSFER', `there is no local file ${path}`);
  const found = await glob(path, { onlyFiles: false, dot: false, expandDirectories: false, absolute: true });
  if (found.length === 0) throw new RookeryError('ERR_TRANSFER', `no local file matches ${path}`);
  return found.map((name) => name.replace(/(?<=.)\/+$/, '')).sort();
}

async function scan(path: Buffer, name: string): Promise<SourceEntry[]> {
  let stats: BigIntStats;
  let target: string | undefined;
  let names: Buffer[] = [];
  try {
    stats = await lstat(path, { bigint: true });
    if (stats.isSymbolicLink()) target = (await readlink(path, { encoding: 'buffer' })).toString('latin1');
    if (stats.isDirectory()) names = await readdir(path, { encoding: 'buffer' });
  } catch (error) {
    throw new RookeryError('ERR_TRANSFER', `cannot read ${path.toString()}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const common = { name, path, mode: Number(stats.mode) & 0o7777, mtime: stats.mtimeNs, inode: stats.ino };
  if (stats.isFile()) return [await fileEntry(common, stats)];
  if (target !== undefined) return [{ ...common, type: 'symlink', size: 0, target }];
  if (!stats.isDirectory()) {
    logger.warn('transfer', `${path.toString()} is left out: it is no file, folder or symlink`);
    return [];
  }
  const below = await Promise.all(
    names
      .sort((a, b) => Buffer.compare(a, b))
      .map((child) => {
        const childName = child.toString('latin1');
        const childPath = Buffer.concat([path, slash, child]);
        return scan(childPath, name === '' ? childName : `${name}/${childName}`);
      }),
  );
  return [{ ...common, type: 'directory', size: 0 }, ...below.flat()];
}

async function fileEntry(
  common: Omit<SourceEntry, 'type' | 'size'>,
  stats: BigIntStats,
): Promise<SourceEntry> {
  const { path } = common;
  const size = Number(stats.size);
  if (/^\/(proc|sys)\//.test(path.toString('latin1'))) {
    const content = await readFile(path);
    return { ...common, type: 'file', size: content.length, content };
  }
  const saved = size - Number(stats.blocks) * 512;
  const regions = saved >= worthwhileHole ? await findData(path, size) : undefined;
  return { ...common, type: 'file', size, ...(regions ? { regions } : {}) };
}

/** The parts of a file that are not all zeros. Node has no SEEK_HOLE (lseek(2)), so it is read. */
async function findData(path: Buffer, size: number): Promise<Region[]> {
  const regions: { offset: number; length: number }[] = [];
  const file = await open(path);
  try {
    const piece = Buffer.alloc(1024 * 1024);
    for (let at = 0; at < size;) {
      const { bytesRead } = await file.read(piece, 0, piece.length, at);
      if (bytesRead === 0) break;
      for (let from = 0; from < bytesRead; from += holeUnit) {
        const part = piece.subarray(from, Math.min(from + holeUnit, bytesRead));
        if (part.equals(zeros.subarray(0, part.length))) continue;
        const last = regions.at(-1);
        if (last && last.offset + last.length === at + from) last.length += part.length;
        else regions.push({ offset: at + from, length: part.length });
      }
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
  // Even a file that is nothing but a hole has one.
  return regions.length > 0 ? regions : [{ offset: 0, length: Math.min(holeUnit, size) }];
}
