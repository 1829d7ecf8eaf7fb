import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobMember } from '../control.js';
import { plain } from '../tracker.js';
import { decodeHandshake, encodeHandshake, handshakeLength, type Handshake } from '../wire.js';

/** Who has not shaken hands after this long is cut off; ms. */
const handshakeTime = 5000;
/** Connections from outside that have not shaken hands, at most; so that the slow cannot crowd out others. */
const mostHalfOpen = 256;
/** And from one address. */
const mostOfOne = 8;
const connectTime = 1000;
const retryAfter = [250, 500, 1000];

export interface PeerTraits {
  /** An agent of ours, not a stock client. */
  readonly own: boolean;
  /** The connection was made from here. */
  readonly dialled: boolean;
}

export interface ConnectionsOptions {
  readonly infoHash: Buffer;
  readonly peerId: Buffer;
  /** To listen on, and to connect from. */
  readonly address: string;
  readonly members: readonly JobMember[];
  /** Hands have been shaken; `rest` has come already. False: it is not wanted. */
  readonly onPeer: (
    socket: Socket,
    handshake: Handshake,
    address: string,
    rest: Buffer,
    traits: PeerTraits,
  ) => void;
}

/** Listens for and connects to the members of a job; nobody else gets as far as a handshake. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #hello: Buffer;
  readonly #addresses: ReadonlySet<string>;
  readonly #owners: ReadonlyMap<string, string>;
  readonly #strangers: ReadonlySet<string>;
  readonly #sockets = new Set<Socket>();
  readonly #dialling = new Set<string>();
  #server: Server | undefined;
  readonly #halfOpen = new Map<string, number>();
  #closed = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#hello = encodeHandshake(options.infoHash, options.peerId);
    this.#addresses = new Set(options.members.map((member) => member.address));
    this.#owners = new Map(
      options.members.flatMap(({ peerId, address }) => (peerId ? [[peerId, address]] : [])),
    );
    this.#strangers = new Set(
      options.members.filter((member) => !member.peerId).map((member) => member.address),
    );
  }

  /** Resolves with the port. */
  listen(): Promise<number> {
    const server = (this.#server = createServer({ noDelay: true }, (socket) => {
      const address = plain(socket.remoteAddress);
      const ofOne = this.#halfOpen.get(address) ?? 0;
      const full =
        ofOne >= mostOfOne ||
        [...this.#halfOpen.values()].reduce((sum, count) => sum + count, 0) >= mostHalfOpen;
      if (!this.#addresses.has(address) || full || this.#closed) {
        socket.destroy();
        return;
      }
      this.#halfOpen.set(address, ofOne + 1);
      void this.#shakeHands(socket, address, false).finally(() =>
        this.#halfOpen.set(address, (this.#halfOpen.get(address) ?? 1) - 1),
      );
    }));
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: this.#options.address, port: 0, backlog: 128 }, () => {
        server.off('error', reject);
        server.on('error', () => undefined);
        resolve((server.address() as { port: number }).port);
      });
    });
  }

  /** Connects, with a few retries; what comes of it is told by `onPeer`. */
  async dial(address: string, port: number): Promise<void> {
    const key = `${address} ${port}`;
    if (this.#dialling.has(key) || !this.#addresses.has(address)) return;
    this.#dialling.add(key);
    try {
      for (const pause of [0, ...retryAfter]) {
        if (pause > 0) await sleep(pause);
        if (this.#closed) return;
        const socket = await this.#connect(address, port);
        if (!socket) continue;
        await this.#shakeHands(socket, address, true);
        return;
      }
    } finally {
      this.#dialling.delete(key);
    }
  }

  #connect(host: string, port: number): Promise<Socket | undefined> {
    return new Promise((resolve) => {
      const socket = connect({ host, port, localAddress: this.#options.address, noDelay: true });
      const timer = setTimeout(() => socket.destroy(), connectTime);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        clearTimeout(timer);
        resolve(undefined);
      });
      socket.once('connect', () => {
        clearTimeout(timer);
        resolve(socket);
      });
    });
  }

  /** Resolves when hands have been shaken, or will not be. */
  #shakeHands(socket: Socket, address: string, dialled: boolean): Promise<void> {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    return new Promise((resolve) => {
      const timer = setTimeout(() => socket.destroy(), handshakeTime);
      let bytes = Buffer.alloc(0);
      const onData = (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk]);
        if (bytes.length < handshakeLength) return;
        socket.off('data', onData);
        clearTimeout(timer);
        resolve();
        const handshake = decodeHandshake(bytes);
        const own = handshake && this.#judge(handshake, address);
        if (own === undefined || this.#closed) return void socket.destroy();
        if (!dialled) socket.write(this.#hello);
        this.#options.onPeer(socket, handshake as Handshake, address, bytes.subarray(handshakeLength), {
          own,
          dialled,
        });
      };
      socket.on('data', onData);
      socket.once('close', () => {
        clearTimeout(timer);
        this.#sockets.delete(socket);
        resolve();
      });
      if (dialled) socket.write(this.#hello);
    });
  }

  /** True for an agent of ours, false for a stock client where one is expected, undefined for who has no business here. */
  #judge({ infoHash, peerId }: Handshake, address: string): boolean | undefined {
    if (!infoHash.equals(this.#options.infoHash) || peerId.equals(this.#options.peerId)) return undefined;
    const owner = this.#owners.get(peerId.toString('latin1'));
    if (owner !== undefined) return owner === address ? true : undefined;
    return this.#strangers.has(address) ? false : undefined;
  }

  close(): void {
    this.#closed = true;
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
