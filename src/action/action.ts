// One class is the life cycle of all actions; kinds say only how they run.
import { inspect } from 'node:util';
import { EventEmitter } from 'eventemitter3';
import type { Host } from '../host/index.js';
import {
  endingSignals,
  sumStats,
  type ExpectOptions,
  type ExpectResult,
  type KillOptions,
  type ProcessBase,
  type ProcessState,
  type Stats,
  type StreamName,
} from '../process/index.js';
import {
  formatDuration,
  InvalidArgument,
  logger,
  longestTimer,
  optionalDuration,
  parseDuration,
  show,
  type Duration,
} from '../util/index.js';
import { describeAction, dumpAction } from './describe.js';
import { isProcessEvent, processEvents, type ActionEvents, type ProcessEventName } from './events.js';
import { expectAll } from './expect-all.js';
import { ActionsFailed } from './failed.js';
import { mergeLines, type ProcessLine } from './merge-lines.js';
import { checkEvents, type ActionOptions } from './options.js';
import { showProgress } from './progress.js';
import { runningActions } from './running.js';

type Listener<E extends keyof ActionEvents> = EventEmitter.EventListener<ActionEvents, E>;

/** Why an action was ended before it came to its end by itself. */
export type StopReason = 'kill' | 'timeout';

/**
 * A set of processes that are started, waited for and killed as one, or of other actions. It has the life cycle of a process:
 * created → started → ended, and by `reset()` created again. Failure is a value: `run()` and `wait()` resolve whatever happens
 * to the processes.
 *
 * A subclass fills {@link ownProcesses} or {@link children}, and runs them in `execute()`.
 */
export abstract class Action extends EventEmitter<ActionEvents> {
  readonly name: string;
  /** The actions it consists of, in the order given; empty for one that runs commands. */
  readonly children: readonly Action[];
  /** The processes it runs itself. A subclass that makes them as it goes adds each by {@link adopt}. */
  protected readonly ownProcesses: ProcessBase[] = [];

  readonly #timeout: number | undefined;
  readonly #forwarded = new Set<ProcessEventName>();
  #state: ProcessState = 'created';
  #startDate: Date | undefined;
  #endDate: Date | undefined;
  #stopReason: StopReason | undefined;
  #timer: NodeJS.Timeout | undefined;
  #done!: Promise<void>;
  #settle!: () => void;

  protected constructor(defaultName: string, options: ActionOptions, children: readonly Action[] = []) {
    super();
    const what = `new ${this.constructor.name}()`;
    this.name = options.name ?? defaultName;
    this.children = children;
    this.#timeout = optionalDuration(options.actionTimeout, `${what}: option actionTimeout`);
    this.#clear();
    checkEvents(what, options.on);
    for (const [event, listener] of Object.entries(options.on ?? {})) {
      if (listener) this.on(event as keyof ActionEvents, listener as Listener<keyof ActionEvents>);
    }
  }

  /** Runs everything, and resolves when all of it has ended; starts nothing more once there is a {@link stopReason}. */
  protected abstract execute(): Promise<void>;

