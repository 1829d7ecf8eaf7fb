import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { scanSources, type SourceEntry } from '../../transfer/index.js';
import type { ManifestEntry } from '../control.js';
import { pieceLengthFor } from '../metainfo.js';
import { AgentError } from './error.js';

export interface Source {
  readonly manifest: readonly ManifestEntry[];
  readonly pieceLength: number;
  readonly pieces: Buffer;
  /** Paths of the files that are not empty, in the order of the manifest. */
  readonly paths: readonly Buffer[];
}

/** Looks at the files that are to be sent: what there is, the SHA-1 of each piece, the SHA-256 of each file, in one reading. */
export async function readSource(files: readonly string[]): Promise<Source> {
  const entries = await scanSources(files);
  const length = entries.reduce((sum, entry) => sum + entry.size, 0);
  const pieceLength = pieceLengthFor(length);
  const hasher = new PieceHasher(pieceLength);
  const manifest: ManifestEntry[] = [];
  const paths: Buffer[] = [];
  for (const entry of entries) {
    const { name, type, mode, mtime, size, target } = entry;
    const common = {
      name,
      type,
      mode,
      size,
      mtime: String(mtime),
      ...(target === undefined ? {} : { target }),
    } as ManifestEntry;
    if (size === 0) {
      manifest.push(common);
      continue;
    }
    paths.push(entry.path);
    manifest.push({ ...common, sha256: await hashFile(entry, hasher) });
  }
  return { manifest, pieceLength, pieces: hasher.finish(), paths };
}

async function hashFile(entry: SourceEntry, hasher: PieceHasher): Promise<string> {
  const changed = () =>
    new AgentError('ERR_SOURCE_CHANGED', `${entry.path.toString()} changed while it was read`);
  if (entry.content)
    throw new AgentError(
      'ERR_TRANSFER',
      `${entry.path.toString()} is no file that can be read again and again`,
    );
  const digest = createHash('sha256');
  const file = await open(entry.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const part = Buffer.allocUnsafe(1024 * 1024);
    for (let at = 0; at < entry.size;) {
      const { bytesRead } = await file.read(part, 0, Math.min(part.length, entry.size - at), at);
      if (bytesRead === 0) throw changed();
      const bytes = part.subarray(0, bytesRead);
      digest.update(bytes);
      hasher.update(bytes);
      at += bytesRead;
    }
    const { size, mtimeNs } = await file.stat({ bigint: true });
    if (size !== BigInt(entry.size) || mtimeNs !== entry.mtime) throw changed();
  } finally {
    await file.close();
  }
  return digest.digest('hex');
}

/** SHA-1 of each stretch of a stream. */
class PieceHasher {
  readonly #pieceLength: number;
  readonly #digests: Buffer[] = [];
  #hash = createHash('sha1');
  #filled = 0;

  constructor(pieceLength: number) {
    this.#pieceLength = pieceLength;
  }

  update(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const count = Math.min(bytes.length - at, this.#pieceLength - this.#filled);
      this.#hash.update(bytes.subarray(at, at + count));
      this.#filled += count;
      at += count;
      if (this.#filled === this.#pieceLength) this.#next();
    }
  }
  #next(): void {
    this.#digests.push(this.#hash.digest());
    this.#hash = createHash('sha1');
    this.#filled = 0;
  }
  finish(): Buffer {
    if (this.#filled > 0) this.#next();
    return Buffer.concat(this.#digests);
  }
}
