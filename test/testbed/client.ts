import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Client, type ClientChannel, type ConnectConfig, type ExecOptions } from 'ssh2';

/** What the tests need to know of a host, so that they need none of the library to connect to it. */
export interface Where {
  readonly address: string;
  readonly port?: number | undefined;
  readonly user?: string | undefined;
  readonly keyfile?: string | readonly string[] | undefined;
}

export interface Result {
  readonly code: number | null | undefined;
  readonly signal: string | undefined;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

const exits = new WeakMap<ClientChannel, Promise<number | null>>();
/** How the command of an {@link PlainClient.open}ed channel exits. */
export const exitOf = (channel: ClientChannel): Promise<number | null> | undefined => exits.get(channel);

/** A plain ssh2 client, independent of what is tested. */
export class PlainClient implements AsyncDisposable {
  private constructor(
    readonly client: Client,
    readonly socket: Duplex,
  ) {}

  static async connect(host: Where, options: ConnectConfig & { over?: Duplex } = {}): Promise<PlainClient> {
    const { over, ...config } = options;
    const [keyfile] = [host.keyfile ?? []].flat();
    const socket = over ?? connectSocket({ host: host.address, port: host.port ?? 22, noDelay: true });
    const client = new Client();
    const ready = once(client, 'ready');
    client.connect({
      sock: socket,
      username: host.user,
      ...(config.password === undefined && keyfile !== undefined
        ? { privateKey: readFileSync(keyfile) }
        : {}),
      ...config,
    });
    // A bed that stops resets its connections.
    client.on('error', () => undefined);
    try {
      await ready;
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return new PlainClient(client, socket);
  }

  open(command: string, options: ExecOptions = {}): Promise<ClientChannel> {
    return new Promise((resolve, reject) => {
      this.client.exec(command, options, (error, channel) => {
        if (error) return reject(error);
        // The exit may come with the reply, before anybody who waits for the channel has it.
        exits.set(channel, new Promise((exited) => channel.once('exit', exited)));
        resolve(channel);
      });
    });
  }

  async run(command: string, input?: Buffer | string, options?: ExecOptions): Promise<Result> {
    const channel = await this.open(command, options);
    const result = collect(channel);
    channel.end(input ?? '');
    return result;
  }

  /** Drops the connection without a word. */
  vanish(): void {
    (this.socket as Socket).resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.destroyed) return;
    const closed = once(this.client, 'close');
    this.client.end();
    this.socket.destroy();
    await closed;
  }
}

export async function collect(channel: ClientChannel): Promise<Result> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  channel.on('data', (chunk: Buffer) => stdout.push(chunk));
  channel.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const [code, signal] = (await once(channel, 'close')) as [number | null | undefined, string | undefined];
  return { code, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
}

/** Resolves when the output contains `text`. */
export function untilOutput(channel: ClientChannel, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = '';
    const onData = (chunk: Buffer): void => {
      seen += chunk.toString();
      if (!seen.includes(text)) return;
      channel.off('data', onData);
      resolve();
    };
    channel.on('data', onData);
    channel.once('close', () => reject(new Error(`the output ended without ${text}: ${seen}`)));
  });
}

/** Looks again and again until `condition` holds; for what no event tells. Fails after a minute. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`still not so after a minute: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Whether something listens there. */
export async function answers(host: Where): Promise<boolean> {
  const socket = connectSocket({ host: host.address, port: host.port ?? 22 });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
