import { PassThrough, Writable } from 'node:stream';
import { RookeryError, messageOf } from '../util/index.js';
import { toEnding } from './ending.js';
import type { Ending, Launched } from './launcher.js';
import type { LocalCommand } from './local-launcher.js';
import { localTree } from './local-tree.js';
import type { ResolvedOptions } from './options.js';

/** End of transmission: what a terminal takes for the end of input at the beginning of a line (termios(3), VEOF). */
const endOfInput = '\x04';

/** Starts a local command in a pseudo-terminal. The native part is loaded at the first use only. */
export async function launchPty(
  local: LocalCommand,
  options: ResolvedOptions,
  id: string,
): Promise<Launched> {
  const { spawn } = await import('@lydell/node-pty');
  const size = options.pty ?? {};
  let terminal;
  try {
    terminal = spawn(local.file, [...local.args], {
      name: size.term ?? 'xterm-256color',
      cols: size.columns ?? 80,
      rows: size.rows ?? 24,
      cwd: local.cwd ?? process.cwd(),
      env: { ...process.env, ...local.env },
      encoding: null,
    });
  } catch (cause) {
    throw new RookeryError('ERR_SPAWN', `cannot start ${local.file} in a terminal: ${messageOf(cause)}`, {
      cause,
    });
  }
  const pty = terminal;
  const stdout = new PassThrough();
  pty.onData((data: string | Buffer) => {
    if (!stdout.writableEnded && !stdout.write(data)) pty.pause();
  });
  stdout.on('drain', () => pty.resume());
  const stdin = new Writable({
    write(chunk: Buffer, _encoding, done) {
      pty.write(chunk.toString('utf8'));
      done();
    },
    final(done) {
      pty.write(endOfInput);
      done();
    },
  });
  const exited = new Promise<Ending>((resolve) => {
    pty.onExit(({ exitCode, signal }) => {
      stdout.end();
      resolve(toEnding(exitCode, signal ?? null));
    });
  });
  return {
    pid: pty.pid,
    stdin,
    stdout,
    stderr: undefined,
    exited,
    ...localTree(pty.pid, id, exited, options),
    release: () => {
      stdin.destroy();
      stdout.destroy();
    },
  };
}
