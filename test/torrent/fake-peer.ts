import { connect, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import {
  encodeBlockHeader,
  encodeHandshake,
  encodeMessage,
  WireReader,
  type Message,
} from '../../src/torrent/wire.js';

/** A peer that does what a test wants. Listens and answers handshakes; what comes then is told. */
export class FakePeer {
  readonly server: Server;
  readonly sockets = new Set<Socket>();
  /** Connections that were closed from the other side. */
  closed = 0;

  private constructor(server: Server) {
    this.server = server;
  }

  static async listen(
    address: string,
    infoHash: Buffer,
    peerId: string,
    pieceCount: number,
    onMessage: (message: Message, peer: FakeLink) => void,
  ): Promise<FakePeer> {
    const fake = new FakePeer(createServer());
    fake.server.on('connection', (socket) => {
      fake.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => fake.closed++);
      const link = new FakeLink(socket);
      let bytes = Buffer.alloc(0);
      const reader = new WireReader(pieceCount, {
        onMessage: (message) => onMessage(message, link),
        onBlockStart: () => undefined,
        onBlockBytes: () => undefined,
        onBlockEnd: () => undefined,
      });
      socket.write(encodeHandshake(infoHash, Buffer.from(peerId)));
      socket.write(encodeMessage({ type: 'haveAll' }));
      socket.write(encodeMessage({ type: 'unchoke' }));
      let shaken = false;
      socket.on('data', (chunk: Buffer) => {
        if (shaken) return reader.push(chunk);
        bytes = Buffer.concat([bytes, chunk]);
        if (bytes.length < 68) return;
        shaken = true;
        reader.push(bytes.subarray(68));
      });
    });
    fake.server.listen(0, address);
    await once(fake.server, 'listening');
    return fake;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

export class FakeLink {
  constructor(readonly socket: Socket) {}
  sendBlock(piece: number, begin: number, bytes: Buffer): void {
    this.socket.write(encodeBlockHeader(piece, begin, bytes.length));
    this.socket.write(bytes);
  }
}

/** Connects from an address, sends bytes, and resolves when the other side has closed; with what it has sent. */
export async function knock(
  from: string,
  to: { address: string; port: number },
  bytes: Buffer,
): Promise<Buffer> {
  const socket = connect({ host: to.address, port: to.port, localAddress: from });
  const parts: Buffer[] = [];
  socket.on('error', () => undefined);
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.on('connect', () => socket.write(bytes));
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(parts);
}