  #clear(): void {
    this.#state = 'created';
    this.#startDate = this.#endDate = this.#stopReason = undefined;
    this.#done = new Promise((resolve) => (this.#settle = resolve));
  }

  // ── what it is like ──────────────────────────────────────────────────────────────────────────────────────────────

  /** All processes, those of the actions in it included. */
  get processes(): readonly ProcessBase[] {
    if (this.children.length === 0) return this.ownProcesses;
    return [...this.ownProcesses, ...this.children.flatMap((child) => child.processes)];
  }
  /** The hosts of its processes, each once. */
  get hosts(): readonly Host[] {
    const hosts = new Map<string, Host>();
    for (const { host } of this.processes) if (host) hosts.set(host.toString(), host);
    return [...hosts.values()];
  }
  get state(): ProcessState {
    return this.#state;
  }
  /** False for one that ended, by the kill or timeout of what it is part of, before its turn came. */
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
  /** True when its `actionTimeout`, or that of the action it is part of, ended it. */
  get timedOut(): boolean {
    return this.#stopReason === 'timeout';
  }
  get killed(): boolean {
    return this.#stopReason === 'kill';
  }
  protected get stopReason(): StopReason | undefined {
    return this.#stopReason;
  }
  /** False as soon as one of its processes is not ok. */
  get ok(): boolean {
    return this.ownProcesses.every((p) => p.ok) && this.children.every((child) => child.ok);
  }
  get finishedOk(): boolean {
    return this.ended && this.ok;
  }

  /** Counts over its processes; for an action of actions also theirs, in `children`. */
  stats(): Stats {
    const children = this.children.map((child) => child.stats());
    const parts = [...this.ownProcesses.map((p) => p.stats()), ...children];
    const start = this.#startDate;
    return {
      ...sumStats(this.name, parts, this.children.length > 0 ? children : undefined),
      start,
      end: this.#endDate,
      length: start && (this.#endDate?.getTime() ?? Date.now()) - start.getTime(),
    };
  }

  // ── what it does ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Starts it. Throws InvalidArgument when it, or a part of it, was started before and not reset. */
  start(): this {
    const busy = [this, ...this.children].find((action) => action.state !== 'created');
    if (busy) throw new InvalidArgument(`${busy.name} was started already; reset() it to run it again`);
    this.#state = 'started';
    this.#startDate = new Date();
    runningActions.add(this);
    if (this.#timeout !== undefined) {
      this.#timer = setTimeout(() => this.#onTimeout(), Math.min(this.#timeout, longestTimer));
    }
    this.#tell('start');
    this.execute().then(
      () => this.#finish(),
      (error: unknown) => {
        this.stop('kill');
        this.#finish();
        throw error;
      },
    );
    return this;
  }

  /** Resolves at the end; with `timeout`, after that long at the latest, the action then still running. */
  async wait(options: { timeout?: Duration } = {}): Promise<this> {
    const timeout = optionalDuration(options.timeout, 'wait(): timeout');
    if (this.#state === 'created')
      throw new InvalidArgument(`${this.name} was not started: wait() would never end`);
    if (timeout === undefined || this.ended) {
      await this.#done;
      return this;
    }
    let timer: NodeJS.Timeout | undefined;
    const passed = new Promise<void>(
      (resolve) => (timer = setTimeout(resolve, Math.min(timeout, longestTimer))),
    );
    await Promise.race([this.#done, passed]);
    clearTimeout(timer);
    return this;
  }

  /** `start()` and `wait()`; with `progress: true` it is shown how far it is, see {@link showProgress}. */
  async run(options: { timeout?: Duration; progress?: boolean } = {}): Promise<this> {
    optionalDuration(options.timeout, 'run(): timeout');
    if (options.progress) showProgress(this);
    return this.start().wait(options);
  }

  /**
   * Ends it: kills all that runs, and what waits for its turn is never started, and ends as killed. Harmless before the start and
   * after the end. A signal that does not ask for an end (SIGUSR1, SIGSTOP, SIGCONT, …) is only sent to what runs.
   */
  kill(signal: NodeJS.Signals = 'SIGTERM', options: KillOptions = {}): this {
    if (typeof signal !== 'string' || !/^SIG[A-Z0-9+-]+$/.test(signal)) {
      throw new InvalidArgument(`kill(): not the name of a signal: ${show(signal)}`);
    }
    if (options.forceAfter !== undefined) parseDuration(options.forceAfter, 'kill(): forceAfter');
    if (this.#state !== 'started') return this;
    if (endingSignals.has(signal) || options.forceAfter !== undefined)
      return this.stop('kill', signal, options);
    for (const process of this.processes) process.kill(signal);
    return this;
  }

  /** Ends it, whether it runs or not: for the action that it is part of. */
  protected stop(reason: StopReason, signal: NodeJS.Signals = 'SIGTERM', options: KillOptions = {}): this {
    if (this.#state === 'ended') return this;
    this.#stopReason ??= reason;
    for (const process of this.ownProcesses) {
      if (reason === 'kill' && process.state === 'started') process.kill(signal, options);
      else process.stop(reason);
    }
    for (const child of this.children) child.stop(reason, signal, options);
    if (this.#state === 'created') this.#finish();
    return this;
  }

  /** Back to created, with all that belongs to it. Throws InvalidArgument while it runs. */
  reset(): this {
    if (this.#state === 'started') {
      throw new InvalidArgument(`${this.name} is running: kill() it and wait() before reset()`);
    }
    for (const part of [...this.ownProcesses, ...this.children]) part.reset();
    this.#clear();
    this.#tell('reset');
    return this;
  }

  /** Writes to the stdin of all processes that have not ended. */
  write(data: string | Uint8Array): this {
    for (const process of this.processes) if (!process.ended) process.write(data);
    return this;
  }
  /** Ends the stdin of all processes. */
  end(): this {
    for (const process of this.processes) if (!process.ended) process.end();
    return this;
  }

  /**
   * Resolves when all processes have written what is expected, with their matches in the order of {@link processes}. Rejects when
   * that is known of each process, and one has ended (ERR_EXPECT_END) or was too slow (ERR_EXPECT_TIMEOUT); `expectFailed`
   * tells which.
   */
  expect(
    patterns: RegExp | string | readonly (RegExp | string)[],
    options: ExpectOptions = {},
  ): Promise<ExpectResult[]> {
    return expectAll(this.processes, patterns, options);
  }

  /** The lines of all processes as they come, each with its process; a slow reader slows the processes. */
  lines(options: { stream?: StreamName } = {}): AsyncIterableIterator<ProcessLine> {
    return mergeLines(this.processes, options);
  }

  /** Everything about it as text for people: the outcome, and each process with its output. */
  dump(): string {
    return dumpAction(this);
  }

  /** Throws ActionsFailed when it has ended and is not ok; else returns itself. */
  orThrow(): this {
    if (this.ended && !this.ok) throw new ActionsFailed([this]);
    return this;
  }

  override toString(): string {
    return describeAction(this);
  }
  [inspect.custom](): string {
    return this.toString();
  }

  /** Kills it, and waits until all of it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'started') await this.kill().wait();
  }

  // ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────

  override on<E extends keyof ActionEvents>(event: E, listener: Listener<E>, context?: unknown): this {
    this.#forward(event);
    return super.on(event, listener, context);
  }
  override addListener<E extends keyof ActionEvents>(
    event: E,
    listener: Listener<E>,
    context?: unknown,
  ): this {
    return this.on(event, listener, context);
  }
  override once<E extends keyof ActionEvents>(event: E, listener: Listener<E>, context?: unknown): this {
    this.#forward(event);
    return super.once(event, listener, context);
  }

  /** Takes in a process that was made after the start. */
  protected adopt<P extends ProcessBase>(process: P): P {
    this.ownProcesses.push(process);
    for (const event of this.#forwarded) this.#follow(process, event);
    return process;
  }

  /** Output is passed on only from the first listener on: most actions have none, and it costs. */
  #forward(event: keyof ActionEvents): void {
    if (!isProcessEvent(event) || this.#forwarded.has(event)) return;
    this.#forwarded.add(event);
    for (const process of this.ownProcesses) this.#follow(process, event);
    for (const child of this.children)
      child.on(event, (...args: unknown[]) => void this.emit(event, ...(args as never)));
  }
  #follow(process: ProcessBase, event: ProcessEventName): void {
    process.on(processEvents[event], (...args: unknown[]) => void this.emit(event, ...(args as never)));
  }

  // ── from start to end ────────────────────────────────────────────────────────────────────────────────────────────

  #finish(): void {
    if (this.#state === 'ended') return;
    clearTimeout(this.#timer);
    runningActions.delete(this);
    this.#endDate = new Date();
    this.#state = 'ended';
    this.#settle();
    this.#tell('end');
  }

  #onTimeout(): void {
    const waiting = this.processes.filter((p) => p.state === 'created').length;
    const rest = waiting > 0 ? `; ${waiting} of ${this.processes.length} processes were not started` : '';
    logger.warn('action', `${this.name}: timeout after ${formatDuration(this.#timeout ?? 0)}${rest}`);
    this.stop('timeout');
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
}
