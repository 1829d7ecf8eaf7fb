import { CommandLine, type Launched } from '../../process/index.js';
import { RookeryError } from '../../util/index.js';
import { lastLines } from '../last-lines.js';
import type { TarSource } from '../tar-source.js';
import type { ChainProcess } from './chain-process.js';

/** Fills the named pipe of one host's agent over an SSH session of its own. */
export class Feed {
  readonly #to: ChainProcess;
  readonly #pipe: string;
  readonly #archive: TarSource;
  readonly #token: string;
  readonly #abort = new AbortController();
  stopped = false;

  constructor(to: ChainProcess, pipe: string, archive: TarSource, token: string) {
    this.#to = to;
    this.#pipe = pipe;
    this.#archive = archive;
    this.#token = token;
  }

  stop(): void {
    this.stopped = true;
    this.#abort.abort();
  }

  /** Sends everything from an offset on; tells of each part before it is sent. Rejects when it cannot. */
  async run(offset: number, onChunk: (at: number, chunk: Buffer) => void): Promise<void> {
    const command = new CommandLine(['/bin/sh', '-c', 'exec cat > "$1"', 'rookery-feed', this.#pipe]);
    const launched = await this.#to.launchBeside(command, this.#abort.signal);
    launched.stdout.resume();
    const said = lastLines(launched.stderr);
    try {
      await this.#write(launched, offset, onChunk);
      const ending = await launched.exited;
      if (ending.kind === 'error') throw lost(ending.error.message);
      if (ending.kind !== 'exit' || ending.code !== 0) throw lost(`it took not all of it: ${await said}`);
    } finally {
      launched.release();
    }
  }

  async #write({ stdin, exited }: Launched, from: number, onChunk: (at: number, chunk: Buffer) => void) {
    if (!stdin) throw lost('the session has no stdin');
    let closed = false;
    let wake = () => {};
    const close = () => {
      closed = true;
      wake();
    };
    for (const event of ['close', 'error', 'finish'] as const) stdin.once(event, close);
    stdin.on('error', () => undefined);
    void exited.then(close);
    this.#abort.signal.addEventListener('abort', close);
    stdin.on('drain', () => wake());
    const send = async (data: string | Buffer) => {
      if (!stdin.write(data) && !closed) await new Promise<void>((resolve) => (wake = resolve));
      if (closed) throw lost('the session that feeds it has ended');
    };
    await send(`${this.#token}\n`);
    for (let offset = from; offset < this.#archive.size;) {
      const chunk = await this.#archive.read(offset);
      onChunk(offset, chunk);
      offset += chunk.length;
      // The next part is read while this one is on its way.
      if (offset < this.#archive.size) this.#archive.read(offset).catch(() => undefined);
      await send(chunk);
    }
    stdin.end();
  }
}

const lost = (message: string) => new RookeryError('ERR_CONNECTION_LOST', message);
