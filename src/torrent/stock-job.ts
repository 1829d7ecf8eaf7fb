import { quotePosix } from '../util/index.js';
import { encode, rawValue } from './bencode.js';
import type { Job, ManifestEntry } from './control.js';
import { filesOf } from './manifest.js';
import { parseMetainfo } from './metainfo.js';

const base64 = (content: string | Buffer) => Buffer.from(content as string, 'latin1').toString('base64');

/** A job for a stock client, as the script around it reads it: one line of words. */
export function stockJob(job: Job): string {
  const { manifest, place } = job;
  if (!place || job.announce === undefined) throw new Error('a stock client needs a place and a tracker');
  const metainfo = Buffer.from(job.metainfo, 'base64');
  const meta = parseMetainfo(metainfo);
  const names = meta.files.map(({ path }) => Buffer.from([meta.name, ...path].join('/')).toString('latin1'));
  const files = filesOf(manifest);
  const sums = files.map((file, i) => `${file.sha256}  ${names[i]}\n`).join('');
  const top = { announce: job.announce };
  // The bytes of `info` must stay as they are: they are what the info hash is made from.
  const torrent = Buffer.concat([
    encode(top).subarray(0, -1),
    Buffer.from('4:info'),
    rawValue(metainfo, 'info') as Buffer,
    Buffer.from('e'),
  ]);
  const words = [
    ...['job', place.asNamed ? 'as' : 'into', job.address, String(meta.length)],
    Buffer.from(place.destination).toString('base64'),
    torrent.toString('base64'),
    // Words cannot be empty.
    sums === '' ? '-' : base64(sums),
    base64(treeScript(manifest, new Map(files.map((file, i) => [file, names[i] as string])))),
  ];
  return words.join(' ');
}

/** Makes in `d` what the manifest says, with links to what the client has fetched. */
function treeScript(manifest: readonly ManifestEntry[], fetched: ReadonlyMap<ManifestEntry, string>): string {
  const lines = [
    'put() { touch -h -d "@$2" -- "$1" 2>/dev/null || TZ=UTC0 touch -h -t "$3" -- "$1"; }',
    'set -e',
  ];
  const times: string[] = [];
  for (const entry of manifest) {
    const path = quotePosix(`d/${entry.name}`);
    const from = fetched.get(entry);
    if (entry.type === 'directory') lines.push(`mkdir -- ${path}`);
    else if (entry.type === 'symlink') lines.push(`ln -s -- ${quotePosix(entry.target ?? '')} ${path}`);
    else if (from === undefined) lines.push(`: > ${path}`);
    else lines.push(`ln -- ${quotePosix(`dl/${from}`)} ${path}`);
    if (entry.type !== 'symlink') times.unshift(`chmod ${(entry.mode & 0o7777).toString(8)} -- ${path}`);
    times.unshift(`put ${path} ${timeWords(entry.mtime)}`);
  }
  // What is in a folder comes before the folder, whose time it would change, and whose mode may forbid it.
  return [...lines, ...times, 'set +e'].join('\n');
}

/** Seconds with a fraction, and what POSIX knows of it. */
function timeWords(mtime: string): string {
  const nanoseconds = BigInt(mtime);
  const second = 1_000_000_000n;
  const part = ((nanoseconds % second) + second) % second;
  const seconds = (nanoseconds - part) / second;
  const date = new Date(Number(seconds) * 1000).toISOString();
  const posix = date.replace(/^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+).*$/, '$1$2$3$4$5.$6');
  return `${seconds}.${String(part).padStart(9, '0')} ${posix}`;
}

/** How much of a torrent of that length a client says it has, on a line of its output. */
export function stockProgress(line: string, length: number): number | undefined {
  const aria = /^\[#\w+ (\d+)B?\/(\d+)B?\(/.exec(line);
  if (aria) return Math.min(length, Number(aria[1]));
  const transmission = /^Progress: (\d+(?:\.\d+)?)%/.exec(line);
  return transmission ? Math.floor((Number(transmission[1]) / 100) * length) : undefined;
}
