import { Bitfield } from './swarm/bitfield.js';

/** Messages of the peer wire protocol (BEP 3, 6, 10) but blocks, which go past this type without a copy. */
export type Message =
  | {
      readonly type:
        'choke' | 'unchoke' | 'interested' | 'uninterested' | 'haveAll' | 'haveNone' | 'keepalive';
    }
  | { readonly type: 'have' | 'suggest' | 'allowedFast'; readonly piece: number }
  | { readonly type: 'bitfield'; readonly field: Buffer }
  | {
      readonly type: 'request' | 'cancel' | 'reject';
      readonly piece: number;
      readonly begin: number;
      readonly length: number;
    }
  | { readonly type: 'extended'; readonly id: number; readonly payload: Buffer };

export const blockLength = 16 * 1024;
export const handshakeLength = 68;
const protocol = Buffer.from('\x13BitTorrent protocol', 'latin1');
/** A request for more is refused; some clients ask for 32 KiB. */
export const longestBlock = 128 * 1024;

const numbers = {
  ...{
    choke: 0,
    unchoke: 1,
    interested: 2,
    uninterested: 3,
    have: 4,
    bitfield: 5,
    request: 6,
    piece: 7,
    cancel: 8,
  },
  ...{ suggest: 13, haveAll: 14, haveNone: 15, reject: 16, allowedFast: 17, extended: 20 },
} as const;
const names = new Map<number, keyof typeof numbers>(
  Object.entries(numbers).map(([name, number]) => [number, name as keyof typeof numbers]),
);

export interface Handshake {
  readonly infoHash: Buffer;
  readonly peerId: Buffer;
  /** Speaks the fast extension (BEP 6). */
  readonly fast: boolean;
  /** Speaks the extension protocol (BEP 10). */
  readonly extended: boolean;
}

export function encodeHandshake(infoHash: Buffer, peerId: Buffer): Buffer {
  const reserved = Buffer.alloc(8);
  reserved[5] = 0x10;
  reserved[7] = 0x04;
  return Buffer.concat([protocol, reserved, infoHash, peerId]);
}

/** Undefined for what is no handshake. */
export function decodeHandshake(bytes: Buffer): Handshake | undefined {
  if (!bytes.subarray(0, protocol.length).equals(protocol)) return undefined;
  return {
    infoHash: Buffer.from(bytes.subarray(28, 48)),
    peerId: Buffer.from(bytes.subarray(48, 68)),
    fast: ((bytes[27] as number) & 0x04) !== 0,
    extended: ((bytes[25] as number) & 0x10) !== 0,
  };
}

export function encodeMessage(message: Message): Buffer {
  const { type } = message;
  if (type === 'keepalive') return Buffer.alloc(4);
  const make = (length: number) => {
    const bytes = Buffer.allocUnsafe(5 + length);
    bytes.writeUInt32BE(1 + length, 0);
    bytes[4] = numbers[type];
    return bytes;
  };
  switch (message.type) {
    case 'have':
    case 'suggest':
    case 'allowedFast': {
      const bytes = make(4);
      bytes.writeUInt32BE(message.piece, 5);
      return bytes;
    }
    case 'request':
    case 'cancel':
    case 'reject': {
      const bytes = make(12);
      bytes.writeUInt32BE(message.piece, 5);
      bytes.writeUInt32BE(message.begin, 9);
      bytes.writeUInt32BE(message.length, 13);
      return bytes;
    }
    case 'bitfield':
      return Buffer.concat([make(message.field.length).subarray(0, 5), message.field]);
    case 'extended':
      return Buffer.concat([
        make(1 + message.payload.length).subarray(0, 5),
        Buffer.from([message.id]),
        message.payload,
      ]);
    default:
      return make(0);
  }
}

/** What comes before the bytes of a block. */
export function encodeBlockHeader(piece: number, begin: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(13);
  bytes.writeUInt32BE(9 + length, 0);
  bytes[4] = numbers.piece;
  bytes.writeUInt32BE(piece, 5);
  bytes.writeUInt32BE(begin, 9);
  return bytes;
}

/** What a {@link WireReader} tells. */
export interface WireListener {
  onMessage(message: Message): void;
  /** A block begins: where its bytes are to be put, or undefined when nobody wants them. */
  onBlockStart(piece: number, begin: number, length: number): Buffer | undefined;
  /** Bytes of a block have come. */
  onBlockBytes(count: number): void;
  onBlockEnd(piece: number, begin: number, length: number): void;
}

interface IncomingBlock {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
  at: number;
  readonly target: Buffer | undefined;
}

/** A message longer than this is none; bitfields may be as long as the torrent makes them. */
const longestExtended = 64 * 1024;

