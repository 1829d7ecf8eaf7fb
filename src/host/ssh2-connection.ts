import { connect as connectSocket } from 'node:net';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2 from 'ssh2';
import type { Client, ClientChannel } from 'ssh2';
import { RookeryError, formatDuration, logger, messageOf } from '../util/index.js';
import { algorithms, authentication } from './authentication.js';
import { SessionLimit } from './channel.js';
import type { Channel, ChannelEnd, ChannelOptions, Connection } from './channel.js';
import { connectError, describe } from './connect-error.js';
import { checkHostKey } from './known-hosts.js';
import type { Target } from './target.js';

/** Reason 2 of an open failure: connect failed; what sshd says at MaxSessions (RFC 4254, section 5.1). */
const openFailed = 2;

/**
 * Makes an authenticated connection in this process, over `via` or a TCP socket of its own. Rejects with the one cause.
 * The socket is ours, not ssh2's: TCP_NODELAY must be set before the handshake (it saves 80 ms for each command), and
 * only the owner can destroy a half-open connection.
 */
export async function connectSsh2(
  target: Target,
  via: Duplex | undefined,
  signal: AbortSignal,
): Promise<Connection> {
  const attempt = {
    greeting: '',
    hostKeyError: undefined as RookeryError | undefined,
    authenticating: false,
    refused: false,
  };
  const credentials = authentication(target, () => (attempt.refused = true));
  const client = new ssh2.Client();
  const socket = via ?? connectSocket({ host: target.address, port: target.port, noDelay: true });
  return new Promise<Connection>((resolve, reject) => {
    let settled = false;
    const timer = setTimeout(() => {
      const text = `cannot connect to ${describe(target)}: no connection within ${formatDuration(target.connectTimeout)}`;
      fail(new RookeryError('ERR_CONNECT_TIMEOUT', text, { host: target.host.address }));
    }, target.connectTimeout);
    const onAbort = () =>
      fail(new RookeryError('ERR_KILLED', `connecting to ${describe(target)} was given up`));
    const settle = () => {
      settled = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off('data', sniff);
    };
    const fail = (error: unknown) => {
      if (settled) return;
      settle();
      socket.destroy();
      reject(connectError(target, error, attempt));
    };
    const sniff = (data: Buffer) => {
      if (attempt.greeting.length < 512) attempt.greeting += data.toString('latin1');
      else socket.off('data', sniff);
    };
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) return onAbort();
    // Both listeners stay for good: ssh2 may emit a second error after the first.
    client.on('error', fail);
    client.on('close', () => fail(undefined));
    socket.on('error', fail);
    client.once('handshake', () => (attempt.authenticating = true));
    client.once('ready', () => {
      settle();
      resolve(new Ssh2Connection(target, client, socket));
    });
    socket.on('data', sniff);
    const begin = () => {
      try {
        client.connect({
          sock: socket,
          username: target.user,
          readyTimeout: 0,
          keepaliveInterval: 0,
          algorithms: algorithms(target),
          authHandler: credentials,
          hostVerifier: (key: Buffer) => {
            attempt.hostKeyError = checkHostKey(target, key);
            return attempt.hostKeyError === undefined;
          },
        });
      } catch (error) {
        fail(error);
      }
    };
    if (via) begin();
    else socket.once('connect', begin);
  });
}

