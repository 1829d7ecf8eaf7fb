import { Readable } from 'node:stream';
import { resolveTarget, type Host } from '../host/index.js';
import {
  CommandLine,
  launchLocally,
  launchRemotely,
  ProcessBase,
  resolveOptions,
  type Ending,
  type Launched,
  type SshProcessOptions,
} from '../process/index.js';
import { lastLines, ProgressMeter, type Progress } from '../transfer/index.js';
import { messageOf, quotePosix, RookeryError } from '../util/index.js';
import { agentCode, localAgent } from './agent-code.js';
import type { AgentCounts, Engine, Order, Report } from './control.js';
import { remoteEngine } from './engines.js';
import { stockJob, stockProgress } from './stock-job.js';

/** No line of an agent is longer; bytes. */
const longestLine = 1024 * 1024 * 1024;

/** One agent of a fan-out, on a host or on this machine; made by `TorrentPut`. It ends when the whole swarm has. */
export class AgentProcess extends ProcessBase implements Progress {
  readonly host: Host | undefined;
  /** What is the peer there; with `'auto'` it is known when the host has been looked at. */
  engine: Engine | undefined;
  /** Milliseconds from the start of the swarm to the last verified piece here; undefined before that. */
  swarmTime: number | undefined;
  /** The most memory that the agent used, in bytes; known when the files are in their place. */
  memory: number | undefined;
  /** The last numbers that the agent told. */
  counts: AgentCounts | undefined;
  /** Its part is done: what it was to get is in its place. */
  placed = false;
  readonly #onReport: (report: Report, process: AgentProcess) => void;
  readonly #onEnd: (process: AgentProcess) => void;
  readonly #params: SshProcessOptions['connectionParams'];
  readonly #wanted: Engine | 'auto';
  #meter = new ProgressMeter();
  #launched: Launched | undefined;
  #failure: RookeryError | undefined;

  constructor(
    host: Host | undefined,
    words: readonly string[],
    options: SshProcessOptions,
    on: { report: (report: Report, process: AgentProcess) => void; end: (process: AgentProcess) => void },
    engine: Engine | 'auto' = 'agent',
  ) {
    super(new CommandLine(words), resolveOptions('the agent', options, true));
    this.host = host;
    this.#params = options.connectionParams;
    this.#onReport = on.report;
    this.#onEnd = on.end;
    this.#wanted = engine;
  }

  get bytesTotal(): number | undefined {
    return this.#meter.total;
  }
  set bytesTotal(total: number) {
    this.#meter.total = total;
  }
  get bytesDone(): number {
    return this.#meter.done;
  }
  get rate(): number {
    return this.#meter.rate;
  }
  get timeLeft(): number | undefined {
    return this.#meter.timeLeft;
  }

