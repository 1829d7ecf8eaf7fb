import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TarSource } from '../../transfer/index.js';
import { messageOf, RookeryError } from '../../util/index.js';

/** A named pipe from which TakTuk reads what is for all hosts. */
export class Feeder {
  readonly path: string;
  readonly #folder: string;
  /** An open that waits for a reader would keep a thread of this program for ever: this one can be killed. */
  readonly #cat: ChildProcess;
  readonly #closed: Promise<unknown>;

  private constructor(folder: string, path: string) {
    this.#folder = folder;
    this.path = path;
    this.#cat = spawn('/bin/sh', ['-c', 'exec cat > "$1"', 'rookery-feed', path], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#cat.stdin?.on('error', () => undefined);
    this.#closed = once(this.#cat, 'close').catch(() => undefined);
  }

  static async open(): Promise<Feeder> {
    const folder = await mkdtemp(join(tmpdir(), 'rookery-taktuk-'));
    const path = join(folder, 'feed');
    await promisify(execFile)('mkfifo', ['-m', '600', path]);
    return new Feeder(folder, path);
  }

  /** Writes the archive; resolves with why it could not be read. */
  async send(archive: TarSource, onMove: (done: number) => void): Promise<RookeryError | undefined> {
    const { stdin } = this.#cat;
    if (!stdin) return undefined;
    try {
      for (let offset = 0; offset < archive.size && stdin.writable;) {
        const chunk = await archive.read(offset);
        offset += chunk.length;
        if (!stdin.write(chunk))
          await Promise.race([once(stdin, 'drain').catch(() => undefined), this.#closed]);
        onMove(offset);
      }
      return undefined;
    } catch (error) {
      return error instanceof RookeryError
        ? error
        : new RookeryError('ERR_TRANSFER', messageOf(error), { cause: error });
    } finally {
      stdin.end();
    }
  }

  async close(): Promise<void> {
    this.#cat.kill('SIGKILL');
    await this.#closed;
    await rm(this.#folder, { recursive: true, force: true });
  }
}
