import { createHash } from 'node:crypto';
import { constants, rmSync } from 'node:fs';
import {
  chmod,
  lstat,
  lutimes,
  mkdir,
  mkdtemp,
  open,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  statfs,
  symlink,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ManifestEntry, Placing } from '../control.js';
import { AgentError } from './error.js';

/** Bytes that are left free besides what is to be written. */
const spare = 1024 * 1024;

const bytesOf = (...parts: string[]) => Buffer.from(parts.join('/'), 'latin1');

/**
 * The folder, of mode 0700 and a name of its own, in which everything is built beside its destination and from which it is
 * renamed to its place when all of it is there and verified. Nothing in it is a symlink before all files are complete.
 */
export class Stage {
  /** The folder that everything is put into. */
  readonly to: string;
  readonly folder: string;
  /** The name that a single thing gets instead of its own. */
  readonly #rename: string | undefined;
  readonly #manifest: readonly ManifestEntry[];
  readonly #resume: boolean;
  readonly #clear: boolean;
  #created: boolean;

  private constructor(
    to: string,
    folder: string,
    name: string | undefined,
    manifest: readonly ManifestEntry[],
    { resume, clear = false }: Placing,
  ) {
    this.to = to;
    this.folder = folder;
    this.#rename = name;
    this.#manifest = manifest;
    this.#resume = resume;
    this.#clear = clear;
    this.#created = true;
  }

  static async make(placing: Placing, manifest: readonly ManifestEntry[]): Promise<Stage> {
    checkNames(manifest);
    const { destination, asNamed, resume } = placing;
    const isFolder = (await stat(destination).catch(() => undefined))?.isDirectory() ?? false;
    const into = isFolder || !asNamed;
    const wanted = into ? destination : dirname(destination);
    await mkdir(wanted, { recursive: true });
    const to = await realpath(wanted);
    await checkRoom(to, manifest);
    const folder = resume
      ? join(
          to,
          `.rookery-torrent-${createHash('sha256').update(JSON.stringify(manifest)).digest('hex').slice(0, 16)}`,
        )
      : await mkdtemp(join(to, '.rookery-torrent-'));
    if (resume) await takeOver(folder);
    const stage = new Stage(to, folder, into ? undefined : basename(destination), manifest, placing);
    await stage.#build();
    return stage;
  }

  /** Where a file is built, and where it is put. */
  staged(name: string): Buffer {
    return Buffer.concat([Buffer.from(`${this.folder}/d/`), bytesOf(name)]);
  }
  placed(name: string): Buffer {
    const [top, ...rest] = name.split('/');
    return Buffer.concat([
      Buffer.from(`${this.to}/`),
      this.#rename === undefined ? bytesOf(top as string) : Buffer.from(this.#rename),
      ...rest.map((part) => bytesOf('', part)),
    ]);
  }

  async #build(): Promise<void> {
    await mkdir(`${this.folder}/d`, { mode: 0o700 }).catch(ifNew);
    for (const { name, type, size } of this.#manifest) {
      if (type === 'directory') await mkdir(this.staged(name), { mode: 0o700 }).catch(ifNew);
      if (type !== 'file') continue;
      const fresh = constants.O_CREAT | (this.#resume ? 0 : constants.O_EXCL);
      const file = await open(this.staged(name), constants.O_RDWR | constants.O_NOFOLLOW | fresh, 0o600);
      await file.truncate(size);
      await file.close();
    }
  }

