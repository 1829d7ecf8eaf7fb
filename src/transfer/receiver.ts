import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { chmod, lstat, readdir, rename, rm, utimes } from 'node:fs/promises';
import { messageOf, RookeryError } from '../util/index.js';
import { hashZeros } from './tar-format.js';
import type { ReceivedEntry } from './tar-reader.js';

type ReadData = (limit: number) => Promise<Buffer | undefined>;
const piece = 256 * 1024;

/**
 * Takes in what a host sends. Everything is built in a folder of its own beside the destination, where nothing was before, and
 * moved into its place at the end. The names are the host's: none may lead out of this folder, by `..`, as an absolute path
 * or through a symlink that was sent before.
 */
export class Receiver {
  readonly #folder: string;
  #stage: Buffer | undefined;
  readonly #folders: { readonly name: string; readonly mode: number; readonly mtime: number }[] = [];
  readonly #known = new Set<string>(['']);
  readonly #digests: Map<string, string> | undefined;

  /** `folder` is where things will have their place; it is made when the first of them arrives. */
  constructor(folder: string, digests: boolean) {
    this.#folder = folder;
    this.#digests = digests ? new Map() : undefined;
  }

  /** SHA-256 of each file that has arrived, by its name. */
  get digests(): ReadonlyMap<string, string> {
    return this.#digests ?? new Map<string, string>();
  }

