// The agent: one bundled file, which runs on a host under Node ≥ 18, takes orders on stdin and reports on stdout, as JSON lines.
import type { Job, Order, Report } from '../control.js';
import { filesOf } from '../manifest.js';
import { parseMetainfo, type Metainfo } from '../metainfo.js';
import { Bitfield } from '../swarm/bitfield.js';
import { messageOf } from '../../util/index.js';
import { AgentError } from './error.js';
import { SwarmMember } from './member.js';
import { findPieces, takePrevious } from './previous.js';
import { readSource, type Source } from './source.js';
import { Stage } from './stage.js';
import { PieceStore } from './store.js';

class Agent {
  #source: Source | undefined;
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
        const source = (this.#source = await readSource(order.files));
        const { manifest, pieceLength, pieces } = source;
        return this.say({ type: 'source', manifest, pieceLength, pieces: pieces.toString('base64') });
      }
      case 'job':
        return this.#take(order);
      case 'peers':
        return this.#member?.meet(order.peers);
      case 'go':
        return this.#member?.go();
      case 'end':
        return this.leave(0);
    }
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
    const store = new PieceStore(meta, this.#source?.paths ?? [], false);
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

/** Called by the bootstrap with what has come on stdin beyond the code of the agent. */
export function run(rest: Buffer): void {
  const agent = new Agent();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => agent.leave(1));
  process.on('uncaughtException', (error) => agent.fail(error));
  process.on('unhandledRejection', (error) => agent.fail(error));
  process.stdout.on('error', () => agent.leave(1));
  let text = Buffer.alloc(0);
  let busy = Promise.resolve();
  const parts: Buffer[] = [];
  const take = (chunk: Buffer) => {
    parts.push(chunk);
    if (!chunk.includes(10)) return;
    text = Buffer.concat(parts.splice(0));
    for (let end = text.indexOf(10); end >= 0; end = text.indexOf(10)) {
      const order = JSON.parse(text.toString('utf8', 0, end)) as Order;
      text = text.subarray(end + 1);
      if (order.type === 'end') agent.leave(0);
      else busy = busy.then(() => agent.obey(order)).catch((error: unknown) => agent.fail(error));
    }
    if (text.length > 0) parts.push(text);
  };
  // The end of input is the end of the controller.
  process.stdin.on('end', () => agent.leave(1));
  process.stdin.on('data', take);
  process.stdin.resume();
  agent.say({ type: 'hello', connection: process.env['SSH_CONNECTION'] ?? '', version: process.version });
  if (rest.length > 0) take(rest);
}
