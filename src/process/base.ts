// One class is the life cycle: states, causes and their order belong together, so this file is longer than most.
import { inspect } from 'node:util';
import { EventEmitter } from 'eventemitter3';
import type { Host } from '../host/index.js';
import {
  InvalidArgument,
  logger,
  messageOf,
  optionalDuration,
  parseDuration,
  RookeryError,
  show,
} from '../util/index.js';
import type { Duration } from '../util/index.js';
import type { CommandLine } from './command.js';
import { describeOutcome, dumpProcess, failureKind } from './describe.js';
import { Expecter, toPatterns } from './expect.js';
import type { ExpectResult, StreamName } from './expect.js';
import { HandlerSet } from './handlers.js';
import type { Ending, Launched } from './launcher.js';
import { LineSplitter } from './lines.js';
import type { ResolvedOptions } from './options.js';
import { ProcessesFailed } from './failed.js';
import { registry } from './registry.js';
import type { Stats } from './stats.js';
import { InputWriter } from './stdin.js';
import { StreamReader } from './stream-reader.js';
import { endingSignals, Termination } from './termination.js';

export type ProcessState = 'created' | 'started' | 'ended';
/** Why a process ended: the first cause wins. */
export type EndReason = 'exit' | 'signal' | 'timeout' | 'kill' | 'error';

export interface ProcessEvents {
  /** The command runs (for a remote one: connected, and the shell has begun). */
  start: (process: ProcessBase) => void;
  stdout: (chunk: Buffer, process: ProcessBase) => void;
  stderr: (chunk: Buffer, process: ProcessBase) => void;
  line: (line: string, stream: StreamName, process: ProcessBase) => void;
  end: (process: ProcessBase) => void;
  reset: (process: ProcessBase) => void;
  /** A transfer has moved on. */
  progress: (process: ProcessBase) => void;
}

export interface KillOptions {
  /** After this long SIGKILL follows. Default: the option `killTimeout` (5 s). */
  forceAfter?: Duration;
}
export interface ExpectOptions {
  /** Default: none. */
  timeout?: Duration;
  /** Default `'stdout'`. */
  stream?: StreamName | 'both';
  /** Ignore output that came before this call. Default false: search goes on after the last match. */
  fromNow?: boolean;
}

/** Streams that nobody seems to hold and that do not end are waited for this long; ms. */
const patience = 10_000;

/**
 * One command with a life cycle: created → started → ended, and by `reset()` created again. Failure is a value: `run()`
 * and `wait()` resolve, and the process tells what happened. This base knows no transport; subclasses say how to launch.
 */
export abstract class ProcessBase extends EventEmitter<ProcessEvents> {
  readonly command: string;
  readonly name: string;
  abstract readonly host: Host | undefined;
  protected readonly options: ResolvedOptions;
  protected readonly commandLine: CommandLine;

  #state!: ProcessState;
  #startDate: Date | undefined;
  #endDate: Date | undefined;
  #reason: EndReason | undefined;
  #error: RookeryError | undefined;
  #exitCode: number | undefined;
  #signal: NodeJS.Signals | undefined;
  #killed!: boolean;
  #forcedKill!: boolean;
  #killConfirmed: boolean | undefined;
  #escaped!: readonly number[];
  #expectFailed!: boolean;
  #writeFailed!: boolean;
  #launched: Launched | undefined;
  #launchAbort!: AbortController;
  #termination: Termination | undefined;
  #stdout!: StreamReader;
  #stderr!: StreamReader;
  #input!: InputWriter;
  #expecter: Expecter | undefined;
  #done!: Promise<void>;
  #settle!: () => void;
  #timer: NodeJS.Timeout | undefined;
  #onTermination: (() => void) | undefined;
  #splitters: { stdout?: LineSplitter; stderr?: LineSplitter } = {};

