import type { ManifestEntry, Report } from './control.js';
import { encodeMetainfo } from './metainfo.js';

/** The files that are in a torrent: empty ones, folders and symlinks stand in the manifest alone. */
export function filesOf(manifest: readonly ManifestEntry[]): ManifestEntry[] {
  return manifest.filter((entry) => entry.type === 'file' && entry.size > 0);
}

/** Writes the torrent of what an agent has found. */
export function torrentOf(
  source: Pick<Extract<Report, { type: 'source' }>, 'manifest' | 'pieceLength' | 'pieces'>,
): Buffer {
  const files = filesOf(source.manifest);
  return encodeMetainfo({
    name: 'files',
    files: torrentNames(files).map((path, i) => ({ path, length: (files[i] as ManifestEntry).size })),
    pieceLength: source.pieceLength,
    pieces: Buffer.from(source.pieces, 'base64'),
  });
}

/** The names of files in the torrent: their own, or, when one of them is nothing that all clients can write, numbers. */
function torrentNames(files: readonly ManifestEntry[]): string[][] {
  const names = files.map(({ name }) => Buffer.from(name, 'latin1'));
  const plain = names.every(
    (name) => Buffer.from(name.toString()).equals(name) && !/[\\\0-\x1f:*?"<>|]/.test(name.toString()),
  );
  return names.map((name, i) => (plain ? name.toString().split('/') : [String(i)]));
}
