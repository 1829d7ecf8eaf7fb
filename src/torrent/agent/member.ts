// One agent in one swarm: it joins sockets, disk and policy.
import type { Socket } from 'node:net';
import type { AgentCounts, Job, Report } from '../control.js';
import { lengthOfPiece, type Metainfo } from '../metainfo.js';
import type { Bitfield } from '../swarm/bitfield.js';
import type { SwarmPeer } from '../swarm/peer.js';
import { Swarm } from '../swarm/swarm.js';
import type { Handshake, Message } from '../wire.js';
import { announce } from './announce.js';
import { Connections, type PeerTraits } from './connections.js';
import { AgentError } from './error.js';
import { Link, type LinkOwner } from './link.js';
import type { PieceStore } from './store.js';

const tickTime = 250;
/** With fewer neighbours, or without progress for {@link stallTime} ms, more are asked for. */
const fewNeighbours = 4;
const stallTime = 2000;
const announceTime = 1000;
/** A stock client may find us only by the tracker's memory of us. */
const reannounceTime = 15_000;

export interface MemberOptions {
  readonly job: Job;
  readonly meta: Metainfo;
  readonly store: PieceStore;
  readonly have: Bitfield;
  readonly first: boolean;
  readonly say: (report: Report) => void;
  readonly onComplete: () => void;
  readonly onFailure: (error: unknown) => void;
}

export class SwarmMember implements LinkOwner {
  readonly pieceCount: number;
  readonly #options: MemberOptions;
  readonly #swarm: Swarm;
  readonly #connections: Connections;
  readonly #links = new Map<string, Link>();
  readonly #buffers = new Map<number, Buffer>();
  readonly #timer: NodeJS.Timeout;
  #port = 0;
  #goTime = 0;
  #lastDone = 0;
  #lastProgress = performance.now();
  #lastAnnounce = 0;
  #lastReport = 0;
  /** From one announce to the next while more neighbours are wanted. */
  #wait = announceTime;
  #completed = false;
  readonly #peerId: Buffer;

