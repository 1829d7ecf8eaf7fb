import type { SwarmPeer } from './peer.js';
import { blockLength } from '../wire.js';
import type { Pieces } from './pieces.js';

/** Pieces that are shown to all peers together, at least. */
const enough = 8;

/**
 * How a seeder gives away one copy before it sends anything twice: it shows nothing at first, then each peer one piece at a time,
 * of those that were shown least; the next one when the last block of it is asked for. When a whole copy is out it shows all.
 */
export class Showing {
  readonly #pieces: Pieces;
  readonly #random: () => number;
  /** How many peers each piece was shown to, and whether all of it was asked for by one of them. */
  readonly #shown: Uint16Array;
  readonly #out: Uint8Array;
  #missing: number;
  open = false;

  constructor(pieces: Pieces, random: () => number) {
    this.#pieces = pieces;
    this.#random = random;
    this.#shown = new Uint16Array(pieces.have.length);
    this.#out = new Uint8Array(pieces.have.length);
    this.#missing = pieces.have.length;
  }

  /** Pieces that nobody has taken yet. */
  get missing(): number {
    return this.#missing;
  }

  /** A copy of a piece is with a peer already, however it came there. */
  known(piece: number): void {
    if (this.#out[piece]) return;
    this.#out[piece] = 1;
    this.#missing--;
  }

  /** Stock clients look only now and then at what is new: one piece at a time would take them for ever. */
  hidesFrom(peer: SwarmPeer): boolean {
    return peer.own && !this.open;
  }

  /** One piece to each of many peers; to few peers some ahead, so that the way there and back costs nothing. */
  show(peer: SwarmPeer, peers: number): void {
    if (!this.hidesFrom(peer)) return;
    for (let room = Math.ceil(enough / peers) - peer.shown.size; room > 0; room--) {
      const piece = this.#choose(peer);
      if (piece === undefined) return;
      this.#shown[piece] = (this.#shown[piece] as number) + 1;
      peer.shown.set(piece, Math.ceil(this.#pieces.lengthOf(piece) / blockLength));
      peer.port.send({ type: 'have', piece }, true);
    }
  }

  #choose(peer: SwarmPeer): number | undefined {
    let best = Infinity;
    let ties = 0;
    let chosen: number | undefined;
    for (let piece = 0; piece < this.#shown.length; piece++) {
      if (peer.has.has(piece) || peer.shown.has(piece)) continue;
      // What is out counts for more than what is only promised.
      const count = 2 * (this.#shown[piece] as number) + 3 * (this.#out[piece] as number);
      if (count > best) continue;
      if (count < best) {
        best = count;
        ties = 0;
      }
      if (this.#random() * ++ties < 1) chosen = piece;
    }
    return chosen;
  }

  /** A block was asked for; true when that was the last one of a whole copy. */
  requested(peer: SwarmPeer, piece: number, peers: number): boolean {
    const left = peer.shown.get(piece);
    if (left === undefined) return false;
    peer.shown.set(piece, left - 1);
    if (left > 1) return false;
    peer.shown.delete(piece);
    this.known(piece);
    if (this.#missing === 0) return true;
    this.show(peer, peers);
    return false;
  }

  /** It got from elsewhere what was shown to it: something else is shown. */
  has(peer: SwarmPeer, piece: number, peers: number): void {
    this.known(piece);
    if (peer.shown.delete(piece)) this.show(peer, peers);
  }

  gone(peer: SwarmPeer): void {
    for (const piece of peer.shown.keys()) this.#shown[piece] = (this.#shown[piece] as number) - 1;
    peer.shown.clear();
  }
}
