import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, PassThrough, type Readable } from 'node:stream';
import { RookeryError, logger } from '../util/index.js';
import { SessionLimit } from './channel.js';
import type { Channel, ChannelEnd, ChannelOptions, Connection } from './channel.js';
import { describe } from './connect-error.js';
import { configFor, targetName } from './openssh-config.js';
import { opensshError, spoken } from './openssh-error.js';
import { warnOfUnverified } from './openssh-host-keys.js';
import type { Target } from './target.js';

/**
 * Keeps the master while our end of its stdin is open. Only ssh holds stderr, so that its end can be seen there; and
 * when this program dies, by whatever cause, the pipe closes, ssh is ended, and the folder that was made for it removed.
 */
const leash =
  'exec 3<&0 4>&2 2>/dev/null; ssh "$@" 2>&4 3<&- </dev/null & p=$!; exec 4>&- >/dev/null; cat <&3; kill $p; wait $p; rm -rf -- "$0"';
const readyLine = 'rookery-master-is-ready';
/** A session that the server refuses is refused at once; after this long in silence it counts as open. */
const refusalTime = 1_000;

/**
 * A connection by the `ssh` program: a master with a control socket, and one `ssh` for each session on it. The master's
 * configuration is what was resolved, then the user's own file, for what only OpenSSH understands.
 */
export async function connectOpenssh(target: Target, signal: AbortSignal): Promise<Connection> {
  // sockaddr_un holds about 108 bytes, and ssh adds 17 of its own while the socket is made (unix(7)).
  const folder = await mkdtemp(join(tmpdir(), 'rk-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const files = { config: join(folder, 'config'), socket: join(folder, 's') };
    const { config, environment } = await configFor(target, folder);
    await writeFile(files.config, config, { mode: 0o600 });
    const args = [
      '-F',
      files.config,
      '-N',
      '-M',
      '-S',
      files.socket,
      '-o',
      'ControlPersist=no',
      '-o',
      'PermitLocalCommand=yes',
      '-o',
      `LocalCommand=echo ${readyLine}`,
      '--',
      targetName(target),
    ];
    const master = spawn('/bin/sh', ['-c', leash, folder, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...environment, LC_ALL: 'C' },
      detached: true,
    });
    await masterReady(master, target, signal);
    return new OpensshConnection(target, master, files.socket, remove);
  } catch (error) {
    await remove();
    throw error;
  }
}

function masterReady(master: ChildProcess, target: Target, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const settle = (error?: Error) => {
      signal.removeEventListener('abort', onAbort);
      clearTimeout(timer);
      if (!error) {
        warnOfUnverified(target, said);
        return resolve();
      }
      master.stdin?.end();
      reject(error);
    };
    const onAbort = () =>
      settle(new RookeryError('ERR_KILLED', `connecting to ${describe(target)} was given up`));
    // ConnectTimeout covers connecting only; a server that is silent later would hold us for ever.
    const timer = setTimeout(
      () => settle(opensshError(target, 'Connection timed out')),
      target.connectTimeout,
    );
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) return onAbort();
    master.once('error', (cause) =>
      settle(new RookeryError('ERR_SSH_BINARY', `cannot start ssh: ${cause.message}`, { cause })),
    );
    master.stdin?.on('error', () => undefined);
    master.stdout?.on('data', (data: Buffer) => data.toString().includes(readyLine) && settle());
    master.stderr?.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-32_768)));
    master.stderr?.once('close', () => settle(opensshError(target, said)));
  });
}

