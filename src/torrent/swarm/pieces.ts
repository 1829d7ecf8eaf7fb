import { blockLength } from '../wire.js';
import { Bitfield } from './bitfield.js';
import type { SwarmPeer } from './peer.js';

/** A piece of which some blocks are asked for or there. */
export interface PieceProgress {
  readonly piece: number;
  readonly length: number;
  readonly blocks: number;
  /** The one peer that is asked for it; undefined when that one is gone or lets us wait. */
  owner: SwarmPeer | undefined;
  /** How many peers each block is asked of. */
  readonly asked: Uint8Array;
  readonly got: Bitfield;
  /** Who has sent blocks of it. */
  readonly sources: Set<SwarmPeer>;
  /** All its blocks are there, and its hash is being looked at. */
  complete: boolean;
}

/** Which pieces are there, asked for and rare; says what to ask for next. */
export class Pieces {
  readonly have: Bitfield;
  readonly pieceLength: number;
  readonly length: number;
  readonly availability: Uint16Array;
  readonly progress = new Map<number, PieceProgress>();
  readonly #random: () => number;

  constructor(options: { have: Bitfield; pieceLength: number; length: number; random: () => number }) {
    this.have = options.have;
    this.pieceLength = options.pieceLength;
    this.length = options.length;
    this.#random = options.random;
    this.availability = new Uint16Array(options.have.length);
  }

  lengthOf(piece: number): number {
    return Math.min(this.pieceLength, this.length - piece * this.pieceLength);
  }

  /** True when every block is there or asked for. */
  get allAsked(): boolean {
    if (this.have.count + this.progress.size < this.have.length) return false;
    for (const one of this.progress.values()) if (!one.complete && nextBlock(one) !== undefined) return false;
    return true;
  }

  /** True when the peer has something that is not here. */
  wants(peer: SwarmPeer): boolean {
    for (let i = 0; i < peer.has.bytes.length; i++)
      if (((peer.has.bytes[i] as number) & ~(this.have.bytes[i] as number)) !== 0) return true;
    return false;
  }

  /**
   * The piece that a peer is to be asked for: the one it is at, one that somebody has begun and left, else the rarest of those
   * it has, by lot among equals. No piece has two owners.
   */
  pick(peer: SwarmPeer): PieceProgress | undefined {
    let left: PieceProgress | undefined;
    for (const one of this.progress.values()) {
      if (one.complete || nextBlock(one) === undefined) continue;
      if (one.owner === peer) return one;
      if (one.owner === undefined && peer.has.has(one.piece)) left ??= one;
    }
    if (left) {
      left.owner = peer;
      return left;
    }
    const piece = this.#rarest(peer);
    if (piece === undefined) return undefined;
    const length = this.lengthOf(piece);
    const blocks = Math.ceil(length / blockLength);
    const one: PieceProgress = {
      ...{ piece, length, blocks, owner: peer, sources: new Set<SwarmPeer>(), complete: false },
      asked: new Uint8Array(blocks),
      got: new Bitfield(blocks),
    };
    this.progress.set(piece, one);
    return one;
  }

  #rarest(peer: SwarmPeer): number | undefined {
    let best = Infinity;
    let ties = 0;
    let chosen: number | undefined;
    const theirs = peer.has.bytes;
    const ours = this.have.bytes;
    for (let byte = 0; byte < theirs.length; byte++) {
      const new_ = (theirs[byte] as number) & ~(ours[byte] as number);
      if (new_ === 0) continue;
      for (let bit = 0; bit < 8; bit++) {
        if ((new_ & (0x80 >> bit)) === 0) continue;
        const piece = byte * 8 + bit;
        const count = this.availability[piece] as number;
        if (count > best || this.progress.has(piece)) continue;
        if (count < best) {
          best = count;
          ties = 0;
        }
        if (this.#random() * ++ties < 1) chosen = piece;
      }
    }
    return chosen;
  }
}

/** The first block of a piece that is neither there nor asked for. */
export function nextBlock(one: PieceProgress): number | undefined {
  for (let i = 0; i < one.blocks; i++) if (one.asked[i] === 0 && !one.got.has(i)) return i;
  return undefined;
}

export function lengthOfBlock(one: PieceProgress, block: number): number {
  return Math.min(blockLength, one.length - block * blockLength);
}
