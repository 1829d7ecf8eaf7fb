import type { BlockRequest, SwarmPeer } from './peer.js';

/** Bytes that are handed to the sockets and not yet taken by the system, at most. */
const window = 256 * 1024;
/** A peer that has asked for so many blocks and asks for more is refused. */
export const mostRequests = 512;

/** What goes out: one piece to one peer, then the next, so that somebody has a whole piece to pass on soon. */
export class Uploads {
  readonly #queue: SwarmPeer[] = [];
  #outgoing = 0;
  #current: { peer: SwarmPeer; piece: number } | undefined;
  bytes = 0;

  add(peer: SwarmPeer, request: BlockRequest): boolean {
    if (peer.wanted.length >= mostRequests) return false;
    peer.wanted.push(request);
    if (!this.#queue.includes(peer)) this.#queue.push(peer);
    this.pump();
    return true;
  }

  /** True when it was still waiting. */
  cancel(peer: SwarmPeer, piece: number, begin: number): boolean {
    const at = peer.wanted.findIndex((request) => request.piece === piece && request.begin === begin);
    if (at >= 0) peer.wanted.splice(at, 1);
    return at >= 0;
  }

  gone(peer: SwarmPeer): void {
    peer.wanted.length = 0;
    const at = this.#queue.indexOf(peer);
    if (at >= 0) this.#queue.splice(at, 1);
  }

  /** The system has taken a block. */
  sent(length: number): void {
    this.#outgoing -= length;
    this.pump();
  }

  pump(): void {
    while (this.#outgoing < window) {
      const next = this.#next();
      if (!next) return;
      const { peer, request } = next;
      this.#outgoing += request.length;
      this.bytes += request.length;
      peer.bytesOut += request.length;
      peer.port.sendBlock(request.piece, request.begin, request.length);
    }
  }

  #next(): { peer: SwarmPeer; request: BlockRequest } | undefined {
    const current = this.#current;
    if (current) {
      const at = current.peer.wanted.findIndex((request) => request.piece === current.piece);
      const [request] = at >= 0 ? current.peer.wanted.splice(at, 1) : [];
      if (request) return { peer: current.peer, request };
      this.#current = undefined;
    }
    for (let peer = this.#queue.shift(); peer; peer = this.#queue.shift()) {
      const request = peer.wanted.shift();
      if (!request) continue;
      this.#current = { peer, piece: request.piece };
      this.#queue.push(peer);
      return { peer, request };
    }
    return undefined;
  }
}
