import type { Message } from '../wire.js';
import { Bitfield } from './bitfield.js';

/** The way to one peer, for the policy: sockets in the agent, virtual links in the simulation. */
export interface PeerPort {
  /** What is not urgent may wait a little, to go together with other messages. */
  send(message: Message, urgent?: boolean): void;
  /** Sends a block; {@link Swarm.sent} is told when it is on its way. */
  sendBlock(piece: number, begin: number, length: number): void;
  close(reason: string): void;
}

/** A block that was asked for. */
export interface BlockRequest {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
  /** When, in ms. */
  readonly since: number;
}

/** What the policy knows of one connected peer. */
export class SwarmPeer {
  readonly port: PeerPort;
  /** An agent of ours, which plays by the same rules; others are choked until they are interested. */
  readonly own: boolean;
  /** It speaks the fast extension (BEP 6): requests are rejected, not forgotten. */
  readonly fast: boolean;
  readonly has: Bitfield;
  /** It does not serve us. */
  choking = true;
  /** We serve it. */
  unchoked = false;
  /** We have told it that it has what we want. */
  interested = false;
  /** What we have asked it for and not received yet, in this order. */
  readonly pending: BlockRequest[] = [];
  /** What it has asked us for. */
  readonly wanted: BlockRequest[] = [];
  /** When bytes last came from it; ms. */
  lastBytes = 0;
  /** Bytes per second that it brings, while something is asked of it. */
  rate = 0;
  /** The shortest time that a block took from being asked for; ms. */
  fastest = Infinity;
  /** It has let us wait: it is asked for nothing until then; ms. */
  shunnedUntil = 0;
  badPieces = 0;
  bytesIn = 0;
  bytesOut = 0;
  /** Of a seeder that shows one piece after the other: what it has shown to this peer, and how many blocks were not asked for yet. */
  readonly shown = new Map<number, number>();
  #markTime = 0;
  #markBytes = 0;

  constructor(port: PeerPort, pieceCount: number, traits: { own: boolean; fast: boolean }) {
    this.port = port;
    this.own = traits.own;
    this.fast = traits.fast;
    this.has = new Bitfield(pieceCount);
  }

  /** Counts bytes that came; the rate follows within about half a second. */
  received(bytes: number, now: number): void {
    this.bytesIn += bytes;
    this.lastBytes = now;
    this.#markBytes += bytes;
    const passed = now - this.#markTime;
    if (passed < 100) return;
    const rate = (this.#markBytes / passed) * 1000;
    this.rate = passed > 1000 || this.rate === 0 ? rate : 0.7 * this.rate + 0.3 * rate;
    this.#markTime = now;
    this.#markBytes = 0;
  }
}