  /** Takes one member under a name that was checked; `onBytes` hears of its data. */
  async take(
    entry: ReceivedEntry,
    name: string,
    data: ReadData,
    onBytes: (count: number) => void,
  ): Promise<void> {
    this.#enter(parentOf(name));
    const path = this.#path(name);
    // Small steps on a local file system: a round through the thread pool for each would take five times as long.
    switch (entry.type) {
      case 'directory':
        if (name !== '') this.#enter(name);
        if (name !== '') this.#folders.push({ name, mode: entry.mode & 0o777, mtime: entry.mtime });
        return;
      case 'symlink':
        fs.symlinkSync(Buffer.from(entry.target, 'latin1'), path);
        fs.lutimesSync(path, entry.mtime, entry.mtime);
        return;
      case 'file':
        return this.#file(entry, name, path, data, onBytes);
      case 'hardlink': {
        const target = checkedName(entry.target);
        if (
          target === undefined ||
          !this.#known.has(parentOf(target)) ||
          !fs.lstatSync(this.#path(target)).isFile()
        )
          throw new RookeryError(
            'ERR_TRANSFER',
            `the host sent a link that leads out: ${JSON.stringify(entry.target)}`,
          );
        fs.linkSync(this.#path(target), path);
        const digest = this.#digests?.get(target);
        if (digest !== undefined) this.#digests?.set(name, digest);
        return;
      }
      default:
        throw new RookeryError('ERR_TRANSFER', `${JSON.stringify(name)} is no file, folder or symlink`);
    }
  }

  async #file(
    entry: ReceivedEntry,
    name: string,
    path: Buffer,
    data: ReadData,
    onBytes: (count: number) => void,
  ): Promise<void> {
    const file = fs.openSync(path, 'wx', 0o600);
    try {
      const hash = this.#digests && createHash('sha256');
      let at = 0;
      const skip = (count: number) => {
        if (hash) hashZeros(hash, count);
        if (count > 0) onBytes(count);
      };
      for (const { offset, length } of entry.regions) {
        skip(offset - at);
        for (let done = 0; done < length;) {
          const chunk = (await data(Math.min(piece, length - done))) as Buffer;
          fs.writeSync(file, chunk, 0, chunk.length, offset + done);
          hash?.update(chunk);
          done += chunk.length;
          onBytes(chunk.length);
        }
        at = offset + length;
      }
      skip(entry.size - at);
      if (hash) this.#digests?.set(name, hash.digest('hex'));
      fs.ftruncateSync(file, entry.size);
      // Set-user-id and its like are for this machine to give, not for the other.
      fs.fchmodSync(file, entry.mode & 0o777);
      fs.futimesSync(file, entry.mtime, entry.mtime);
    } finally {
      fs.closeSync(file);
    }
  }

  #path(name: string): Buffer {
    if (!this.#stage) {
      fs.mkdirSync(this.#folder, { recursive: true });
      this.#stage = Buffer.from(fs.mkdtempSync(`${this.#folder}/.rookery-get-`));
    }
    return join(this.#stage, Buffer.from(name, 'latin1'));
  }

  /** Makes a folder and those above it; what is there already must be a real folder. */
  #enter(name: string): void {
    if (this.#known.has(name)) return;
    this.#enter(parentOf(name));
    const path = this.#path(name);
    try {
      fs.mkdirSync(path, 0o700);
    } catch (error) {
      if (!fs.lstatSync(path).isDirectory())
        throw new RookeryError(
          'ERR_TRANSFER',
          `the host sent a name that leads through ${JSON.stringify(name)}`,
          {
            cause: error,
          },
        );
    }
    this.#known.add(name);
  }

  /** Moves everything into its place: into the folder, or, as the only one, to a name of its own there. */
  async place(renamed: string | undefined): Promise<void> {
    const stage = this.#stage;
    if (!stage) return;
    const folder = Buffer.from(this.#folder);
    // Deepest first: a folder's time is that of the last change in it.
    this.#folders.reverse();
    for (const { name, mode, mtime } of this.#folders) {
      await utimes(this.#path(name), mtime, mtime);
      // A folder that its owner may not write to cannot be moved either: that comes last.
      await chmod(this.#path(name), mode | 0o700);
    }
    for (const name of await readdir(stage, { encoding: 'buffer' })) {
      const to = join(folder, renamed === undefined ? name : Buffer.from(renamed));
      await merge(join(stage, name), to);
    }
    for (const { name, mode } of this.#folders) {
      if ((mode & 0o700) === 0o700) continue;
      const rest = renamed === undefined ? name : [renamed, ...name.split('/').slice(1)].join('/');
      await chmod(join(folder, Buffer.from(rest, 'latin1')), mode);
    }
  }

  async remove(): Promise<void> {
    if (this.#stage) await rm(this.#stage.toString(), { recursive: true, force: true });
  }
}

async function merge(from: Buffer, to: Buffer): Promise<void> {
  const [staged, there] = [await lstat(from), await lstat(to).catch(() => undefined)];
  if (there === undefined || (!staged.isDirectory() && !there.isDirectory())) return rename(from, to);
  if (!staged.isDirectory() || !there.isDirectory()) {
    const what = staged.isDirectory() ? 'it is no folder' : 'it is a folder';
    throw new RookeryError('ERR_TRANSFER', `${to.toString()} is in the way: ${what}`);
  }
  for (const name of await readdir(from, { encoding: 'buffer' }))
    await merge(join(from, name), join(to, name));
  await chmod(to, staged.mode & 0o777);
  await utimes(to, staged.atime, staged.mtime);
}

/** The name as it is to be used here; undefined for one that leads out. */
export function checkedName(sent: string): string | undefined {
  if (sent.startsWith('/') || sent.includes('\0')) return undefined;
  const parts = sent.split('/').filter((part) => part !== '' && part !== '.');
  return parts.includes('..') ? undefined : parts.join('/');
}

function parentOf(name: string): string {
  const slash = name.lastIndexOf('/');
  return slash < 0 ? '' : name.slice(0, slash);
}

function join(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, Buffer.from('/'), name]);
}

/** A failure of the local file system as an error of ours. */
export function localProblem(error: unknown): RookeryError {
  if (error instanceof RookeryError) return error;
  return new RookeryError('ERR_TRANSFER', `cannot write here: ${messageOf(error)}`, { cause: error });
}