  protected constructor(commandLine: CommandLine, options: ResolvedOptions) {
    super();
    this.commandLine = commandLine;
    this.command = commandLine.toString();
    this.options = options;
    this.name = options.name ?? this.command;
    this.#clear();
    const { on } = options;
    if (on?.start) this.on('start', on.start);
    if (on?.end) this.on('end', on.end);
    if (on?.reset) this.on('reset', on.reset);
  }

  /** Starts the command; see {@link Launched}. */
  protected abstract launch(signal: AbortSignal): Promise<Launched>;

  #clear(): void {
    this.#state = 'created';
    this.#startDate = this.#endDate = this.#reason = this.#error = this.#exitCode = this.#signal = undefined;
    this.#killed = this.#forcedKill = this.#expectFailed = this.#writeFailed = false;
    this.#killConfirmed = undefined;
    this.#escaped = [];
    this.#launched = this.#termination = this.#expecter = this.#onTermination = undefined;
    this.#splitters = {};
    this.#launchAbort = new AbortController();
    this.#stdout = new StreamReader(this.options.maxOutput, (chunk) => this.#onOutput('stdout', chunk));
    this.#stderr = new StreamReader(this.options.maxOutput, (chunk) => this.#onOutput('stderr', chunk));
    this.#input = new InputWriter(this.options.stdin, (reason) => this.#onWriteFailed(reason));
    this.#done = new Promise((resolve) => (this.#settle = resolve));
  }

  // ── what it is like ────────────────────────────────────────────────────────────────────────────────────────────

  get state(): ProcessState {
    return this.#state;
  }
  /** False for one that a kill or timeout of its action ended while it waited for its turn. */
  get started(): boolean {
    return this.#startDate !== undefined;
  }
  get running(): boolean {
    return this.#state === 'started';
  }
  get ended(): boolean {
    return this.#state === 'ended';
  }
  get startDate(): Date | undefined {
    return this.#startDate;
  }
  get endDate(): Date | undefined {
    return this.#endDate;
  }
  /** Process id on its machine; undefined before it runs and where it cannot be known. */
  get pid(): number | undefined {
    return this.#launched?.pid;
  }
  /** The last `maxOutput` bytes of standard output, as UTF-8 text. */
  get stdout(): string {
    return this.#stdout.kept.text;
  }
  get stderr(): string {
    return this.#stderr.kept.text;
  }
  /** The same as bytes. */
  get stdoutBytes(): Buffer {
    return this.#stdout.kept.bytes;
  }
  get stderrBytes(): Buffer {
    return this.#stderr.kept.bytes;
  }
  /** Undefined until the end, and when the process did not end by exiting. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }
  /** The signal that ended the process: `'SIGKILL'`. */
  get signal(): NodeJS.Signals | undefined {
    return this.#signal;
  }
  /** Why it could not run or be followed to its end; its `code` is stable. Not set by an exit code, a timeout or a kill of a running process. */
  get error(): RookeryError | undefined {
    return this.#error;
  }
  /** Why it ended; the first cause wins. Undefined until the end. */
  get reason(): EndReason | undefined {
    return this.ended ? this.#reason : undefined;
  }
  get timedOut(): boolean {
    return this.#reason === 'timeout';
  }
  /** True from the `kill()` on that ended it. A timeout is not a kill. */
  get killed(): boolean {
    return this.#killed;
  }
  /** True when SIGKILL had to follow the first signal. */
  get forcedKill(): boolean {
    return this.#forcedKill;
  }
  /** After a kill or timeout: whether the whole tree was seen to be gone. Undefined when there was neither. */
  get killConfirmed(): boolean | undefined {
    return this.#killConfirmed;
  }
  /** Process ids of the tree that were still alive after SIGKILL. */
  get escaped(): readonly number[] {
    return this.#escaped;
  }
  get expectFailed(): boolean {
    return this.#expectFailed;
  }
  /** True when bytes written to stdin were not taken by the process. */
  get writeFailed(): boolean {
    return this.#writeFailed;
  }
  /** True when more output came than `maxOutput` keeps. */
  get truncated(): boolean {
    return this.#stdout.kept.truncated || this.#stderr.kept.truncated;
  }
  /** False as soon as something failed that is not ignored. */
  get ok(): boolean {
    const { ignoreError, ignoreTimeout, ignoreExitCode, ignoreExpectFail, ignoreWriteError } = this.options;
    if (this.#error && !ignoreError && !(this.timedOut && ignoreTimeout)) return false;
    if (this.timedOut && !ignoreTimeout) return false;
    if (this.#expectFailed && !ignoreExpectFail) return false;
    if (this.#writeFailed && !ignoreWriteError) return false;
    if (!this.ended || this.timedOut || this.#error) return true;
    return this.#exitCode === 0 || !!ignoreExitCode;
  }
  get finishedOk(): boolean {
    return this.ended && this.ok;
  }

  // ── what it does ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Starts it. Throws when it was started before and not reset. */
  start(): this {
    if (this.#state !== 'created') {
      throw new InvalidArgument(`${this.name} was started already; reset() it to run it again`);
    }
    this.#state = 'started';
    this.#startDate = new Date();
    const { timeout } = this.options;
    if (timeout !== undefined)
      this.#timer = setTimeout(() => this.#onTimeout(), Math.min(timeout, 2 ** 31 - 1));
    registry.add(this);
    void this.#live();
    return this;
  }

  /** Resolves at the end; with `timeout`, after that long at the latest, the process then still running. */
  async wait(options: { timeout?: Duration } = {}): Promise<this> {
    const timeout = optionalDuration(options.timeout, 'wait(): timeout');
    if (this.#state === 'created')
      throw new InvalidArgument(`${this.name} was not started: wait() would never end`);
    if (timeout === undefined || this.ended) {
      await this.#done;
      return this;
    }
    let timer: NodeJS.Timeout | undefined;
    const passed = new Promise<void>((resolve) => (timer = setTimeout(resolve, timeout)));
    await Promise.race([this.#done, passed]);
    clearTimeout(timer);
    return this;
  }

  /** `start()` and `wait()`. */
  run(options: { timeout?: Duration } = {}): Promise<this> {
    optionalDuration(options.timeout, 'run(): timeout');
    this.start();
    return this.wait(options);
  }

  /**
   * Ends the process and all that it started; the end comes when they are seen to be gone. Harmless before the start and
   * after the end. A signal that does not ask for an end (SIGUSR1, SIGSTOP, SIGCONT, …) is only sent.
   */
  kill(signal: NodeJS.Signals = 'SIGTERM', options: KillOptions = {}): this {
    if (typeof signal !== 'string' || !/^SIG[A-Z0-9+-]+$/.test(signal)) {
      throw new InvalidArgument(`kill(): not the name of a signal: ${show(signal)}`);
    }
    const forceAfter = parseDuration(options.forceAfter ?? this.options.killTimeout, 'kill(): forceAfter');
    if (this.#state !== 'started') return this;
    if (!endingSignals.has(signal) && options.forceAfter === undefined) {
      void this.#launched?.signal(signal);
      return this;
    }
    if (this.#reason === undefined) {
      this.#reason = 'kill';
      this.#killed = true;
    }
    this.#terminate(signal, forceAfter);
    return this;
  }

  /**
   * For actions, whose kill or timeout is that of all their processes: one that was not started ends now, without ever
   * having run; one that runs is ended.
   */
  stop(reason: 'kill' | 'timeout'): this {
    if (this.#state === 'started') {
      if (reason === 'kill') return this.kill();
      this.#onTimeout();
    } else if (this.#state === 'created') {
      this.#reason = reason;
      this.#killed = reason === 'kill';
      this.#stdout.close();
      this.#stderr.close();
      this.#input.close();
      this.#endDate = new Date();
      this.#state = 'ended';
      this.#settle();
      this.#tell('end');
    }
    return this;
  }

  /** Back to created, with nothing remembered. Throws while it runs. */
  reset(): this {
    if (this.#state === 'started')
      throw new InvalidArgument(`${this.name} is running: kill() it and wait() before reset()`);
    this.#clear();
    this.#tell('reset');
    return this;
  }

  /** Writes to stdin; before the command runs, what is written waits for it. */
  write(data: string | Uint8Array): this {
    if (typeof data !== 'string' && !(data instanceof Uint8Array)) {
      throw new InvalidArgument(`write() takes text or bytes, not ${show(data)}`);
    }
    this.#input.write(data);
    return this;
  }
  /** Ends stdin. */
  end(): this {
    this.#input.end();
    return this;
  }

  /**
   * Resolves with the first match in the output, going on after the match before; a string is searched literally.
   * Rejects with ERR_EXPECT_TIMEOUT or ERR_EXPECT_END, and then sets `expectFailed`. A match may span 64 KiB.
   */
  async expect(
    patterns: RegExp | string | readonly (RegExp | string)[],
    options: ExpectOptions = {},
  ): Promise<ExpectResult> {
    const list = toPatterns(patterns);
    const timeout = optionalDuration(options.timeout, 'expect(): timeout');
    const stream = options.stream ?? 'stdout';
    if (!['stdout', 'stderr', 'both'].includes(stream)) {
      throw new InvalidArgument(`expect(): stream must be 'stdout', 'stderr' or 'both', not ${show(stream)}`);
    }
    try {
      const streams: StreamName[] = stream === 'both' ? ['stdout', 'stderr'] : [stream];
      return await this.#watchOutput().expect(list, streams, timeout, options.fromNow ?? false, this.name);
    } catch (error) {
      this.#expectFailed = true;
      if (!this.options.ignoreExpectFail && this.options.logExpectFail !== false)
        logger.warn('process', messageOf(error));
      throw error;
    }
  }

  /** Made by the first `expect()`, from what is still in memory: most processes never need it. */
  #watchOutput(): Expecter {
    if (this.#expecter) return this.#expecter;
    const expecter = (this.#expecter = new Expecter());
    for (const [name, reader] of [
      ['stdout', this.#stdout],
      ['stderr', this.#stderr],
    ] as const) {
      expecter.push(name, reader.kept.bytes);
      reader.add((chunk) => expecter.push(name, chunk));
      if (reader.isClosed) expecter.end(name);
      else void reader.closed.then(() => expecter.end(name));
    }
    return expecter;
  }

  /** The lines of one stream, from the oldest in memory on, as they come; a slow reader slows the process. */
  lines(options: { stream?: StreamName } = {}): AsyncIterableIterator<string> {
    return (options.stream === 'stderr' ? this.#stderr : this.#stdout).lines();
  }

  stats(): Stats {
    const kind = failureKind(this);
    const is = (value: unknown) => (value ? 1 : 0);
    return {
      name: this.name,
      start: this.#startDate,
      end: this.#endDate,
      length: this.#startDate && (this.#endDate?.getTime() ?? Date.now()) - this.#startDate.getTime(),
      total: 1,
      started: is(this.started),
      ended: is(this.ended),
      errors: is(this.#error),
      timeouts: is(this.timedOut),
      forcedKills: is(this.#forcedKill),
      expectFailures: is(this.#expectFailed),
      writeErrors: is(this.#writeFailed),
      nonZeroExits: is(this.reason === 'signal' || (this.reason === 'exit' && this.#exitCode !== 0)),
      ok: is(this.ok),
      finishedOk: is(this.finishedOk),
      failures: kind === undefined || this.ok ? {} : { [kind]: 1 },
    };
  }

  /** Everything about it as text for people: command, host, outcome, output. */
  dump(): string {
    return dumpProcess(this);
  }

  /** Throws ProcessesFailed when it has ended and is not ok; else returns itself. */
  orThrow(): this {
    if (this.ended && !this.ok) throw new ProcessesFailed([this]);
    return this;
  }

  override toString(): string {
    return `${this.constructor.name} ${show(this.name)}${this.host ? ` on ${this.host.toString()}` : ''}: ${describeOutcome(this)}`;
  }
  [inspect.custom](): string {
    return this.toString();
  }

  /** Kills it, and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'started') await this.kill().wait();
  }

  // ── from start to end ──────────────────────────────────────────────────────────────────────────────────────────

  async #live(): Promise<void> {
    let ending: Ending;
    let handlers: HandlerSet[] = [];
    try {
      if (registry.interrupted)
        throw new RookeryError('ERR_KILLED', `${this.name} was not started: the program was interrupted`);
      handlers = this.#openHandlers();
      this.#launched = await this.launch(this.#launchAbort.signal);
      ending = await this.#follow(this.#launched);
    } catch (error) {
      const known = error instanceof RookeryError;
      const problem = known
        ? error
        : new RookeryError('ERR_SPAWN', `${this.name}: ${messageOf(error)}`, { cause: error });
      ending = { kind: 'error', error: problem };
      // What never ran needs no more proof that nothing is left of it. When the connection is lost while it is asked to run,
      // nobody knows whether it does.
      if (this.#reason !== undefined) this.#killConfirmed ??= problem.code !== 'ERR_CONNECTION_LOST';
    }
    clearTimeout(this.#timer);
    this.#stdout.close();
    this.#stderr.close();
    this.#splitters.stdout?.end();
    this.#splitters.stderr?.end();
    this.#input.close();
    this.#launched?.release();
    for (const set of handlers) await set.finish();
    this.#finish(ending);
  }

  #openHandlers(): HandlerSet[] {
    const { stdoutHandlers, stderrHandlers } = this.options;
    return (
      [
        [stdoutHandlers, this.#stdout],
        [stderrHandlers, this.#stderr],
      ] as const
    )
      .filter(([handlers]) => handlers.length > 0)
      .map(([handlers, reader]) => {
        const set = new HandlerSet(handlers, this, (error) => (this.#error ??= error));
        for (const consumer of set.consumers) reader.add(consumer);
        return set;
      });
  }

  async #follow(launched: Launched): Promise<Ending> {
    this.#stdout.attach(launched.stdout);
    this.#stderr.attach(launched.stderr);
    this.#input.attach(launched.stdin);
    this.#tell('start');
    // A kill or timeout that came while the launch was too far on to be given up.
    if (this.#reason !== undefined) this.#terminate('SIGTERM', this.options.killTimeout);
    const ending = await this.#settledEnd(launched);
    await this.#drain(launched);
    return ending;
  }

  /** The process has ended; when it is being killed, also its tree. A process that outlives SIGKILL is given up. */
  async #settledEnd(launched: Launched): Promise<Ending> {
    let ended: Ending | undefined;
    const exited = launched.exited.then((ending) => (ended = ending));
    for (;;) {
      const termination = this.#termination;
      if (!termination) {
        const started = new Promise<void>((resolve) => (this.#onTermination = resolve));
        await Promise.race([exited, started]);
        if (!this.#termination && ended) return ended;
        continue;
      }
      const { confirmed, forced, escaped } = await termination.result;
      this.#killConfirmed = confirmed;
      this.#forcedKill = forced;
      this.#escaped = escaped;
      if (ended) return ended;
      const message = `${this.name} has not ended after SIGKILL, or its end cannot be seen`;
      return { kind: 'error', error: new RookeryError('ERR_KILLED', message, hostOf(this)) };
    }
  }

  #terminate(signal: NodeJS.Signals, forceAfter: number): void {
    if (!this.#launched) return this.#launchAbort.abort();
    if (this.#termination) return this.#termination.escalate(signal, forceAfter);
    this.#termination = new Termination(this.#launched, signal, forceAfter);
    this.#onTermination?.();
  }

  /**
   * After the end of the process its streams may still hold output, or be held open by a child that lives on. They are
   * read until they end, or until a whole `drainGrace` brings less than a kilobyte: a backlog drains faster than that. When
   * nobody is left who could hold them, their end is only slow to arrive (keys are being exchanged, the machine is busy).
   */
  async #drain(launched: Launched): Promise<void> {
    const both = Promise.all([this.#stdout.closed, this.#stderr.closed]);
    let open = true;
    void both.then(() => (open = false));
    if (this.#stdout.isClosed && this.#stderr.isClosed) return;
    const moved = () => [this.#stdout.takeProgress(1024), this.#stderr.takeProgress(1024)].includes(true);
    for (let lastMove = Date.now(); open;) {
      let timer: NodeJS.Timeout | undefined;
      const grace = new Promise<void>((resolve) => (timer = setTimeout(resolve, this.options.drainGrace)));
      await Promise.race([both, grace]);
      clearTimeout(timer);
      const inTime = moved();
      const holders = open && !inTime ? await launched.survivors() : undefined;
      if (inTime || moved()) lastMove = Date.now();
      else if (holders?.length !== 0 || Date.now() - lastMove > patience) return;
    }
  }

  #finish(ending: Ending): void {
    if (ending.kind === 'exit') this.#exitCode = ending.code;
    else if (ending.kind === 'signal') this.#signal = ending.signal;
    // One that was given up before it ran has ended by the kill or timeout, not by an error.
    else if (ending.error.code !== 'ERR_KILLED' || this.#reason === undefined) this.#error ??= ending.error;
    this.#reason ??= this.#error ? 'error' : ending.kind;
    this.#endDate = new Date();
    this.#state = 'ended';
    registry.delete(this);
    this.#logOutcome();
    this.#settle();
    this.#tell('end');
  }

  /** A listener that throws is its author's uncaught exception, and does not derail the life cycle. */
  #tell(event: 'start' | 'end' | 'reset'): void {
    try {
      this.emit(event, this);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #onTimeout(): void {
    if (this.#state !== 'started' || this.#reason !== undefined) return;
    this.#reason = 'timeout';
    logger.debug('process', () => `${this.name}: timeout`);
    this.#terminate('SIGTERM', this.options.killTimeout);
  }

  #onOutput(stream: StreamName, chunk: Buffer): void {
    if (this.listenerCount(stream) > 0) this.emit(stream, chunk, this);
    if (this.#splitters[stream] || this.listenerCount('line') > 0) this.#splitLines(stream).push(chunk);
  }
  #splitLines(stream: StreamName): LineSplitter {
    return (this.#splitters[stream] ??= new LineSplitter((line) => this.emit('line', line, stream, this)));
  }

  #onWriteFailed(reason: string): void {
    if (this.#writeFailed) return;
    this.#writeFailed = true;
    if (!this.options.ignoreWriteError && this.options.logWriteError !== false) {
      logger.warn('process', `${this.name}${this.host ? ` on ${this.host.toString()}` : ''}: ${reason}`);
    }
  }

  #logOutcome(): void {
    if (this.ok) return;
    const kind = this.#error && !this.timedOut ? 'Error' : this.timedOut ? 'Timeout' : 'ExitCode';
    // A kill was asked for: nothing to warn of. Expect and write failures have been logged when they happened.
    if (this.#reason === 'kill' || (this.#reason === 'exit' && this.#exitCode === 0 && !this.#error)) return;
    if (this.options[`log${kind}`] === false) return;
    logger.warn('process', this.toString());
  }
}

function hostOf(process: ProcessBase): { host?: string } {
  return process.host ? { host: process.host.address } : {};
}