  /** Compares the SHA-256 of every file with the manifest, and sets modes and times. */
  async verify(): Promise<void> {
    const piece = Buffer.allocUnsafe(1024 * 1024);
    for (const entry of this.#manifest) {
      if (entry.type !== 'file') continue;
      const path = this.staged(entry.name);
      const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        const hash = createHash('sha256');
        for (let at = 0; ;) {
          const { bytesRead } = await file.read(piece, 0, piece.length, at);
          if (bytesRead === 0) break;
          hash.update(piece.subarray(0, bytesRead));
          at += bytesRead;
        }
        if (entry.sha256 !== undefined && hash.digest('hex') !== entry.sha256)
          throw new AgentError('ERR_VERIFY', `verify: the digest of ${entry.name} differs`);
      } finally {
        await file.close();
      }
      await chmod(path, entry.mode);
      await setTime(path, entry);
    }
    for (const entry of this.#manifest) {
      if (entry.type !== 'symlink') continue;
      const path = this.staged(entry.name);
      await symlink(bytesOf(entry.target ?? ''), path).catch(ifNew);
      await setTime(path, entry);
    }
  }

  /** Renames everything to its place; what is in the way is found before anything is moved. */
  async place(): Promise<void> {
    if (this.#clear) await this.#removeOthers();
    const moves: (() => Promise<void>)[] = [];
    const whole = new Set<string>();
    const folders: ManifestEntry[] = [];
    for (const entry of this.#manifest) {
      const { name, type } = entry;
      if (type === 'directory') folders.push(entry);
      const above = name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : '';
      if (whole.has(above)) {
        if (type === 'directory') whole.add(name);
        continue;
      }
      const target = this.placed(name);
      const there = await lstat(target).catch(() => undefined);
      if (type === 'directory' && there) {
        // Not followed when it is a symlink: that would lead out of the destination.
        if (!there.isDirectory())
          throw new AgentError('ERR_TRANSFER', `${target.toString()} is in the way: it is no folder`);
        continue;
      }
      if (there?.isDirectory())
        throw new AgentError('ERR_TRANSFER', `${target.toString()} is in the way: it is a directory`);
      if (type === 'directory') whole.add(name);
      moves.push(() => rename(this.staged(name), target));
    }
    for (const move of moves) await move();
    for (const entry of folders.reverse()) {
      await chmod(this.placed(entry.name), entry.mode);
      await setTime(this.placed(entry.name), entry);
    }
    await this.remove();
  }

  /** Everything but what is to be put there; nothing that a symlink leads to. */
  async #removeOthers(): Promise<void> {
    for (const name of await readdir(this.to, { encoding: 'buffer' })) {
      const path = Buffer.concat([Buffer.from(`${this.to}/`), name]);
      if (path.toString() !== this.folder) await rm(path, { recursive: true, force: true });
    }
  }

  async remove(): Promise<void> {
    this.#created = false;
    await rm(this.folder, { recursive: true, force: true });
  }

  /** For an agent that is being ended: at once. What can be resumed stays. */
  abandon(): void {
    if (this.#created && !this.#resume) rmSync(this.folder, { recursive: true, force: true });
    this.#created = false;
  }
}

/** The manifest comes from the controller; it is looked at all the same. */
function checkNames(manifest: readonly ManifestEntry[]): void {
  const seen = new Set<string>();
  for (const { name } of manifest) {
    const parts = name.split('/');
    if (
      parts.some((part) => part === '' || part === '.' || part === '..') ||
      name.includes('\0') ||
      seen.has(name)
    )
      throw new AgentError('ERR_TRANSFER', `not a name for a file: ${JSON.stringify(name)}`);
    seen.add(name);
  }
}

/** Says that there is no room before anything is written, not after half an hour. */
async function checkRoom(folder: string, manifest: readonly ManifestEntry[]): Promise<void> {
  const room = await statfs(folder).catch(() => undefined);
  if (!room) return;
  const size = manifest.reduce((sum, entry) => sum + Math.ceil(entry.size / 4096) * 4096, 0);
  if (room.bavail * room.bsize < size + spare)
    throw new AgentError(
      'ERR_TRANSFER',
      `no space left in ${folder}: ${size} bytes are to come, ${room.bavail * room.bsize} are free`,
    );
  if (room.files > 0 && room.ffree < manifest.length + 8)
    throw new AgentError(
      'ERR_TRANSFER',
      `no inodes left in ${folder}: ${manifest.length} are needed, ${room.ffree} are free`,
    );
}

/** A folder of an interrupted run is taken up only when nobody else can have made it. */
async function takeOver(folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 }).catch(ifNew);
  const there = await lstat(folder);
  if (!there.isDirectory() || there.uid !== process.getuid?.() || (there.mode & 0o777) !== 0o700)
    throw new AgentError('ERR_TRANSFER', `${folder} is not a folder of ours`);
}

function ifNew(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

function setTime(path: Buffer, { mtime }: ManifestEntry): Promise<void> {
  const seconds = Number(BigInt(mtime)) / 1e9;
  return lutimes(path, seconds, seconds);
}
