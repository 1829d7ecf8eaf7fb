import { createHash, randomBytes } from 'node:crypto';
import { decode, encode, rawValue, type Bencodable, type Bencoded } from './bencode.js';

/** A file of a torrent: its path below the torrent's own folder, and its length in bytes. */
export interface TorrentFile {
  readonly path: readonly string[];
  readonly length: number;
}

/** What a `.torrent` file says. */
export interface Metainfo {
  readonly name: string;
  /** True when it is one file, whose name is `name`, and not a folder. */
  readonly single: boolean;
  readonly files: readonly TorrentFile[];
  /** Bytes of all files. */
  readonly length: number;
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** 20 bytes for each piece. */
  readonly pieces: Buffer;
  readonly infoHash: Buffer;
  readonly announce: string | undefined;
}

const smallestPiece = 16 * 1024;
const largestPiece = 4 * 1024 * 1024;
/** Nobody's files are that many, and each costs memory on every host. */
const mostFiles = 2_000_000;

/** The power of two nearest to size/1024, in 64 KiB … 4 MiB; 16 or 32 KiB below 16 MiB. Small pieces are passed on sooner. */
export function pieceLengthFor(size: number): number {
  const nearest = 2 ** Math.round(Math.log2(Math.max(1, size / 1024)));
  if (size < 16 * 1024 * 1024) return nearest > smallestPiece ? 2 * smallestPiece : smallestPiece;
  return Math.min(largestPiece, Math.max(4 * smallestPiece, nearest));
}

/** The length of one piece, of which the last may be shorter. */
export function lengthOfPiece(meta: { length: number; pieceLength: number }, index: number): number {
  return Math.min(meta.pieceLength, meta.length - index * meta.pieceLength);
}

/** Writes a `.torrent` file. A random salt keeps its info hash from being guessed by those who know the files. */
export function encodeMetainfo(options: {
  name: string;
  files: readonly TorrentFile[];
  pieceLength: number;
  pieces: Buffer;
  /** The one file has the name of the torrent, and is not in a folder. */
  single?: boolean;
  announce?: string;
  salt?: Buffer;
}): Buffer {
  const { name, files, pieceLength, pieces, announce, single } = options;
  const content: { readonly [key: string]: Bencodable } = single
    ? { length: (files[0] as TorrentFile).length }
    : { files: files.map(({ path, length }) => ({ path: path.map((part) => part), length })) };
  const info = {
    ...content,
    name,
    'piece length': pieceLength,
    pieces,
    private: 1,
    salt: options.salt ?? randomBytes(20),
  };
  return encode(announce === undefined ? { info } : { announce, info });
}

/** Reads a `.torrent` file, and trusts nothing in it. Throws an Error that says what is wrong. */
export function parseMetainfo(bytes: Buffer): Metainfo {
  const top = asMap(decode(bytes), 'the file');
  const info = asMap(top.get('info'), 'info');
  const raw = rawValue(bytes, 'info') as Buffer;
  const name = pathPart(info.get('name'), 'name');
  const pieceLength = whole(info.get('piece length'), 'piece length', 1);
  if (pieceLength > 256 * 1024 * 1024) throw wrong('piece length', 'is too large');
  const pieces = asBytes(info.get('pieces'), 'pieces');
  const single = info.has('length');
  if (single === info.has('files')) throw wrong('info', 'must have either length or files');
  const files: TorrentFile[] = single
    ? [{ path: [name], length: whole(info.get('length'), 'length') }]
    : fileList(info.get('files'));
  const length = files.reduce((sum, file) => sum + file.length, 0);
  if (!Number.isSafeInteger(length)) throw wrong('files', 'are too long in all');
  const pieceCount = Math.ceil(length / pieceLength);
  if (pieces.length !== 20 * pieceCount)
    throw wrong('pieces', `must have 20 bytes for each of ${pieceCount} pieces, not ${pieces.length}`);
  const announce = top.get('announce');
  return {
    ...{ name, single, files, length, pieceLength, pieceCount, pieces },
    infoHash: createHash('sha1').update(raw).digest(),
    announce: announce instanceof Buffer ? announce.toString() : undefined,
  };
}

function fileList(value: Bencoded | undefined): TorrentFile[] {
  if (!Array.isArray(value)) throw wrong('files', 'must be a list');
  if (value.length > mostFiles) throw wrong('files', 'are too many');
  const files = value.map((item) => {
    const file = asMap(item, 'a file');
    const path = file.get('path');
    if (!Array.isArray(path) || path.length === 0)
      throw wrong('the path of a file', 'must be a list of names');
    return {
      path: path.map((part) => pathPart(part, 'the path of a file')),
      length: whole(file.get('length'), 'the length of a file'),
    };
  });
  const taken = new Set<string>();
  const folders = new Set<string>();
  for (const { path } of files) {
    const text = path.join('/');
    if (taken.has(text)) throw wrong('files', `holds ${JSON.stringify(text)} twice`);
    taken.add(text);
    for (let i = 1; i < path.length; i++) folders.add(path.slice(0, i).join('/'));
  }
  for (const path of taken)
    if (folders.has(path)) throw wrong('files', `holds ${JSON.stringify(path)} as a file and as a folder`);
  return files;
}

/** One name, which can lead nowhere else. */
function pathPart(value: Bencoded | undefined, what: string): string {
  const bytes = asBytes(value, what);
  const text = bytes.toString('utf8');
  if (text === '' || text === '.' || text === '..')
    throw wrong(what, `cannot hold the name ${JSON.stringify(text)}`);
  if (/[/\\\0]/.test(text)) throw wrong(what, `cannot hold the name ${JSON.stringify(text)}`);
  if (bytes.length > 255 || !Buffer.from(text).equals(bytes))
    throw wrong(what, 'holds a name that is not UTF-8 or too long');
  return text;
}

function asMap(value: Bencoded | undefined, what: string): Map<string, Bencoded> {
  if (!(value instanceof Map)) throw wrong(what, 'must be a dictionary');
  return value;
}
function asBytes(value: Bencoded | undefined, what: string): Buffer {
  if (!(value instanceof Buffer)) throw wrong(what, 'must be a string');
  return value;
}
function whole(value: Bencoded | undefined, what: string, least = 0): number {
  if (typeof value !== 'number' || value < least) throw wrong(what, `must be a number from ${least} on`);
  return value;
}
function wrong(what: string, how: string): Error {
  return new Error(`torrent: ${what} ${how}`);
}