/**
 * Takes the stream of one connection apart. Every length is checked before anything is kept for it: a prefix of 4 GiB costs
 * nothing. Blocks are copied once, to where they belong. Throws an Error at the first thing that is not the protocol.
 */
export class WireReader {
  readonly #listener: WireListener;
  readonly #pieceCount: number;
  readonly #limit: number;
  /** The message that is being collected, its prefix included; a block is collected up to its header. */
  #head = Buffer.alloc(64);
  #filled = 0;
  #block: IncomingBlock | undefined;

  constructor(pieceCount: number, listener: WireListener) {
    this.#listener = listener;
    this.#pieceCount = pieceCount;
    this.#limit = Math.max(longestExtended, 1 + ((pieceCount + 7) >> 3), 9 + longestBlock);
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;)
      at = this.#block ? this.#blockBytes(chunk, at) : this.#messageBytes(chunk, at);
  }

  #blockBytes(chunk: Buffer, at: number): number {
    const block = this.#block as IncomingBlock;
    const count = Math.min(block.length - block.at, chunk.length - at);
    if (block.target) chunk.copy(block.target, block.at, at, at + count);
    block.at += count;
    this.#listener.onBlockBytes(count);
    if (block.at === block.length) {
      this.#block = undefined;
      this.#listener.onBlockEnd(block.piece, block.begin, block.length);
    }
    return at + count;
  }

  #messageBytes(chunk: Buffer, at: number): number {
    if (this.#filled < 4) at = this.#collect(chunk, at, 4);
    if (this.#filled < 4) return at;
    const length = this.#head.readUInt32BE(0);
    if (length === 0) {
      this.#filled = 0;
      return at;
    }
    if (length > this.#limit) throw new Error(`a message of ${length} bytes is too long`);
    if (this.#filled === 4) at = this.#collect(chunk, at, 5);
    if (this.#filled < 5) return at;
    const isBlock = this.#head[4] === numbers.piece;
    const wanted = isBlock ? 13 : 4 + length;
    at = this.#collect(chunk, at, wanted);
    if (this.#filled < wanted) return at;
    this.#filled = 0;
    if (!isBlock) {
      const message = this.#decode(this.#head.subarray(4, wanted));
      if (message) this.#listener.onMessage(message);
      return at;
    }
    const block = {
      piece: this.#head.readUInt32BE(5),
      begin: this.#head.readUInt32BE(9),
      length: length - 9,
      at: 0,
    };
    if (length <= 9 || block.length > longestBlock)
      throw new Error(`a block of ${block.length} bytes is no block`);
    this.#checkPiece(block.piece);
    this.#block = { ...block, target: this.#listener.onBlockStart(block.piece, block.begin, block.length) };
    return at;
  }

  #collect(chunk: Buffer, at: number, wanted: number): number {
    const count = Math.min(wanted - this.#filled, chunk.length - at);
    if (this.#filled + count > this.#head.length) {
      // It grows with what has come, not with what was announced.
      const larger = Buffer.alloc(Math.min(wanted, 2 * (this.#filled + count)));
      this.#head.copy(larger, 0, 0, this.#filled);
      this.#head = larger;
    }
    chunk.copy(this.#head, this.#filled, at, at + count);
    this.#filled += count;
    return at + count;
  }

  #decode(body: Buffer): Message | undefined {
    const type = names.get(body[0] as number);
    const exactly = (length: number) => {
      if (body.length !== length) throw new Error(`a message of type ${type} has ${body.length} bytes`);
    };
    switch (type) {
      case 'have':
      case 'suggest':
      case 'allowedFast':
        exactly(5);
        this.#checkPiece(body.readUInt32BE(1));
        return { type, piece: body.readUInt32BE(1) };
      case 'request':
      case 'cancel':
      case 'reject':
        exactly(13);
        this.#checkPiece(body.readUInt32BE(1));
        return {
          type,
          piece: body.readUInt32BE(1),
          begin: body.readUInt32BE(5),
          length: body.readUInt32BE(9),
        };
      case 'bitfield':
        if (!Bitfield.from(this.#pieceCount, body.subarray(1)))
          throw new Error('a bitfield of the wrong length');
        return { type, field: Buffer.from(body.subarray(1)) };
      case 'extended':
        if (body.length < 2) throw new Error('an extended message without a number');
        return { type, id: body[1] as number, payload: Buffer.from(body.subarray(2)) };
      case undefined:
      case 'piece':
        // What is not known is skipped, as later versions of the protocol want it.
        return undefined;
      default:
        exactly(1);
        return { type };
    }
  }

  #checkPiece(piece: number): void {
    if (piece >= this.#pieceCount) throw new Error(`there is no piece ${piece}`);
  }
}