  protected override async launch(signal: AbortSignal): Promise<Launched> {
    this.#meter = new ProgressMeter();
    this.#failure = this.swarmTime = this.memory = this.counts = undefined;
    this.placed = false;
    this.engine = this.#wanted === 'agent' ? 'agent' : undefined;
    try {
      const launched = this.host
        ? await launchRemotely(
            resolveTarget(this.host, this.#params),
            new CommandLine([...remoteEngine(this.#wanted)]),
            this.options,
            signal,
          )
        : await launchLocally(new CommandLine([...localAgent]), this.options, quotePosix);
      this.#launched = launched;
      launched.stdin?.on('error', () => undefined);
      // Others say first what is there.
      if (this.engine === 'agent') launched.stdin?.write(agentCode());
      const exited = this.#outcome(launched);
      return { ...launched, stdin: undefined, stdout: Readable.from([]), exited };
    } catch (error) {
      this.#onEnd(this);
      throw error;
    }
  }

  /** Tells the agent what to do. Secrets go this way, and no other. */
  order(order: Order): void {
    const stdin = this.#launched?.stdin;
    if (!stdin || stdin.destroyed) return;
    if (this.engine === 'agent') return void stdin.write(`${JSON.stringify(order)}\n`);
    if (order.type === 'go') this.#goTime = performance.now();
    stdin.write(`${order.type === 'job' ? stockJob(order) : order.type}\n`);
  }
  #goTime = 0;

  async #outcome(launched: Launched): Promise<Ending> {
    const said = lastLines(launched.stderr);
    this.#listen(launched.stdout);
    const ending = await launched.exited;
    this.#onEnd(this);
    if (ending.kind === 'error' || this.killed || this.timedOut) return ending;
    if (this.#failure) return { kind: 'error', error: this.#failure };
    if (ending.kind !== 'exit' || ending.code === 0) return ending;
    const text = (await said) || `the agent ended with exit ${ending.code}`;
    return { kind: 'error', error: this.#error('ERR_TRANSFER', text) };
  }

  /** Ends the agent as failed; the reason is told by its process. */
  giveUp(code: RookeryError['code'], message: string): void {
    this.#failure ??= this.#error(code, message);
    this.order({ type: 'end' });
  }

  #error(code: RookeryError['code'], message: string): RookeryError {
    return new RookeryError(code, message, this.host ? { host: this.host.address } : {});
  }

  #listen(stdout: Readable): void {
    let parts: Buffer[] = [];
    let length = 0;
    stdout.on('data', (chunk: Buffer) => {
      // Some clients write their progress over and over on one line.
      if (this.engine === 'transmission-cli')
        for (let at = chunk.indexOf(13); at >= 0; at = chunk.indexOf(13, at)) chunk[at] = 10;
      for (let at = 0; at < chunk.length;) {
        const end = chunk.indexOf(10, at);
        const part = chunk.subarray(at, end < 0 ? undefined : end);
        parts.push(part);
        length += part.length;
        at = end < 0 ? chunk.length : end + 1;
        if (length > longestLine) return this.giveUp('ERR_TRANSFER', 'the agent says what cannot be read');
        if (end < 0) continue;
        const line = Buffer.concat(parts).toString();
        parts = [];
        length = 0;
        this.#hear(line);
      }
    });
    // What looked for the first line of a remote command has paused it.
    stdout.resume();
  }

  #hear(line: string): void {
    if (this.engine !== 'agent' && !line.startsWith('{')) return this.#hearStock(line);
    let report: Report;
    try {
      report = JSON.parse(line) as Report;
    } catch (error) {
      return this.giveUp('ERR_TRANSFER', `the agent says what cannot be read: ${messageOf(error)}`);
    }
    if (report.type === 'engine') {
      this.engine = report.name;
      if (this.engine === 'agent') this.#launched?.stdin?.write(agentCode());
      return;
    }
    if (report.type === 'complete' && this.engine !== 'agent') {
      const counts = this.#stockCounts(this.bytesTotal ?? 0);
      report = { type: 'complete', time: performance.now() - this.#goTime, ...counts };
    }
    if (report.type === 'failed') this.#failure ??= this.#error(report.code, report.message);
    if (report.type === 'progress' || report.type === 'complete') {
      this.counts = report;
      if (this.#meter.total !== undefined) {
        this.#meter.add(Math.max(0, report.done - this.#meter.done));
        this.emit('progress', this);
      }
    }
    if (report.type === 'complete') this.swarmTime = report.time;
    if (report.type === 'placed') {
      this.placed = true;
      this.memory = report.memory;
    }
    this.#onReport(report, this);
  }

  /** A line of a stock client's own output. */
  #hearStock(line: string): void {
    const done = stockProgress(line, this.bytesTotal ?? 0);
    if (done === undefined || done <= this.#meter.done) return;
    this.counts = this.#stockCounts(done);
    this.#meter.add(done - this.#meter.done);
    this.emit('progress', this);
  }
  #stockCounts(done: number): AgentCounts {
    return { done, sent: 0, received: done, wasted: 0, neighbours: 0 };
  }
}
