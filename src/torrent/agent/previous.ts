import { lstat } from 'node:fs/promises';
import type { ManifestEntry } from '../control.js';
import { filesOf } from '../manifest.js';
import { lengthOfPiece, type Metainfo } from '../metainfo.js';
import { Bitfield } from '../swarm/bitfield.js';
import { PieceStore } from './store.js';

/** Which pieces are good in files that are there. */
export async function findPieces(meta: Metainfo, store: PieceStore): Promise<Bitfield> {
  const have = new Bitfield(meta.pieceCount);
  for (let piece = 0; piece < meta.pieceCount; piece++)
    if (await store.read(piece).catch(() => undefined)) have.add(piece);
  return have;
}

/**
 * Takes over the pieces that an earlier version of the files has at the same place: in `previous` itself, or below it under the
 * same name. Whatever is there is only believed by its hash.
 */
export async function takePrevious(
  previous: string,
  manifest: readonly ManifestEntry[],
  meta: Metainfo,
  into: PieceStore,
  have: Bitfield,
): Promise<void> {
  const top = await lstat(previous).catch(() => undefined);
  if (!top) return;
  const files = filesOf(manifest);
  const single = files.length === 1 && !top.isDirectory();
  const below = (name: string) => Buffer.concat([Buffer.from(`${previous}/`), Buffer.from(name, 'latin1')]);
  const candidates = async (name: string): Promise<Buffer | string> => {
    if (single) return previous;
    // `previous` is either what the files were put into, or the version of the folder that they are in.
    const full = below(name);
    if ((await lstat(full).catch(() => undefined))?.isFile()) return full;
    return below(name.includes('/') ? name.slice(name.indexOf('/') + 1) : name);
  };
  const paths = await Promise.all(files.map((file) => candidates(file.name)));
  const old = new PieceStore(meta, paths, false);
  for (let piece = 0; piece < meta.pieceCount; piece++) {
    if (have.has(piece)) continue;
    const bytes = await old.read(piece).catch(() => undefined);
    if (bytes?.length !== lengthOfPiece(meta, piece)) continue;
    await into.write(piece, bytes);
    have.add(piece);
  }
  await old.close();
}
