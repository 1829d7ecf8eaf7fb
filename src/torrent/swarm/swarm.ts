// The policy of a swarm whose members all cooperate: no sockets, no clock of its own, so that the agent and the simulation share it.
import { blockLength, longestBlock, type Message } from '../wire.js';
import { Bitfield } from './bitfield.js';
import { SwarmPeer, type BlockRequest, type PeerPort } from './peer.js';
import { lengthOfBlock, nextBlock, Pieces, type PieceProgress } from './pieces.js';
import { Showing } from './showing.js';
import { Uploads } from './uploads.js';

export interface SwarmOptions {
  /** What is there at the start; grows. */
  readonly have: Bitfield;
  readonly pieceLength: number;
  /** Bytes of all pieces. */
  readonly length: number;
  /** The first source of a fan-out: sends one copy before anything twice. */
  readonly first: boolean;
  /** The clock, in ms. */
  readonly now: () => number;
  readonly random: () => number;
  /** All blocks of a piece are there: its hash is to be looked at, and {@link Swarm.verified} called. */
  readonly onPiece: (piece: number) => void;
}

/** Blocks asked for at once of one peer, at least and at most. */
const leastDepth = 8;
const mostDepth = 256;
/** Peers that one block is asked of, at most. */
const mostAsked = 2;
/** A peer from which nothing comes for this long, ms, or 8 times what a block should take, is asked no more for a while. */
const patience = 2000;
const mostPatience = 60_000;
const mostBackoff = 16;
/** A block that was asked for is asked for once more, near the end, when it has been awaited for this long; ms. */
const endgameWait = 100;
/** Bad pieces after which a peer is not spoken to any more. */
const mostBad = 2;

export class Swarm {
  readonly pieces: Pieces;
  readonly peers = new Set<SwarmPeer>();
  readonly uploads = new Uploads();
  readonly #options: SwarmOptions;
  readonly #showing: Showing | undefined;
  #started = false;
  /** How long blocks take from being asked for to being there: the longest of late; ms. */
  #wait = 0;
  /** Grows with every peer that was given up, for it may have been too soon; shrinks with every block. */
  #backoff = 1;
  /** Bytes that came twice, or that nobody wanted any more. */
  wasted = 0;
  received = 0;

  constructor(options: SwarmOptions) {
    this.#options = options;
    this.pieces = new Pieces(options);
    if (options.first) this.#showing = new Showing(this.pieces, options.random);
  }

  get complete(): boolean {
    return this.pieces.have.full;
  }
  /** Of the first source: pieces that nobody else has taken yet. Otherwise undefined. */
  get notYetOut(): number | undefined {
    return this.#showing?.missing;
  }

  /** From now on blocks are asked for, and a first source shows what it has. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    for (const peer of this.peers) this.#greet(peer);
  }

  /** A peer has been shaken hands with. */
  add(port: PeerPort, traits: { own: boolean; fast: boolean }): SwarmPeer {
    const { have } = this.pieces;
    const peer = new SwarmPeer(port, have.length, traits);
    peer.lastBytes = this.#options.now();
    this.peers.add(peer);
    const hides = this.#showing?.hidesFrom(peer) ?? false;
    const shows = hides ? new Bitfield(have.length) : have;
    if (peer.fast && shows.full) port.send({ type: 'haveAll' });
    else if (peer.fast && shows.count === 0) port.send({ type: 'haveNone' });
    else if (shows.count > 0) port.send({ type: 'bitfield', field: Buffer.from(shows.bytes) });
    if (peer.own) this.#unchoke(peer);
    if (this.#started) this.#greet(peer);
    return peer;
  }

  #greet(peer: SwarmPeer): void {
    this.#showing?.show(peer, this.peers.size);
    this.#ask(peer);
  }

