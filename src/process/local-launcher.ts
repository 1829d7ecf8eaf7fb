import { existsSync } from 'node:fs';
import type { ChildProcess } from 'node:child_process';
import { execa } from 'execa';
import { messageOf, RookeryError, treeVariable } from '../util/index.js';
import type { CommandLine } from './command.js';
import { toEnding } from './ending.js';
import type { Ending, Launched } from './launcher.js';
import { localTree, newLocalId } from './local-tree.js';
import type { ResolvedOptions } from './options.js';
import { launchPty } from './pty-launcher.js';

/** A program and its arguments: directly for a list, through a shell for text. */
export interface LocalCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly env: Record<string, string | undefined>;
}

/** Starts a command on this machine, as leader of its own process group. */
export async function launchLocally(
  command: CommandLine,
  options: ResolvedOptions,
  quote: (word: string) => string,
): Promise<Launched> {
  const id = newLocalId(options.detached ?? false);
  const local = {
    ...toLocal(command, options, quote),
    cwd: options.cwd,
    env: { ...options.env, [treeVariable]: id },
  };
  return options.pty ? launchPty(local, options, id) : launchPipes(local, options, id);
}

function toLocal(
  command: CommandLine,
  { shell }: ResolvedOptions,
  quote: (word: string) => string,
): { file: string; args: readonly string[] } {
  const [file, ...args] = command.argv ?? [];
  if (file !== undefined && (shell === undefined || shell === false)) return { file, args };
  return { file: typeof shell === 'string' ? shell : '/bin/sh', args: ['-c', command.render(quote)] };
}

async function launchPipes(local: LocalCommand, options: ResolvedOptions, id: string): Promise<Launched> {
  const child = execa(local.file, local.args, {
    env: local.env,
    cwd: local.cwd,
    stdin: options.stdin === 'ignore' ? 'ignore' : 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
    // Its own group and session, so that a kill reaches the tree and no Ctrl-C of our terminal does: we decide.
    detached: true,
    cleanup: false,
    buffer: false,
    reject: false,
    stripFinalNewline: false,
  });
  // The result tells what the 'exit' event does not: why there is no process. Its promise must be taken in any case.
  const result = Promise.resolve(child);
  if (child.pid === undefined) {
    const { cause, shortMessage } = await result;
    throw new RookeryError(
      'ERR_SPAWN',
      `cannot start ${local.file}: ${reasonOf(cause, local.cwd) ?? shortMessage ?? 'unknown cause'}`,
      { cause },
    );
  }
  const exited = new Promise<Ending>((resolve) => {
    child.once('exit', (code, signal) => resolve(toEnding(code, signal)));
  });
  return {
    pid: child.pid,
    stdin: child.stdin ?? undefined,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    ...localTree(child.pid, id, exited, options),
    release: () => releasePipes(child),
  };
}

function reasonOf(cause: unknown, cwd: string | undefined): string | undefined {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
  if (cwd !== undefined && !existsSync(cwd)) return `there is no working directory ${cwd}`;
  if (code === 'ENOENT') return 'no such program';
  if (code === 'EACCES') return 'permission denied';
  return cause === undefined ? undefined : messageOf(cause);
}

function releasePipes(child: ChildProcess): void {
  child.stdin?.destroy();
  child.stdout?.destroy();
  child.stderr?.destroy();
}