  constructor(options: MemberOptions) {
    const { job, meta, have, first } = options;
    this.#options = options;
    this.pieceCount = meta.pieceCount;
    this.#peerId = Buffer.from(job.peerId, 'latin1');
    this.#swarm = new Swarm({
      ...{ have, first, pieceLength: meta.pieceLength, length: meta.length },
      now: () => performance.now(),
      random: Math.random,
      onPiece: (piece) => this.#onPiece(piece),
    });
    this.#connections = new Connections({
      ...{ infoHash: meta.infoHash, peerId: this.#peerId, address: job.address, members: job.members },
      onPeer: (...args) => this.#onPeer(...args),
    });
    this.#timer = setInterval(() => this.#tick(), tickTime);
  }

  /** Listens, announces itself and connects to its neighbours. */
  async join(): Promise<void> {
    this.#port = await this.#connections.listen();
    await this.#announce('started');
    this.#options.say({ type: 'ready', port: this.#port, done: this.#done });
  }

  go(): void {
    this.#goTime = this.#lastProgress = performance.now();
    this.#swarm.start();
    this.#whenComplete();
  }

  meet(peers: readonly { address: string; port: number }[]): void {
    for (const { address, port } of peers) {
      if (port === this.#port && address === this.#options.job.address) continue;
      void this.#connections.dial(address, port);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#connections.close();
  }

  get counts(): AgentCounts {
    const { received, wasted, uploads, notYetOut, peers } = this.#swarm;
    return {
      ...{ done: this.#done, sent: uploads.bytes, received, wasted, neighbours: peers.size },
      ...(notYetOut === undefined ? {} : { notYetOut }),
    };
  }

  get #done(): number {
    const { have } = this.#swarm.pieces;
    const { meta } = this.#options;
    const last = meta.pieceCount - 1;
    if (have.count === 0) return 0;
    return (
      have.count * meta.pieceLength - (have.has(last) ? meta.pieceLength - lengthOfPiece(meta, last) : 0)
    );
  }

  async #announce(event?: string): Promise<void> {
    const { job, meta, say } = this.#options;
    const lonely =
      this.#swarm.peers.size < Math.min(fewNeighbours, job.members.length - 1) && event === undefined;
    const left = meta.length - this.#done;
    this.#lastAnnounce = performance.now();
    if (job.announce !== undefined) {
      try {
        const { counts } = this;
        this.meet(
          await announce(job.announce, {
            ...{
              infoHash: meta.infoHash,
              peerId: this.#peerId,
              port: this.#port,
              left,
              lonely,
              localAddress: job.address,
            },
            ...{ uploaded: counts.sent, downloaded: counts.received },
            ...(event ? { event } : {}),
          }),
        );
        return;
      } catch {
        // The controller answers as well, over SSH.
      }
    }
    say({ type: 'announce', port: this.#port, left, lonely, ...(event ? { event } : {}) });
  }

  // ── links ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #onPeer(
    socket: Socket,
    handshake: Handshake,
    address: string,
    rest: Buffer,
    { own, dialled }: PeerTraits,
  ): void {
    const id = handshake.peerId.toString('latin1');
    const known = this.#links.get(id);
    // Of two connections that crossed, both sides keep the one that was made by the peer with the larger id.
    if (known) {
      if (dialled !== this.#peerId.toString('latin1') > id) return void socket.destroy();
      known.close('there is another connection');
      this.onClose(known);
    }
    const link = new Link(socket, this, address);
    this.#links.set(id, link);
    const peer = this.#swarm.add(link, { own, fast: handshake.fast });
    link.begin(peer, rest);
  }

  onMessage(peer: SwarmPeer, message: Message): void {
    this.#swarm.onMessage(peer, message);
  }
  bufferFor(piece: number, begin: number, length: number): Buffer | undefined {
    if (!this.#swarm.wants(piece, begin, length)) return undefined;
    let buffer = this.#buffers.get(piece);
    if (!buffer) {
      buffer = Buffer.allocUnsafeSlow(lengthOfPiece(this.#options.meta, piece));
      this.#buffers.set(piece, buffer);
    }
    return buffer.subarray(begin, begin + length);
  }
  onBytes(peer: SwarmPeer, count: number): void {
    this.#swarm.bytes(peer, count);
  }
  onBlock(peer: SwarmPeer, piece: number, begin: number, length: number, kept: boolean): void {
    this.#swarm.block(peer, piece, begin, length, kept);
  }
  piece(piece: number): Buffer | Promise<Buffer | undefined> {
    return this.#options.store.recent(piece) ?? this.#readPiece(piece);
  }
  async #readPiece(piece: number): Promise<Buffer | undefined> {
    const { store, first, onFailure } = this.#options;
    const bytes = await store.read(piece).catch(() => undefined);
    if (!bytes && first)
      onFailure(new AgentError('ERR_SOURCE_CHANGED', 'a source file changed or vanished while it was sent'));
    return bytes;
  }
  sent(length: number): void {
    this.#swarm.uploads.sent(length);
  }
  onClose(link: Link): void {
    for (const [id, other] of this.#links) if (other === link) this.#links.delete(id);
    if (link.peer) this.#swarm.remove(link.peer);
    link.peer = undefined;
  }

  // ── pieces ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #onPiece(piece: number): void {
    const { store, onFailure } = this.#options;
    const bytes = this.#buffers.get(piece) as Buffer;
    this.#buffers.delete(piece);
    if (!store.isGood(piece, bytes)) return this.#swarm.verified(piece, false);
    this.#writing++;
    // It is in memory from now on, and can be passed on while it is written.
    store.write(piece, bytes).then(
      () => {
        this.#writing--;
        this.#whenComplete();
      },
      (error: unknown) => onFailure(error),
    );
    this.#swarm.verified(piece, true);
  }
  #writing = 0;

  #whenComplete(): void {
    if (this.#completed || !this.#swarm.complete || this.#writing > 0 || this.#options.first) return;
    this.#completed = true;
    this.#options.say({ type: 'complete', time: performance.now() - this.#goTime, ...this.counts });
    void this.#announce('completed');
    this.#options.onComplete();
  }

  #tick(): void {
    const now = performance.now();
    this.#swarm.tick();
    const done = this.#done;
    if (done !== this.#lastDone) {
      this.#lastDone = done;
      this.#lastProgress = now;
    }
    if (now - this.#lastReport >= 2 * tickTime) {
      this.#lastReport = now;
      this.#options.say({ type: 'progress', ...this.counts });
    }
    const { members } = this.#options.job;
    const few = this.#swarm.peers.size < Math.min(fewNeighbours, members.length - 1);
    const stalled = this.#goTime > 0 && !this.#swarm.complete && now - this.#lastProgress > stallTime;
    const due = now - this.#lastAnnounce;
    // A seeder may stand alone for days.
    if (!few && !stalled) this.#wait = announceTime;
    if (this.#port > 0 && (((few || stalled) && due > this.#wait) || due > reannounceTime)) {
      if (this.#swarm.peers.size === 0) this.#wait = Math.min(2 * this.#wait, reannounceTime);
      void this.#announce();
    }
  }
}