class OpensshConnection implements Connection {
  readonly target: Target;
  readonly #master: ChildProcess;
  readonly #socket: string;
  readonly #sessions = new Set<ChildProcess>();
  lost: RookeryError | undefined;
  #resolveClosed!: () => void;
  readonly closed = new Promise<void>((resolve) => (this.#resolveClosed = resolve));

  constructor(target: Target, master: ChildProcess, socket: string, remove: () => Promise<void>) {
    this.target = target;
    this.#master = master;
    this.#socket = socket;
    let said = '';
    master.stderr?.on('data', (data: Buffer) => (said = spoken(data.toString()).slice(-300) || said));
    master.stderr?.once('close', () => {
      this.#lose(said || 'ssh has ended');
      void remove().then(this.#resolveClosed, this.#resolveClosed);
    });
  }

  #lose(reason: string): void {
    if (this.lost) return;
    const text = `the connection to ${describe(this.target)} was lost: ${reason}`;
    this.lost = new RookeryError('ERR_CONNECTION_LOST', text, { host: this.target.host.address });
    this.#master.stdin?.end();
    for (const session of this.#sessions) session.kill('SIGKILL');
    logger.debug('openssh', text);
  }

  /** `ssh -S` would silently connect anew when the master is gone: the proxy command sees to it that it cannot. */
  #session(args: readonly string[], term?: string): ChildProcess {
    const child = spawn(
      'ssh',
      ['-F', 'none', '-S', this.#socket, '-o', 'ProxyCommand=false', '-o', 'LogLevel=ERROR', ...args],
      {
        stdio: ['pipe', 'pipe', 'pipe'],
        env: { ...process.env, LC_ALL: 'C', ...(term === undefined ? {} : { TERM: term }) },
        detached: true,
      },
    );
    this.#sessions.add(child);
    child.once('close', () => this.#sessions.delete(child));
    child.once('error', () => this.#sessions.delete(child));
    return child;
  }

  async open(command: string, options: ChannelOptions = {}): Promise<Channel> {
    if (this.lost) throw this.lost;
    const { pty } = options;
    const child = this.#session(
      [pty ? '-tt' : '-T', '--', targetName(this.target), command],
      pty ? (pty.term ?? 'xterm') : undefined,
    );
    const { stdin } = child;
    if (!stdin || !child.stdout || !child.stderr)
      throw new RookeryError('ERR_SSH_BINARY', 'cannot start ssh for a session');
    if (options.input !== undefined) stdin.write(options.input);
    // At the end of a child Node lets its streams flow, read or not: what nobody has taken yet must be kept elsewhere.
    const stdout = kept(child, child.stdout);
    const stderr = kept(child, child.stderr);
    let said = '';
    child.stderr.on('data', (data: Buffer) => {
      if (said.length < 4096) said += data.toString('latin1');
    });
    const end = (code: number | null, signal: NodeJS.Signals | null): ChannelEnd => {
      if (this.lost) return { error: this.lost };
      if (signal)
        return {
          error: new RookeryError('ERR_CONNECTION_LOST', `ssh was ended by ${signal}`, {
            host: this.target.host.address,
          }),
        };
      return { code: code ?? 0 };
    };
    const exited = new Promise<ChannelEnd>((resolve) => {
      child.once('exit', (code, signal) => {
        // The master may be found dead a moment later than its session.
        if (code === 255 && !this.lost) setTimeout(() => resolve(end(code, signal)), 100);
        else resolve(end(code, signal));
      });
      child.once('error', (cause) =>
        resolve({
          error: new RookeryError('ERR_SSH_BINARY', `cannot start ssh: ${cause.message}`, { cause }),
        }),
      );
    });
    const closed = new Promise<void>((resolve) => {
      child.once('close', () => resolve());
      child.once('error', () => resolve());
    });
    await this.#opened(child, exited);
    if (/Session open refused by peer|open failed/.test(said)) throw new SessionLimit(said.trim());
    return {
      stdin,
      stdout,
      stderr,
      exited,
      closed,
      signal: () => undefined,
      close: () => void child.kill('SIGTERM'),
    };
  }

  /** Settles when the session has said something, has ended, or has been silent long enough not to be refused. */
  #opened(child: ChildProcess, exited: Promise<ChannelEnd>): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        child.stdout?.off('data', done);
        resolve();
      };
      const timer = setTimeout(done, refusalTime);
      child.stdout?.on('data', done);
      void exited.then(done);
    });
  }

  async forward(address: string, port: number): Promise<Duplex> {
    if (this.lost) throw this.lost;
    const where = `${address.includes(':') ? `[${address}]` : address}:${port}`;
    const child = this.#session(['-W', where, '--', targetName(this.target)]);
    if (!child.stdin || !child.stdout)
      throw new RookeryError('ERR_SSH_BINARY', 'cannot start ssh for a forward');
    child.stderr?.resume();
    const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
    stream.once('close', () => child.kill('SIGTERM'));
    child.once('close', () => stream.destroy());
    return stream;
  }

  setActive(active: boolean): void {
    // Besides the master, the warden has a session that lasts.
    for (const child of [this.#master, ...this.#sessions]) {
      if (active) child.ref();
      else child.unref();
      for (const pipe of [child.stdin, child.stdout, child.stderr] as (Socket | null)[]) {
        // A closed socket would wait for a connection to refer to.
        if (!pipe || pipe.destroyed) continue;
        if (active) pipe.ref();
        else pipe.unref();
      }
    }
  }

  close(): void {
    this.#lose('it was closed from here');
  }
}

function kept(child: ChildProcess, source: Readable): Readable {
  const stream = source.pipe(new PassThrough({ highWaterMark: 256 * 1024 }));
  const end = () => {
    if (!stream.writableEnded) stream.end();
  };
  child.once('close', end);
  child.once('error', end);
  return stream;
}
