import { link, mkdir, open, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { checkOptions, InvalidArgument, logger, messageOf, parseDuration, show } from '../util/index.js';
import type { Duration } from '../util/index.js';
import { livesHere, newOwner } from './owner.js';
import type { Owner } from './owner.js';
import { hasCode, storeError } from './store-error.js';
import type { CombinationState, ResetOptions, SweepStore } from './store.js';

export interface FilesStoreOptions {
  /**
   * How long a process on another machine, which shares the folder, may show no sign of life before what it held is taken
   * back. On the same machine nothing waits: a process is seen to be dead. Default `'1m'`.
   */
  lease?: Duration;
}
export const isDuration = (value: unknown) =>
  typeof value === 'number' || typeof value === 'string' ? undefined : 'a duration';

/**
 * Keeps what has been done as names in a folder, which processes and machines may share. Nothing is ever changed or moved, and
 * every step is one `link()`, which exactly one of several wins, on NFS as well, and which SIGKILL cannot cut in two:
 *
 * - `claims/KEY.N` is the Nth holder of a combination: a hard link to the file of its owner, or to that of nobody, when the one
 *   before has given it back. The highest N counts. A dead owner is followed by N + 1.
 * - `done/KEY` and `skipped/KEY` end it.
 * - `owners/ID` tells which process it is; while that lives, its time changes.
 */
export class FilesStore implements SweepStore {
  readonly directory: string;
  readonly #lease: number;
  #opened: Promise<void> | undefined;
  #me: Marker | undefined;
  #nobody: Marker | undefined;
  #beat: NodeJS.Timeout | undefined;
  /** The number of the claim by which this owner holds a key. */
  #held = new Map<string, number>();
  /** The next number of a key's claims, where it is not 0. */
  #next = new Map<string, number>();
  #dead = new Set<string>();
  /** The last sign of life of owners on other machines, and when it was first seen by the clock of this one. */
  #seen = new Map<string, { sign: number; since: number }>();

  constructor(directory: string, options: FilesStoreOptions = {}) {
    if (typeof directory !== 'string' || directory === '')
      throw new InvalidArgument(`FilesStore: the folder must be a path, not ${show(directory)}`);
    checkOptions<FilesStoreOptions>('FilesStore', options, { lease: isDuration });
    this.#lease = Math.max(1000, parseDuration(options.lease ?? '1m', 'FilesStore: lease'));
    this.directory = resolve(directory);
  }

  async load(): Promise<Map<string, Exclude<CombinationState, 'todo'>>> {
    return this.#try(async () => {
      await this.#open();
      const known = new Map<string, Exclude<CombinationState, 'todo'>>();
      const names = ['claims', 'skipped', 'done'].map((name) => readdir(this.#path(name)));
      const [claims, skipped, done] = (await Promise.all(names)) as [string[], string[], string[]];
      for (const key of skipped) known.set(key, 'skipped');
      for (const key of done) known.set(key, 'done');
      for (const [key, number] of lastOf(claims.filter((name) => !known.has(keyIn(name))))) {
        if (await this.#isHeld(key, number)) known.set(key, 'in progress');
        // It may have ended between the two looks.
        else if (await this.#exists('done', key)) known.set(key, 'done');
        else if (await this.#exists('skipped', key)) known.set(key, 'skipped');
        // Only after nobody: whoever tries the number after a living owner's would take it from him.
        else this.#next.set(key, number + 1);
      }
      return known;
    });
  }

  async claim(keys: readonly string[], count: number): Promise<string[]> {
    return this.#try(async () => {
      await this.#open();
      const got: string[] = [];
      for (const key of keys) {
        if (got.length >= count) break;
        const number = this.#next.get(key) ?? 0;
        if (!(await (await this.#owner()).link(this.#claim(key, number)))) continue;
        this.#next.delete(key);
        // The first claim of all comes before any end; a later one may follow an owner who ended it last thing.
        if (number > 0 && ((await this.#exists('done', key)) || (await this.#exists('skipped', key))))
          continue;
        this.#held.set(key, number);
        got.push(key);
      }
      return got;
    });
  }

  async end(key: string, state: 'done' | 'skipped'): Promise<boolean> {
    return this.#try(async () => {
      const number = this.#held.get(key);
      if (number === undefined) return false;
      const lost = await this.#exists('claims', `${key}.${number + 1}`);
      const ended = !lost && (await (await this.#owner()).link(this.#path(state, key)));
      this.#held.delete(key);
      // A reset takes away the end: nobody must then seem to hold it.
      if (ended && state === 'skipped') await (await this.#released()).link(this.#claim(key, number + 1));
      return ended;
    });
  }

  async release(key: string): Promise<boolean> {
    return this.#try(async () => {
      const number = this.#held.get(key);
      if (number === undefined) return false;
      const given = await (await this.#released()).link(this.#claim(key, number + 1));
      this.#held.delete(key);
      if (given) this.#next.set(key, number + 2);
      return given;
    });
  }

  async reset({ done = false, inProgress = false }: ResetOptions): Promise<void> {
    await this.#try(async () => {
      const known = await this.load();
      const last = lastOf(await readdir(this.#path('claims')));
      for (const [key, state] of known) {
        if (state === 'done' ? !done : state === 'in progress' && !inProgress) continue;
        const number = last.get(key) ?? -1;
        if (number < 0 || (await this.#ownerOf(key, number)).owner)
          await (await this.#released()).link(this.#claim(key, number + 1));
        if (state !== 'in progress') await rm(this.#path(state, key), { force: true });
      }
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#beat);
    this.#beat = undefined;
    for (const key of [...this.#held.keys()]) await this.release(key);
    // Claims are links to the same files: they keep what they tell.
    for (const path of [...(this.#me?.paths ?? []), ...(this.#nobody?.paths ?? [])])
      await rm(path, { force: true });
    this.#me = this.#nobody = undefined;
  }

  #path(...names: string[]): string {
    return [this.directory, ...names].join('/');
  }
  #claim(key: string, number: number): string {
    return this.#path('claims', `${key}.${number}`);
  }

  async #try<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      throw storeError(`the folder ${this.directory}`, error);
    }
  }

  #open(): Promise<void> {
    return (this.#opened ??= (async () => {
      for (const name of ['claims', 'done', 'skipped', 'owners'])
        await mkdir(this.#path(name), { recursive: true });
      for (const name of await readdir(this.#path('owners'))) {
        const { writer } = await this.#read(this.#path('owners', name));
        if (writer && livesHere(writer) === false) await rm(this.#path('owners', name), { force: true });
      }
    })());
  }

  async #owner(): Promise<Marker> {
    if (!this.#me) {
      const owner = newOwner(this.#lease);
      this.#me = new Marker(this.#path('owners', owner.id), JSON.stringify(owner));
      const me = this.#me;
      this.#beat = setInterval(() => void me.touch(), this.#lease / 6).unref();
    }
    await this.#me.made();
    return this.#me;
  }

  async #released(): Promise<Marker> {
    if (!this.#nobody) {
      const writer = newOwner(this.#lease);
      this.#nobody = new Marker(
        this.#path('owners', `${writer.id}-nobody`),
        JSON.stringify({ ...writer, holds: false }),
      );
    }
    await this.#nobody.made();
    return this.#nobody;
  }

  async #isHeld(key: string, number: number): Promise<boolean> {
    if (this.#held.get(key) === number) return true;
    const { owner, sign } = await this.#ownerOf(key, number);
    if (!owner || this.#dead.has(owner.id)) return false;
    const here = livesHere(owner);
    if (here !== undefined) {
      if (!here) this.#dead.add(owner.id);
      return here;
    }
    // Clocks differ between machines: all that counts is that the time of the file changes.
    const now = performance.now();
    const before = this.#seen.get(owner.id);
    if (!before || before.sign !== sign) this.#seen.set(owner.id, { sign, since: now });
    return !before || before.sign !== sign || now - before.since < owner.lease;
  }

  #ownerOf(key: string, number: number) {
    return this.#read(this.#claim(key, number));
  }

  /** Who wrote a file of `owners`, and is the owner unless it stands for nobody. Opening it makes NFS ask the server for its time. */
  async #read(path: string): Promise<{ owner?: Owner; writer?: Owner; sign: number }> {
    try {
      const file = await open(path, 'r');
      try {
        const sign = (await file.stat()).mtimeMs;
        const writer = JSON.parse(await file.readFile('utf8')) as Owner & { holds?: false };
        return { writer, sign, ...(writer.holds === false ? {} : { owner: writer }) };
      } finally {
        await file.close();
      }
    } catch (error) {
      if (hasCode(error, 'ENOENT') || error instanceof SyntaxError) return { sign: 0 };
      throw error;
    }
  }

  async #exists(...names: string[]): Promise<boolean> {
    try {
      await stat(this.#path(...names));
      return true;
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return false;
      throw error;
    }
  }
}

const keyIn = (claim: string): string => claim.slice(0, claim.indexOf('.'));

/** The highest claim of each key. */
function lastOf(claims: readonly string[]): Map<string, number> {
  const last = new Map<string, number>();
  for (const name of claims) {
    const key = keyIn(name);
    const number = Number(name.slice(key.length + 1));
    if (number >= (last.get(key) ?? 0)) last.set(key, number);
  }
  return last;
}

/** A file that others are hard links to. A file has only so many links (65,000 on ext4): then comes another of the same content. */
class Marker {
  readonly paths: string[] = [];
  readonly #base: string;
  readonly #content: string;
  #making: Promise<void> | undefined;

  constructor(base: string, content: string) {
    this.#base = base;
    this.#content = content;
  }

  made(): Promise<void> {
    return (this.#making ??= this.#make());
  }

  async #make(): Promise<void> {
    const path = `${this.#base}.${this.paths.length}`;
    await writeFile(path, this.#content, { flag: 'wx' });
    this.paths.push(path);
  }

  /** False when the name exists. */
  async link(to: string): Promise<boolean> {
    for (;;) {
      const from = this.paths.at(-1) as string;
      try {
        await link(from, to);
        return true;
      } catch (error) {
        if (hasCode(error, 'EEXIST')) return false;
        if (!hasCode(error, 'EMLINK')) throw error;
        if (from === this.paths.at(-1)) this.#making = this.#make();
        await this.#making;
      }
    }
  }

  async touch(): Promise<void> {
    const now = new Date();
    for (const path of this.paths) {
      try {
        await utimes(path, now, now);
      } catch (error) {
        logger.warn('sweeper', `cannot tell others that this process lives: ${messageOf(error)}`);
      }
    }
  }
}