  #unchoke(peer: SwarmPeer): void {
    if (peer.unchoked) return;
    peer.unchoked = true;
    peer.port.send({ type: 'unchoke' });
  }

  /** Its connection is gone. */
  remove(peer: SwarmPeer): void {
    if (!this.peers.delete(peer)) return;
    this.#showing?.gone(peer);
    this.uploads.gone(peer);
    for (let i = 0; i < peer.has.length; i++) if (peer.has.has(i)) this.#rarer(i);
    this.#release(peer);
    this.#askAll();
  }

  #rarer(piece: number): void {
    this.pieces.availability[piece] = (this.pieces.availability[piece] as number) - 1;
  }

  // ── what comes ─────────────────────────────────────────────────────────────────────────────────────────────────

  onMessage(peer: SwarmPeer, message: Message): void {
    switch (message.type) {
      case 'have':
        return this.#onHave(peer, message.piece);
      case 'bitfield':
      case 'haveAll': {
        const field = new Bitfield(peer.has.length);
        const all = message.type === 'bitfield' ? Bitfield.from(field.length, message.field) : field.fill();
        for (let i = 0; i < field.length; i++) if (all?.has(i)) this.#learn(peer, i);
        return this.#ask(peer);
      }
      case 'choke':
        peer.choking = true;
        // With the fast extension each request is answered all the same.
        if (!peer.fast) this.#release(peer);
        return;
      case 'unchoke':
        peer.choking = false;
        return this.#ask(peer);
      case 'interested':
        return this.#unchoke(peer);
      case 'request':
        return this.#onRequest(peer, message);
      case 'cancel':
        if (this.uploads.cancel(peer, message.piece, message.begin) && peer.fast)
          peer.port.send({ ...message, type: 'reject' });
        return;
      case 'reject': {
        const request = takePending(peer, message.piece, message.begin);
        if (!request) return;
        this.#unask(request);
        peer.shunnedUntil = this.#options.now() + patience;
        return this.#askAll();
      }
      default:
        return;
    }
  }

  #learn(peer: SwarmPeer, piece: number): void {
    if (!peer.has.add(piece)) return;
    this.pieces.availability[piece] = (this.pieces.availability[piece] as number) + 1;
    this.#showing?.known(piece);
  }

  #onHave(peer: SwarmPeer, piece: number): void {
    this.#learn(peer, piece);
    if (this.#showing) {
      this.#showing.has(peer, piece, this.peers.size);
      this.#openWhenOut();
    }
    if (!this.pieces.have.has(piece)) this.#ask(peer);
  }

  #onRequest(peer: SwarmPeer, message: { piece: number; begin: number; length: number }): void {
    const { piece, begin, length } = message;
    const fits =
      this.pieces.have.has(piece) &&
      length > 0 &&
      length <= longestBlock &&
      begin + length <= this.pieces.lengthOf(piece);
    const taken =
      fits && peer.unchoked && this.uploads.add(peer, { piece, begin, length, since: this.#options.now() });
    if (!taken) {
      if (peer.fast) peer.port.send({ type: 'reject', piece, begin, length });
      return;
    }
    if (this.#showing?.requested(peer, piece, this.peers.size)) this.#openWhenOut();
  }

  /** One copy is out: from now on the first source is one like all others. */
  #openWhenOut(): void {
    const showing = this.#showing;
    if (!showing || showing.open || showing.missing > 0) return;
    showing.open = true;
    for (const peer of this.peers)
      for (let piece = 0; piece < peer.has.length; piece++)
        if (!peer.has.has(piece)) peer.port.send({ type: 'have', piece });
  }

  /** Whether a block that begins to arrive is wanted. */
  wants(piece: number, begin: number, length: number): boolean {
    const one = this.pieces.progress.get(piece);
    if (!one || one.complete || begin % blockLength !== 0) return false;
    const block = begin / blockLength;
    return block < one.blocks && lengthOfBlock(one, block) === length && !one.got.has(block);
  }

  /** Bytes of a block are on their way. */
  bytes(peer: SwarmPeer, count: number): void {
    peer.received(count, this.#options.now());
    this.received += count;
    peer.shunnedUntil = 0;
  }

  /** A block is there; `kept` tells whether its bytes were put where they belong. */
  block(peer: SwarmPeer, piece: number, begin: number, length: number, kept: boolean): void {
    const now = this.#options.now();
    const request = takePending(peer, piece, begin);
    if (request) {
      const taken = now - request.since;
      peer.fastest = Math.min(peer.fastest, taken);
      this.#wait = Math.max(taken, 0.98 * this.#wait);
      this.#backoff = Math.max(1, 0.98 * this.#backoff);
    }
    const one = this.pieces.progress.get(piece);
    if (!one || !kept || !one.got.add(begin / blockLength)) {
      this.wasted += length;
      if (request) this.#unask(request);
      return this.#ask(peer);
    }
    one.sources.add(peer);
    const block = begin / blockLength;
    if ((one.asked[block] as number) > 1) this.#cancelOthers(peer, piece, begin);
    if (one.got.full) {
      one.complete = true;
      this.#options.onPiece(piece);
    }
    this.#ask(peer);
  }

  #cancelOthers(peer: SwarmPeer, piece: number, begin: number): void {
    for (const other of this.peers) {
      if (other === peer) continue;
      const request = takePending(other, piece, begin);
      if (!request) continue;
      other.port.send({ type: 'cancel', piece, begin, length: request.length });
      this.#ask(other);
    }
  }

  /** The hash of a piece was looked at. A peer that has sent a bad one twice is not spoken to any more. */
  verified(piece: number, good: boolean): void {
    const one = this.pieces.progress.get(piece);
    this.pieces.progress.delete(piece);
    if (good) {
      this.pieces.have.add(piece);
      for (const peer of this.peers) {
        if (!peer.has.has(piece)) peer.port.send({ type: 'have', piece });
        if (peer.interested && !this.pieces.wants(peer)) {
          peer.interested = false;
          peer.port.send({ type: 'uninterested' });
        }
      }
      return;
    }
    this.wasted += one?.length ?? 0;
    for (const source of one?.sources ?? []) {
      source.badPieces++;
      // One of several sources may be innocent; one that is alone is not.
      if (source.badPieces >= mostBad) source.port.close(`it has sent ${mostBad} bad pieces`);
    }
    this.#askAll();
  }

  // ── what is asked for ──────────────────────────────────────────────────────────────────────────────────────────

  #askAll(): void {
    for (const peer of this.peers) this.#ask(peer);
  }

  #ask(peer: SwarmPeer): void {
    if (!this.#started || this.complete) return;
    if (!peer.interested) {
      if (!this.pieces.wants(peer)) return;
      peer.interested = true;
      peer.port.send({ type: 'interested' });
    }
    if (peer.choking || peer.shunnedUntil > this.#options.now() || !this.peers.has(peer)) return;
    const depth = this.#depth(peer);
    // Several at a time: each message costs a packet, and on both sides more than the few bytes in it.
    if (peer.pending.length > depth / 2) return;
    for (let room = depth - peer.pending.length; room > 0; room--) {
      const one = this.pieces.pick(peer);
      const block = one && nextBlock(one);
      if (!one || block === undefined) break;
      this.#request(peer, one, block);
    }
    if (peer.pending.length === 0 && this.pieces.allAsked) this.#askAgain(peer);
  }

  /** 1.5 times what fits on the way to it and back at the speed at which it sends. */
  #depth(peer: SwarmPeer): number {
    const way = Number.isFinite(peer.fastest) ? (peer.rate * peer.fastest) / 1000 : 0;
    return Math.min(mostDepth, Math.max(leastDepth, Math.ceil((1.5 * way) / blockLength)));
  }

  #request(peer: SwarmPeer, one: PieceProgress, block: number): void {
    const now = this.#options.now();
    const request = {
      ...{ piece: one.piece, begin: block * blockLength, length: lengthOfBlock(one, block), since: now },
    };
    if (peer.pending.length === 0) peer.lastBytes = now;
    peer.pending.push(request);
    one.asked[block] = (one.asked[block] as number) + 1;
    peer.port.send({ type: 'request', piece: request.piece, begin: request.begin, length: request.length });
  }

  /** Near the end, what others let us wait for is asked of those who have nothing else to do. */
  #askAgain(peer: SwarmPeer): void {
    const now = this.#options.now();
    let oldest: { one: PieceProgress; block: number; since: number } | undefined;
    for (const other of this.peers) {
      if (other === peer) continue;
      for (const { piece, begin, since } of other.pending) {
        const one = this.pieces.progress.get(piece);
        if (!one || !peer.has.has(piece) || now - since < endgameWait) continue;
        const block = begin / blockLength;
        if (one.got.has(block) || (one.asked[block] as number) >= mostAsked) continue;
        if (!oldest || since < oldest.since) oldest = { one, block, since };
      }
    }
    if (oldest) this.#request(peer, oldest.one, oldest.block);
  }

  #unask({ piece, begin }: BlockRequest): void {
    const one = this.pieces.progress.get(piece);
    if (!one) return;
    const block = begin / blockLength;
    if ((one.asked[block] as number) > 0) one.asked[block] = (one.asked[block] as number) - 1;
    if (one.asked[block] === 0 && !one.got.has(block)) one.owner = undefined;
  }

  /** What was asked of a peer may be asked of others. */
  #release(peer: SwarmPeer): void {
    for (const request of peer.pending.splice(0)) this.#unask(request);
    for (const one of this.pieces.progress.values()) if (one.owner === peer) one.owner = undefined;
  }

  /** To be called a few times each second: finds out who lets us wait, and what is to be asked for again. */
  tick(): void {
    const now = this.#options.now();
    for (const peer of this.peers) {
      if (peer.pending.length === 0) continue;
      const expected = peer.rate > 0 ? (blockLength / peer.rate) * 1000 : 0;
      // On slow links a peer serves others for seconds before it comes to us: it is given up later then, not asked in vain again.
      const usual = Math.min(2 * this.#wait * this.#backoff, mostPatience);
      if (now - peer.lastBytes <= Math.max(patience, Math.min(8 * expected, 10 * patience), usual)) continue;
      this.#backoff = Math.min(2 * this.#backoff, mostBackoff);
      for (const { piece, begin, length } of peer.pending)
        peer.port.send({ type: 'cancel', piece, begin, length });
      this.#release(peer);
      peer.shunnedUntil = now + 2 * patience;
    }
    this.#askAll();
  }
}

function takePending(peer: SwarmPeer, piece: number, begin: number): BlockRequest | undefined {
  const at = peer.pending.findIndex((request) => request.piece === piece && request.begin === begin);
  return at < 0 ? undefined : peer.pending.splice(at, 1)[0];
}
