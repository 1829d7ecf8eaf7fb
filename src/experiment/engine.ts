import { mkdirSync } from 'node:fs';
import { basename, extname, join, resolve } from 'node:path';
import { Host, hostList } from '../host/index.js';
import type { HostLike } from '../host/index.js';
import {
  checkOptions,
  InvalidArgument,
  isFunction,
  isObject,
  isString,
  isStringList,
} from '../util/index.js';
import { logger, messageOf, optionalDuration, RookeryError, show } from '../util/index.js';
import type { Duration } from '../util/index.js';
import { Capture } from './capture.js';
import { checkSpecs, readCommandLine } from './command-line.js';
import type { OptionSpecs, OptionValues } from './command-line.js';
import { isDuration } from './files-store.js';
import { ParamSweeper } from './param-sweeper.js';
import { Results } from './results.js';
import { newRunRecord, readRecord, writeRecord } from './run-record.js';
import type { ExperimentRecord, RunRecord } from './run-record.js';
import { sweep } from './sweep.js';
import type { Combination, Parameters } from './sweep.js';

/** What an experiment is called and what can be chosen on its command line. */
export interface ExperimentOptions<O extends OptionSpecs = OptionSpecs> {
  /** Begins the name of its folders. Default: the name of the program's file. */
  name?: string;
  /** Shown by `--help`. */
  description?: string;
  /** Options of the command line: `{ size: 10, tool: { default: 'put', choices: ['put', 'torrent'] } }` gives `--size` and `--tool`. */
  options?: O;
  /** The command line. Default: that of this program. */
  argv?: readonly string[];
  /** After Ctrl-C: how long `run()` may take to come to its end before the program leaves. Default `'10s'`. */
  grace?: Duration;
}

const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type EndingSignal = keyof typeof exitCodes;
const signals = Object.keys(exitCodes) as EndingSignal[];
/** A folder's name has at most 255 bytes. */
const longestName = 120;

/**
 * An experiment: a program with a command line and a folder for each run, in which lie its results, what it wrote, and what is
 * needed to know later what was run. Subclass it and override `run()`, or use `experiment()`.
 */
export class Engine<O extends OptionSpecs = OptionSpecs> {
  readonly name: string;
  /** Aborted by Ctrl-C. What runs on hosts is ended without it. */
  readonly signal: AbortSignal;
  /** The values of the options. */
  options!: OptionValues<O>;
  /** The other words of the command line. */
  words: readonly string[] = [];
  /** The hosts of `--hosts`, and those of `useHosts()`. */
  readonly hosts: Host[] = [];
  /** The folder of this run, as an absolute path. */
  directory = '';
  /** Whether it goes on in the folder of an earlier run. */
  continued = false;

  readonly #given: ExperimentOptions<O>;
  readonly #abort = new AbortController();
  readonly #sweepers: ParamSweeper<object>[] = [];
  #results: Results | undefined;
  #record!: ExperimentRecord;
  #run!: RunRecord;
  #started = false;

  constructor(given: ExperimentOptions<O> = {}) {
    checkOptions<ExperimentOptions<O>>('experiment', given, {
      ...{ name: isString, description: isString, options: isObject, argv: isStringList, grace: isDuration },
    });
    checkSpecs(given.options ?? {});
    const script = process.argv[1] ?? 'experiment';
    this.name = given.name ?? basename(script, extname(script));
    if (!/^[\w.-]+$/.test(this.name) || /^[.-]/.test(this.name))
      throw new InvalidArgument(
        `experiment: the name must be letters, digits, _ and -, not ${show(this.name)}`,
      );
    optionalDuration(given.grace, 'experiment: grace');
    this.#given = given;
    this.signal = this.#abort.signal;
  }

  /** Called when there is a folder, before `run()`. */
  init(): void | Promise<void> {
    // For subclasses.
  }

