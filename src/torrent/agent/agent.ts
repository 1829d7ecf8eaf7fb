import type { Job, Order, Report } from '../control.js';
import { filesOf } from '../manifest.js';
import { parseMetainfo, type Metainfo } from '../metainfo.js';
import { Bitfield } from '../swarm/bitfield.js';
import { messageOf } from '../../util/index.js';
import { AgentError } from './error.js';
import { SwarmMember } from './member.js';
import { findPieces, takePrevious } from './previous.js';
import { runStep } from './murder/steps.js';
import { readSource } from './source.js';
import { Stage } from './stage.js';
import { PieceStore } from './store.js';

/** What one agent does when it is told to; it ends its own process. */
export class Agent {
  /** Called when everything is in its place. */
  onPlaced: () => void = () => undefined;
  #paths: readonly Buffer[] = [];
  #stage: Stage | undefined;
  #store: PieceStore | undefined;
  #member: SwarmMember | undefined;
  #finishing = false;

  say(report: Report): void {
    process.stdout.write(`${JSON.stringify(report)}\n`);
  }

  async obey(order: Order): Promise<void> {
    switch (order.type) {
      case 'scan': {
        const source = await readSource(order.files);
        this.offerFiles(source.paths);
        const { manifest, pieceLength, pieces } = source;
        return this.say({ type: 'source', manifest, pieceLength, pieces: pieces.toString('base64') });
      }
      case 'job':
        return this.#take(order);
      case 'peers':
        return this.#member?.meet(order.peers);
      case 'go':
        return this.#member?.go();
      case 'murder':
        this.say({ type: 'answer', answer: await runStep(order, (report) => this.say(report)) });
        return this.leave(0);
      case 'end':
        return this.leave(0);
    }
  }

  /** Where the files of the torrent lie that is to be seeded, in its order. */
  offerFiles(paths: readonly Buffer[]): void {
    this.#paths = paths;
  }

  /** Whatever goes wrong ends it, and is told; so does a signal. */
  catchAll(): void {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.leave(1));
    process.on('uncaughtException', (error) => this.fail(error));
    process.on('unhandledRejection', (error) => this.fail(error));
  }

  async #take(job: Job): Promise<void> {
    const meta = parseMetainfo(Buffer.from(job.metainfo, 'base64'));
    const { store, have } = job.place ? await this.#prepare(job, meta) : this.#offer(meta);
    this.#store = store;
    this.#member = new SwarmMember({
      ...{ job, meta, store, have, first: job.place === undefined },
      say: (report) => this.say(report),
      onComplete: () => void this.#finish(job).catch((error: unknown) => this.fail(error)),
      onFailure: (error) => this.fail(error),
    });
    await this.#member.join();
  }

  #offer(meta: Metainfo): { store: PieceStore; have: Bitfield } {
    const store = new PieceStore(meta, this.#paths, false);
    return { store, have: new Bitfield(meta.pieceCount).fill() };
  }

  async #prepare({ place, manifest }: Job, meta: Metainfo): Promise<{ store: PieceStore; have: Bitfield }> {
    if (!place) throw new Error('there is no place');
    const stage = (this.#stage = await Stage.make(place, manifest));
    const files = filesOf(manifest);
    if (files.length !== meta.files.length || files.some((file, i) => file.size !== meta.files[i]?.length))
      throw new AgentError('ERR_TRANSFER', 'the torrent and the manifest do not belong together');
    const store = new PieceStore(
      meta,
      files.map((file) => stage.staged(file.name)),
      true,
    );
    const have = place.resume ? await findPieces(meta, store) : new Bitfield(meta.pieceCount);
    if (place.previous !== undefined) await takePrevious(place.previous, manifest, meta, store, have);
    return { store, have };
  }

  /** All pieces are there: looked at once more as files, and put in their place. Others are served meanwhile and after. */
  async #finish({ manifest }: Job): Promise<void> {
    const stage = this.#stage;
    if (!stage || this.#finishing) return;
    this.#finishing = true;
    await stage.verify();
    const store = this.#store as PieceStore;
    await stage.place();
    store.writable = false;
    store.paths = filesOf(manifest).map((entry) => stage.placed(entry.name));
    this.say({ type: 'placed', memory: process.resourceUsage().maxRSS * 1024 });
    this.onPlaced();
  }

  fail(error: unknown): void {
    const code = error instanceof AgentError || hasCode(error) ? error.code : 'ERR_TRANSFER';
    this.say({ type: 'failed', code, message: messageOf(error) });
    this.leave(1);
  }

  /** Leaves nothing behind; what was said is written first. */
  leave(code: number): void {
    this.#member?.close();
    this.#stage?.abandon();
    const exit = () => process.exit(code);
    if (process.stdout.writableLength === 0) return exit();
    process.stdout.once('drain', exit);
    process.stdout.once('error', exit);
    setTimeout(exit, 1000);
  }
}

function hasCode(error: unknown): error is AgentError {
  return (
    error instanceof Error &&
    'code' in error &&
    String(error.code).startsWith('ERR_') &&
    error.name === 'RookeryError'
  );
}
