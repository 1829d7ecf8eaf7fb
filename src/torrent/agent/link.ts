import type { Socket } from 'node:net';
import type { BlockRequest, PeerPort, SwarmPeer } from '../swarm/peer.js';
import { encodeBlockHeader, encodeMessage, WireReader, type Message, type WireListener } from '../wire.js';

/** What a link needs to know of the agent it belongs to. */
export interface LinkOwner extends Pick<WireListener, never> {
  readonly pieceCount: number;
  onMessage(peer: SwarmPeer, message: Message): void;
  /** Where the bytes of a block go, if they are wanted. */
  bufferFor(piece: number, begin: number, length: number): Buffer | undefined;
  onBytes(peer: SwarmPeer, count: number): void;
  onBlock(peer: SwarmPeer, piece: number, begin: number, length: number, kept: boolean): void;
  /** A piece that is here; undefined when it cannot be read. */
  piece(piece: number): Buffer | Promise<Buffer | undefined>;
  sent(length: number): void;
  onClose(link: Link): void;
}

/** What is new here is told after this long at the latest, or together with something that is urgent; ms. */
const haveDelay = 8;

/** A connection after the handshake: messages out, those of one turn of the event loop together, and in. */
export class Link implements PeerPort {
  readonly #socket: Socket;
  readonly #owner: LinkOwner;
  readonly address: string;
  peer: SwarmPeer | undefined;
  /** Messages that can wait a little for others to go with. */
  #waiting: Buffer[] = [];
  #flushing = false;
  #timer: NodeJS.Timeout | undefined;
  closedFor: string | undefined;

  constructor(socket: Socket, owner: LinkOwner, address: string) {
    this.#socket = socket;
    this.#owner = owner;
    this.address = address;
    socket.once('close', () => owner.onClose(this));
  }

  /** From now on what comes is taken apart; `rest` came together with the handshake. */
  begin(peer: SwarmPeer, rest: Buffer): void {
    this.peer = peer;
    let kept = false;
    const reader = new WireReader(this.#owner.pieceCount, {
      onMessage: (message) => this.#owner.onMessage(peer, message),
      onBlockStart: (piece, begin, length) => {
        const target = this.#owner.bufferFor(piece, begin, length);
        kept = target !== undefined;
        return target;
      },
      onBlockBytes: (count) => this.#owner.onBytes(peer, count),
      onBlockEnd: (piece, begin, length) => this.#owner.onBlock(peer, piece, begin, length, kept),
    });
    const push = (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        this.close(error instanceof Error ? error.message : String(error));
      }
    };
    this.#socket.on('data', push);
    if (rest.length > 0) push(rest);
  }

  send(message: Message, urgent = message.type !== 'have'): void {
    if (this.#socket.destroyed) return;
    this.#waiting.push(encodeMessage(message));
    if (urgent) this.#flushSoon();
    else this.#timer ??= setTimeout(() => this.#flush(), haveDelay);
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => this.#flush());
  }

  /** One packet for all that has come together. */
  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushing = false;
    const messages = this.#waiting.splice(0);
    if (messages.length > 0 && !this.#socket.destroyed) this.#socket.write(Buffer.concat(messages));
    if (this.#socket.writableCorked > 0) this.#socket.uncork();
  }

  sendBlock(piece: number, begin: number, length: number): void {
    const bytes = this.#owner.piece(piece);
    if (bytes instanceof Promise) {
      void bytes.then(
        (found) => this.#write(found, { piece, begin, length, since: 0 }),
        () => this.#write(undefined, { piece, begin, length, since: 0 }),
      );
    } else this.#write(bytes, { piece, begin, length, since: 0 });
  }

  #write(bytes: Buffer | undefined, { piece, begin, length }: BlockRequest): void {
    if (this.#socket.destroyed || !bytes) {
      if (!bytes && this.peer?.fast) this.send({ type: 'reject', piece, begin, length });
      setImmediate(() => this.#owner.sent(length));
      return;
    }
    if (this.#socket.writableCorked === 0) this.#socket.cork();
    this.#flushSoon();
    const messages = this.#waiting.splice(0);
    this.#socket.write(Buffer.concat([...messages, encodeBlockHeader(piece, begin, length)]));
    this.#socket.write(bytes.subarray(begin, begin + length), () => this.#owner.sent(length));
  }

  close(reason: string): void {
    this.closedFor ??= reason;
    this.#socket.destroy();
  }
}
