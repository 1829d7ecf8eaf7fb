// The built command, as a person and as a script start it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import * as nodePty from '@lydell/node-pty';
import headless from '@xterm/headless';

export const program = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
export interface Surroundings {
  readonly cwd?: string;
  readonly env?: Record<string, string | undefined>;
}

/** Without a terminal; resolves at its end. */
export async function rookery(
  args: readonly string[],
  { input, ...where }: Surroundings & { input?: string } = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: where.cwd,
    env: { ...process.env, ...where.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // It may have ended without reading.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const outputs = Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = (await once(child, 'close')) as [number | null];
  const [stdout, stderr] = await outputs;
  return { code, stdout, stderr };
}

/** In a terminal, with what it shows. */
export class Screen implements AsyncDisposable {
  readonly #pty: nodePty.IPty;
  readonly #terminal: InstanceType<typeof headless.Terminal>;
  readonly #watchers = new Set<() => void>();
  readonly exited: Promise<number>;
  #ended = false;

  constructor(
    args: readonly string[],
    { cwd, env, columns = 100, rows = 40 }: Surroundings & { columns?: number; rows?: number } = {},
  ) {
    this.#terminal = new headless.Terminal({ cols: columns, rows, allowProposedApi: true });
    this.#pty = nodePty.spawn(process.execPath, [program, ...args], {
      name: 'xterm-256color',
      cols: columns,
      rows,
      cwd: cwd ?? process.cwd(),
      env: { ...process.env, NO_COLOR: undefined, FORCE_COLOR: undefined, ...env },
    });
    this.#pty.onData((data) =>
      this.#terminal.write(data, () => {
        for (const watcher of this.#watchers) watcher();
      }),
    );
    // What asks the terminal for something is answered, as by a real one.
    this.#terminal.onData((answer) => this.#pty.write(answer));
    this.exited = new Promise((resolve) =>
      this.#pty.onExit(({ exitCode }) => {
        this.#ended = true;
        resolve(exitCode);
      }),
    );
  }

  /** All lines, those that have scrolled away included. */
  get text(): string {
    const { active } = this.#terminal.buffer;
    const lines = Array.from({ length: active.length }, (_, i) => active.getLine(i)?.translateToString(true));
    return lines.join('\n').trimEnd();
  }

  type(keys: string): this {
    this.#pty.write(keys);
    return this;
  }

  /** Resolves when the screen shows it. */
  async until(pattern: RegExp): Promise<void> {
    if (pattern.test(this.text)) return;
    let timer: NodeJS.Timeout | undefined;
    let watcher = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        watcher = () => {
          if (pattern.test(this.text)) resolve();
        };
        this.#watchers.add(watcher);
        timer = setTimeout(() => reject(new Error(`not on the screen: ${pattern}\n${this.text}`)), 15_000);
      });
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(watcher);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.#pty.kill('SIGKILL');
    await this.exited;
    this.#terminal.dispose();
  }
}

export const ctrlC = '\x03';
export const ctrlD = '\x04';