class Ssh2Connection implements Connection {
  readonly target: Target;
  readonly #client: Client;
  readonly #socket: Duplex;
  readonly #channels = new Set<(lost: RookeryError) => void>();
  #keepalive: NodeJS.Timeout | undefined;
  #received = 0;
  lost: RookeryError | undefined;
  #resolveClosed!: () => void;
  readonly closed = new Promise<void>((resolve) => (this.#resolveClosed = resolve));

  constructor(target: Target, client: Client, socket: Duplex) {
    this.target = target;
    this.#client = client;
    this.#socket = socket;
    client.on('error', (error) => this.#lose(messageOf(error)));
    client.on('close', () => this.#lose('it was closed by the other side'));
    socket.on('close', () => this.#lose('it was closed by the other side'));
    if (target.keepalive > 0) this.#startKeepalive();
  }

  /**
   * ssh2's own keepalive would keep the program running, so this asks by itself: a global request that the server is
   * bound to answer, if only with a failure. Anything received counts as an answer.
   */
  #startKeepalive(): void {
    let missed = 0;
    let seen = this.#received;
    this.#socket.on('data', (data: Buffer) => (this.#received += data.length));
    this.#keepalive = setInterval(() => {
      if (this.#received !== seen) {
        seen = this.#received;
        missed = 0;
        return;
      }
      if (missed++ >= this.target.keepaliveCount) {
        this.#lose(`no answer for ${formatDuration(missed * this.target.keepalive)}`);
        return;
      }
      try {
        this.#client.unforwardIn('127.0.0.1', 1, () => undefined);
      } catch (error) {
        this.#lose(messageOf(error));
      }
    }, this.target.keepalive);
    this.#keepalive.unref();
  }

  #lose(reason: string): void {
    if (this.lost) return;
    const text = `the connection to ${describe(this.target)} was lost: ${reason}`;
    this.lost = new RookeryError('ERR_CONNECTION_LOST', text, { host: this.target.host.address });
    clearInterval(this.#keepalive);
    // end() waits for the other side, which may be frozen; destroying the socket makes ssh2 settle what is pending.
    this.#socket.destroy();
    for (const end of this.#channels) end(this.lost);
    this.#channels.clear();
    this.#resolveClosed();
    logger.debug('ssh2', text);
  }

  open(command: string, options: ChannelOptions = {}): Promise<Channel> {
    return new Promise((resolve, reject) => {
      const refuse = (error: Error) => reject(this.#openError(error));
      if (this.lost) return reject(this.lost);
      const onLost = (lost: RookeryError) => reject(lost);
      this.#channels.add(onLost);
      const { pty } = options;
      const request = pty
        ? { pty: { cols: pty.columns ?? 80, rows: pty.rows ?? 24, term: pty.term ?? 'xterm' } }
        : {};
      try {
        this.#client.exec(command, request, (error, stream) => {
          this.#channels.delete(onLost);
          if (error) refuse(error);
          else {
            if (options.input !== undefined) stream.write(options.input);
            resolve(this.#wrap(stream));
          }
        });
      } catch (error) {
        this.#channels.delete(onLost);
        refuse(error as Error);
      }
    });
  }

  #openError(error: Error & { reason?: unknown }): Error {
    if (this.lost) return this.lost;
    if (error.reason === openFailed) return new SessionLimit(error.message);
    const text = `${describe(this.target)} refused to run a command: ${error.message}`;
    return new RookeryError('ERR_CHANNEL_REFUSED', text, { cause: error, host: this.target.host.address });
  }

  #wrap(stream: ClientChannel): Channel {
    let resolveClosed: () => void;
    const closed = new Promise<void>((resolve) => (resolveClosed = resolve));
    const exited = new Promise<ChannelEnd>((resolve) => {
      let told = false;
      stream.once('exit', (code: number | null, signal?: string) => {
        told = true;
        resolve(typeof code === 'number' ? { code } : { signal: toSignal(signal) });
      });
      const end = () => {
        this.#channels.delete(end);
        if (!told) resolve({ error: this.lost ?? this.#silentEnd() });
        // When the connection is lost, ssh2 does not end the streams of a channel whose window is full.
        if (this.lost) {
          stream.push(null);
          stream.stderr.push(null);
        }
        resolveClosed();
      };
      stream.once('close', end);
      this.#channels.add(end);
    });
    return {
      stdin: stream,
      stdout: stream,
      stderr: stream.stderr,
      exited,
      closed,
      signal: (name) => stream.signal(name.slice(3)),
      close: () => stream.close(),
    };
  }

  #silentEnd(): RookeryError {
    const text = `${describe(this.target)} closed the channel without saying how the command ended`;
    return new RookeryError('ERR_CONNECTION_LOST', text, { host: this.target.host.address });
  }

  forward(address: string, port: number): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      if (this.lost) return reject(this.lost);
      try {
        this.#client.forwardOut('127.0.0.1', 0, address, port, (error, stream) => {
          if (error) reject(error);
          else resolve(stream);
        });
      } catch (error) {
        reject(error);
      }
    });
  }

  setActive(active: boolean): void {
    const socket = this.#socket as Partial<Socket>;
    if (active) socket.ref?.();
    else socket.unref?.();
  }

  close(): void {
    if (this.lost) return;
    this.#client.end();
    this.#lose('it was closed from here');
  }
}

function toSignal(name: string | undefined): NodeJS.Signals {
  const text = name ?? 'UNKNOWN';
  return (text.startsWith('SIG') ? text : `SIG${text}`) as NodeJS.Signals;
}