  /** The experiment itself. */
  run(): unknown {
    throw new InvalidArgument('Engine: run() must be overridden');
  }

  /** The name of a new folder: what it is, when, and the values of its options. */
  directoryName(): string {
    const now = new Date();
    const two = (n: number) => String(n).padStart(2, '0');
    const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
    const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
    const values = Object.entries(this.options)
      .filter(([, value]) => value !== undefined && value !== '')
      .map(([key, value]) => `${key}=${String(value).replace(/[^\w.,+-]+/g, '-')}`);
    return [this.name, day, time, ...values].join('_').slice(0, longestName);
  }

  /**
   * Reads the command line, makes the folder, and runs. Rejects with what `run()` threw; whatever happens, what was recorded is
   * saved first.
   */
  async start(): Promise<this> {
    if (this.#started) throw new InvalidArgument('Engine: it has been started before');
    this.#started = true;
    await this.#open();
    const capture = new Capture(this.directory);
    const interrupt = (signal: NodeJS.Signals) => this.#interrupt(signal as EndingSignal);
    for (const signal of signals) process.on(signal, interrupt);
    try {
      await this.init();
      await this.run();
      this.#end('done');
    } catch (error) {
      this.#end('failed', error);
      // What an interrupt cuts short fails in ways of its own: they are told in the record.
      if (!this.signal.aborted) throw error;
    } finally {
      await Promise.allSettled(this.#sweepers.map((sweeper) => sweeper.close()));
      for (const signal of signals) process.off(signal, interrupt);
      this.#results?.close();
      this.#results = undefined;
      capture.stop();
    }
    return this;
  }

  async #open(): Promise<void> {
    const { description = '', options: specs = {}, argv = process.argv.slice(2) } = this.#given;
    const line = await readCommandLine(this.name, description, specs, argv);
    const { standard, defaulted, options } = line;
    this.words = line.words;
    if (standard.continue === undefined) {
      this.options = options as OptionValues<O>;
      this.directory = makeFolder(resolve(standard.results), this.directoryName());
      this.#record = { name: this.name, runs: [] };
    } else {
      this.directory = resolve(standard.continue);
      this.continued = true;
      this.#record = this.#earlier();
      const before = this.#record.runs.at(-1);
      for (const key of defaulted)
        if (before && key in before.options) options[key] = before.options[key] as string;
      this.options = options as OptionValues<O>;
      if (this.words.length === 0) this.words = before?.arguments ?? [];
    }
    this.#run = await newRunRecord(options, this.words);
    this.#record.runs.push(this.#run);
    if (standard.hosts !== undefined) this.useHosts(hostList(standard.hosts));
    this.#results = new Results(this.directory);
    writeRecord(this.directory, this.#record);
  }

  #earlier(): ExperimentRecord {
    const record = readRecord(this.directory);
    if (!record)
      throw new InvalidArgument(`--continue: ${this.directory} is not the folder of an experiment`);
    if (record.name !== this.name)
      throw new InvalidArgument(
        `--continue: ${this.directory} is of the experiment ${record.name}, not ${this.name}`,
      );
    return record;
  }

  /** Appends a row to the results, whole or not at all; it is in the file when this resolves. */
  record(row: object): Promise<void> {
    return this.#try(() => this.#live().append(row));
  }

  /** All rows of this folder, of earlier runs as well. */
  records(): Promise<Record<string, unknown>[]> {
    return this.#try(() => this.#live().read());
  }

  /** A sweep that is kept in the folder, so that a continued run does what is left. Closed at the end. */
  sweep<const P extends Parameters>(parameters: P): ParamSweeper<Combination<P>>;
  sweep<C extends object>(combinations: readonly C[]): ParamSweeper<C>;
  sweep(given: Parameters | readonly object[]): ParamSweeper<object> {
    this.#live();
    const combinations = Array.isArray(given) ? (given as object[]) : listAll(given as Parameters);
    const sweeper = new ParamSweeper<object>(join(this.directory, 'sweep'), combinations);
    this.#sweepers.push(sweeper);
    this.#run.parameters = Array.isArray(given) ? `${given.length} combinations` : given;
    writeRecord(this.directory, this.#record);
    return sweeper;
  }

  /** Adds to `hosts`, and to what is written down of this run. */
  useHosts(hosts: HostLike | readonly HostLike[]): readonly Host[] {
    const list = (Array.isArray(hosts) ? hosts : [hosts]) as readonly HostLike[];
    this.hosts.push(...list.map((host) => (host instanceof Host ? host : new Host(host))));
    this.#run.hosts = this.hosts.map(String);
    writeRecord(this.directory, this.#record);
    return this.hosts;
  }

  /** Writes a line to stderr, and so to the folder. */
  log(message: string): void {
    process.stderr.write(`${new Date().toISOString()} ${message}\n`);
  }

  #live(): Results {
    if (!this.#results) throw new InvalidArgument('Engine: it is not running');
    return this.#results;
  }

  async #try<T>(step: () => T): Promise<T> {
    try {
      return await Promise.resolve(step());
    } catch (error) {
      if (error instanceof RookeryError) throw error;
      throw new RookeryError('ERR_STORE', `the results in ${this.directory}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** The first time, what runs is ended, and `run()` comes to its end; the second time, or after the grace, the program leaves. */
  #interrupt(signal: EndingSignal): void {
    const code = exitCodes[signal];
    const leave = () => {
      this.#end('interrupted');
      process.exit(code);
    };
    if (this.signal.aborted) return leave();
    process.exitCode = code;
    this.log(`${this.name}: ${signal}: saving; to go on: --continue ${this.directory}`);
    // What is in hand is given back: what was cut short must not count as done.
    for (const sweeper of this.#sweepers)
      sweeper
        .close()
        .catch((error: unknown) => logger.warn('experiment', `cannot give back: ${messageOf(error)}`));
    this.#abort.abort(new RookeryError('ERR_KILLED', `interrupted by ${signal}`));
    this.#end('interrupted');
    setTimeout(leave, optionalDuration(this.#given.grace ?? '10s', 'grace')).unref();
  }

  #end(outcome: RunRecord['outcome'], error?: unknown): void {
    this.#run.outcome = this.signal.aborted ? 'interrupted' : outcome;
    this.#run.ended = new Date().toISOString();
    if (error !== undefined) this.#run.error = messageOf(error);
    this.#results?.writeTable();
    writeRecord(this.directory, this.#record);
  }
}

/** Its type is of no use where the parameters are not known, and too deep. */
const listAll = sweep as (parameters: Parameters) => object[];

/** A folder that did not exist. */
function makeFolder(parent: string, name: string): string {
  mkdirSync(parent, { recursive: true });
  for (let n = 1; ; n++) {
    const directory = join(parent, n === 1 ? name : `${name}_${n}`);
    try {
      mkdirSync(directory);
      return directory;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/**
 * Runs an experiment; resolves when it has come to its end, with the engine that it was given.
 * @example
 * await experiment({ name: 'transfer', options: { repeats: 3 } }, async (ctx) => {
 *   const sweeper = ctx.sweep({ size: [1, 10], tool: ['put', 'torrent'] });
 *   for await (const combination of sweeper) {
 *     await ctx.record({ ...combination, seconds: await measure(combination) });
 *     await sweeper.done(combination);
 *   }
 * });
 */
export async function experiment<const O extends OptionSpecs = {}>(
  options: ExperimentOptions<O>,
  run: (ctx: Engine<O>) => unknown,
): Promise<Engine<O>> {
  if (isFunction(run)) throw new InvalidArgument(`experiment: run must be a function, not ${show(run)}`);
  class Experiment extends Engine<O> {
    override run(): unknown {
      return run(this);
    }
  }
  return new Experiment(options).start();
}
