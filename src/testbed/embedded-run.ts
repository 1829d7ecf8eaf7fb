import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import type * as nodePty from '@lydell/node-pty';
import type { PseudoTtyInfo, ServerChannel } from 'ssh2';
import { messageOf } from '../util/index.js';

/** How to start the process of a session. */
export interface Start {
  readonly file: string;
  readonly argv0: string | undefined;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  started(pid: number): void;
  ended(pid: number): void;
}

/** The process of a session, while and after it runs. */
export interface Run {
  /** Sends a signal, named without `SIG`, to the process group. */
  signal(name: string): void;
  resize(columns: number, rows: number): void;
  /** Closes our ends of its pipes or its terminal. */
  hangUp(): void;
}

/** Signals that RFC 4254, section 6.10, gives a name, and so the only ones that ssh2 can report. */
const namedSignals = new Set('ABRT ALRM FPE HUP ILL INT KILL PIPE QUIT SEGV TERM USR1 USR2'.split(' '));

export function runOnPipes(channel: ServerChannel, start: Start): Run {
  // Detached: leader of a session and process group of its own, as under sshd.
  const child = spawn(start.file, start.args, {
    cwd: start.cwd,
    env: start.env,
    detached: true,
    stdio: 'pipe',
    ...(start.argv0 === undefined ? {} : { argv0: start.argv0 }),
  });
  const { pid } = child;
  const streams = [child.stdin, child.stdout, child.stderr] as const;
  if (pid !== undefined) start.started(pid);
  child.unref();
  for (const stream of streams) (stream as unknown as { unref(): void }).unref();

  // A command that does not read its input: what comes is thrown away, so that the window opens again.
  child.stdin.on('error', () => undefined).on('close', () => channel.resume());
  channel.pipe(child.stdin);

  const output = new ChannelOutput(channel);
  let ended = false;
  const exited = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      void output.write(channel.stderr, Buffer.from(`${start.file}: ${error.message}\n`)).then(() => {
        channel.exit(127);
        resolve();
      });
    });
    child.on('exit', (code, signal) => {
      ended = true;
      if (pid !== undefined) start.ended(pid);
      reportExit(channel, code, signal);
      resolve();
    });
  });
  void Promise.all([
    exited,
    output.drain(child.stdout, channel),
    output.drain(child.stderr, channel.stderr),
  ]).then(() => channel.end());

  return {
    signal: (name) => !ended && pid !== undefined && killGroup(pid, name),
    resize: () => undefined,
    hangUp: () => streams.forEach((stream) => stream.destroy()),
  };
}

export function runOnTerminal(
  channel: ServerChannel,
  start: Start,
  { term, cols, rows }: PseudoTtyInfo,
): Run {
  const output = new ChannelOutput(channel);
  let terminal: nodePty.IPty & { destroy?(): void };
  try {
    // Loaded when first used, because it is native code that most scripts never need.
    const { spawn } = createRequire(import.meta.url)('@lydell/node-pty') as typeof nodePty;
    const options = {
      name: term || 'xterm',
      cols: cols || 80,
      rows: rows || 24,
      cwd: start.cwd,
      env: start.env,
      encoding: null,
    };
    terminal = spawn(start.file, [...start.args], options);
  } catch (error) {
    void output.write(channel.stderr, Buffer.from(`no terminal: ${messageOf(error)}\n`)).then(() => {
      channel.exit(127);
      channel.end();
    });
    return { signal: () => undefined, resize: () => undefined, hangUp: () => undefined };
  }
  const { pid } = terminal;
  start.started(pid);
  let ended = false;
  // With `encoding: null`, node-pty takes and gives bytes, whatever its types say.
  channel.on('data', (data: Buffer) => !ended && terminal.write(data as unknown as string));
  let waiting = 0;
  let last = Promise.resolve();
  terminal.onData((data) => {
    if (++waiting === 1) terminal.pause();
    last = output.write(channel, data as unknown as Buffer).then(() => {
      if (--waiting === 0) terminal.resume();
    });
  });
  terminal.onExit(({ exitCode, signal }) => {
    ended = true;
    start.ended(pid);
    reportExit(channel, exitCode, signal ? signalName(signal) : null);
    void last.then(() => channel.end());
  });
  return {
    signal: (name) => !ended && killGroup(pid, name),
    resize: (columns, lines) => !ended && columns > 0 && lines > 0 && terminal.resize(columns, lines),
    hangUp: () => !ended && terminal.destroy?.(),
  };
}

function reportExit(channel: ServerChannel, code: number | null, signal: string | null): void {
  const name = signal?.replace(/^SIG/, '');
  if (name === undefined) channel.exit(code ?? 0);
  // The names of others are for each system to choose; sshd's `NAME@openssh.com` cannot be sent by ssh2.
  else if (!namedSignals.has(name)) channel.exit(128 + (constants.signals[signal as NodeJS.Signals] ?? 0));
  else channel.exit(name, false, '');
}

function signalName(number: number): string | null {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? null;
}

function killGroup(pid: number, name: string): void {
  try {
    process.kill(-pid, `SIG${name}`);
  } catch {
    return; // It has just ended, or there is no such signal; sshd says nothing either.
  }
}

/**
 * Writes to both streams of a channel, one chunk at a time. When the window is full, ssh2 1.17 keeps the rest of a chunk
 * for each stream, wakes only one of them when the window opens, and never forgets the rest that it has sent:
 * two writes in flight lose bytes or send them twice.
 */
class ChannelOutput {
  private last = Promise.resolve();

  constructor(private readonly channel: ServerChannel) {}

  write(stream: Writable, chunk: Buffer): Promise<void> {
    const written = this.last.then(
      () =>
        new Promise<void>((resolve) => {
          stream.write(chunk, () => {
            Object.assign(this.channel, {
              _chunk: undefined,
              _chunkcb: undefined,
              _chunkErr: undefined,
              _chunkcbErr: undefined,
            });
            resolve();
          });
        }),
    );
    this.last = written;
    return written;
  }

  /** Writes all of `source`, no faster than the client reads. */
  async drain(source: Readable, stream: Writable): Promise<void> {
    try {
      for await (const chunk of source) await this.write(stream, chunk as Buffer);
    } catch {
      return; // Closed by hangUp().
    }
  }
}
