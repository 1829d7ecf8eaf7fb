import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { start, type REPLServer } from 'node:repl';
import { PassThrough } from 'node:stream';
import { closeConnections, defaults, type Host } from '../host/index.js';
import * as library from '../index.js';
import { registry } from '../process/index.js';
import { configureLogger, logger, messageOf } from '../util/index.js';
import { painter } from './colors.js';
import { loadConfig } from './config.js';
import { exitCodes, signalCodes } from './exit-codes.js';
import type { HostOptions } from './host-options.js';
import { chooseHosts, connectionParams } from './hosts.js';
import { addCommands, banner } from './repl-commands.js';
import { Session } from './repl-session.js';
import { showValue } from './repl-writer.js';

/** `rookery repl`: resolves with the exit code when the session is left. */
export async function repl(options: HostOptions): Promise<number> {
  const { groups } = (await loadConfig()).config;
  const given = options.hosts !== undefined || options.hostsFile !== undefined;
  const hosts: Host[] = given ? await chooseHosts(options) : [];
  Object.assign(defaults.connectionParams, connectionParams(options));
  using session = new Session();
  const { stdin, stdout } = process;
  const terminal = stdin.isTTY && stdout.isTTY;
  const paint = painter(stdout);
  if (terminal) stdout.write(banner(hosts, paint));
  const input = terminal ? stdin : new PassThrough();
  const server = start({
    prompt: terminal ? 'rookery> ' : '',
    input,
    output: stdout,
    terminal,
    // In a realm of its own, a RegExp would not be an instance of the RegExp that the library knows.
    useGlobal: true,
    breakEvalOnSigint: terminal,
    // Nothing is evaluated while it is typed.
    preview: false,
    writer: (value: unknown) => showValue(value, paint, stdout.columns),
  });
  const evaluation = watchEvaluation(server);
  provide({ ...library, hosts });
  addCommands(server, session, { paint, groups });
  if (terminal) await openHistory(server);
  else void feed(input as PassThrough, evaluation);
  using _handlers = handleInterrupts(server, session, evaluation);
  using _log = keepPrompt(server, evaluation);
  await new Promise<void>((resolve) => server.once('exit', resolve));
  await session.killAll();
  await closeConnections();
  return _handlers.code ?? exitCodes.ok;
}

/** Everything by its name; what a session assigns to a name replaces it. */
function provide(names: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(names))
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true });
}

interface Evaluation {
  readonly busy: boolean;
  /** Resolves when nothing is evaluated. */
  idle(): Promise<void>;
}

/** Knows when a line is evaluated: also while what it awaits goes on. */
function watchEvaluation(server: REPLServer): Evaluation {
  const evaluate = server.eval;
  let current: Promise<void> | undefined;
  // It is an own property that REPLServer looks at for each line; the one of Node is the only one that knows top-level await.
  (server as { eval: REPLServer['eval'] }).eval = function (code, context, file, callback) {
    let done!: () => void;
    const mine = new Promise<void>((resolve) => (done = resolve));
    current = mine;
    // Node interrupts code that does not come back only while nobody else listens.
    const listeners = process.listeners('SIGINT');
    process.removeAllListeners('SIGINT');
    evaluate.call(server, code, context, file, (error, result) => {
      if (current === mine) current = undefined;
      callback(error, result);
      done();
    });
    for (const listener of listeners) process.on('SIGINT', listener);
  };
  return {
    get busy() {
      return current !== undefined;
    },
    idle: () => current ?? Promise.resolve(),
  };
}

/** Lines from a pipe, each when the one before has been evaluated, its awaits included. */
async function feed(input: PassThrough, evaluation: Evaluation): Promise<void> {
  for await (const line of createInterface({ input: process.stdin, terminal: false })) {
    input.write(`${line}\n`);
    await new Promise((resolve) => setImmediate(resolve));
    await evaluation.idle();
  }
  input.end();
}

async function openHistory(server: REPLServer): Promise<void> {
  const state = process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state');
  const file = process.env['ROOKERY_HISTORY'] ?? join(state, 'rookery', 'history');
  if (file === '') return;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  } catch (error) {
    logger.warn('repl', `no history is kept: ${messageOf(error)}`);
    return;
  }
  await new Promise<void>((resolve) => server.setupHistory(file, () => resolve()));
}

/** Ctrl-C ends what runs and keeps the session; a second one, while that takes long, gives up waiting for it. */
function handleInterrupts(
  server: REPLServer,
  session: Session,
  evaluation: Evaluation,
): Disposable & { readonly code: number | undefined } {
  let [killing, code]: [boolean, number | undefined] = [false, undefined];
  const before = server.listeners('SIGINT') as (() => void)[];
  const onInterrupt = () => {
    if (killing || !session.busy) {
      for (const listener of before) listener.call(server);
      return;
    }
    killing = true;
    // Until the line has come to its end, nothing more starts: not the next round of a loop either.
    registry.interrupted = true;
    process.stdout.write('^C\n');
    void session
      .killAll()
      .then((count) =>
        logger.warn('repl', `interrupted; ${count} ${count === 1 ? 'process' : 'processes'} ended`),
      )
      .then(() => evaluation.idle())
      .finally(() => (killing = registry.interrupted = false));
  };
  const leave = (signal: NodeJS.Signals) => {
    code = signalCodes[signal as keyof typeof signalCodes];
    server.close();
  };
  registry.setHandling(false);
  server.removeAllListeners('SIGINT').on('SIGINT', onInterrupt);
  process.on('SIGINT', onInterrupt).on('SIGTERM', leave).on('SIGHUP', leave);
  return {
    get code() {
      return code;
    },
    [Symbol.dispose]: () => {
      process.off('SIGINT', onInterrupt).off('SIGTERM', leave).off('SIGHUP', leave);
      registry.setHandling(true);
    },
  };
}

/** What is logged stands above the line that is being typed. */
function keepPrompt(server: REPLServer, evaluation: Evaluation): Disposable {
  if (!server.terminal) return { [Symbol.dispose]: () => undefined };
  configureLogger({
    sink: ({ level, scope, message }) => {
      // What an interrupt did not let start has been told of by one line.
      if (registry.interrupted && scope === 'process') return;
      process.stdout.write(`\r\x1b[K${level} ${scope}: ${message}\n`);
      if (!evaluation.busy) server.displayPrompt(true);
    },
  });
  return { [Symbol.dispose]: () => configureLogger({ sink: null }) };
}
