import { Readable } from 'node:stream';
import { isIP } from 'node:net';
import { resolveTarget, type Host } from '../../host/index.js';
import {
  CommandLine,
  launchRemotely,
  ProcessBase,
  resolveOptions,
  type Ending,
  type Launched,
  type SshProcessOptions,
} from '../../process/index.js';
import { RookeryError } from '../../util/index.js';
import { lastLines } from '../last-lines.js';
import { ProgressMeter, type Progress } from '../progress.js';
import type { PutPlan } from '../put-plan.js';
import { placeScript, putScript, type Verification } from '../put-script.js';
import type { TarSource } from '../tar-source.js';
import type { Chain } from './chain.js';
import { agentFor, chainCommand } from './start.js';

/** What one host of a ChainPut is to get. */
export interface ChainTask {
  readonly host: Host;
  readonly files: readonly string[];
  readonly destination: string;
  readonly verify: Verification;
  readonly plan: () => PutPlan;
  /** The chain of the hosts that get the same. */
  readonly chain: (archive: TarSource) => Chain;
}

/** A host that has not said anything for so long is dead; ms. Agents say something every 2 s or so. */
const longestSilence = 8_000;

/** One host of a chain; made by `ChainPut`. It ends when its files are in their place and the host after it has all of them. */
export class ChainProcess extends ProcessBase implements Progress {
  readonly host: Host;
  /** What passes the files on there: `python3`, `perl`, `node`, `socat` or `ncat`. Undefined before that is known. */
  tool: string | undefined;
  /** The host's own address, at which it was reached over SSH. */
  address = '';
  readonly #task: ChainTask;
  readonly #params: SshProcessOptions['connectionParams'];
  #meter = new ProgressMeter();
  #launched: Launched | undefined;
  #chain: Chain | undefined;
  #failure: RookeryError | undefined;
  #finished = false;
  #silence: NodeJS.Timeout | undefined;
  #fallSilent: () => void = () => {};

  constructor(task: ChainTask, options: SshProcessOptions) {
    const words = ['chain-put', ...task.files, task.destination];
    super(new CommandLine(words), resolveOptions('new ChainPut()', options, true));
    this.host = task.host;
    this.#task = task;
    this.#params = options.connectionParams;
  }

  get bytesTotal(): number | undefined {
    return this.#meter.total;
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
    this.#failure = this.tool = undefined;
    this.#finished = false;
    this.address = '';
    const { files, destination, verify } = this.#task;
    const plan = this.#task.plan();
    const archive = plan.archive(await plan.sources(files));
    this.#meter.total = archive.size;
    this.#chain = this.#task.chain(archive);
    const asNamed = files.length === 1 && !files[0]?.endsWith('/') && !destination.endsWith('/');
    const kind = asNamed ? 'as' : 'into';
    const put = ['/bin/sh', '-c', putScript, 'rookery-put', destination, kind, verify || 'none', placeScript];
    const launched = await this.launchBeside(new CommandLine(chainCommand(destination, kind, put)), signal);
    this.#launched = launched;
    launched.stdin?.on('error', () => undefined);
    return { ...launched, stdin: undefined, stdout: Readable.from([]), exited: this.#outcome(launched) };
  }

  /** Starts a command on its host. */
  launchBeside(command: CommandLine, signal: AbortSignal): Promise<Launched> {
    return launchRemotely(resolveTarget(this.host, this.#params), command, this.options, signal);
  }

  /** Tells the agent what to do. Tokens go this way, and no other. */
  order(...words: readonly (string | number)[]): void {
    const stdin = this.#launched?.stdin;
    if (stdin?.writable) stdin.write(`${words.join(' ')}\n`);
  }

  moved(have: number): void {
    if (!(have > this.#meter.done) || have > (this.#meter.total ?? 0)) return;
    this.#meter.add(have - this.#meter.done);
    this.emit('progress', this);
  }

  /** Its files are there, and nobody needs it any more. */
  finish(): void {
    this.#finished = true;
    this.#launched?.stdin?.end();
  }

  /** Ends it as failed; without a message, the host has said why. */
  giveUp(code: RookeryError['code'], message: string | undefined): void {
    if (message !== undefined) this.#failure ??= this.#error(code, message);
    this.#chain?.leave(this);
    this.#launched?.stdin?.end();
  }

  #error(code: RookeryError['code'], message: string): RookeryError {
    return new RookeryError(code, message, { host: this.host.address });
  }

  async #outcome(launched: Launched): Promise<Ending> {
    const said = lastLines(launched.stderr);
    this.#listen(launched.stdout);
    const silent = new Promise<undefined>((resolve) => (this.#fallSilent = () => resolve(undefined)));
    this.#silence = setTimeout(() => this.#onSilence(), longestSilence);
    const ending = await Promise.race([launched.exited, silent]);
    clearTimeout(this.#silence);
    this.#chain?.leave(this);
    if (ending?.kind === 'error' || ((this.killed || this.timedOut) && ending)) return ending;
    if (this.#failure) return { kind: 'error', error: this.#failure };
    if (this.#finished && ending) return ending;
    const text = (await said) || 'the agent ended before the files were in their place';
    return {
      kind: 'error',
      error: this.#error(text.includes('verify: ') ? 'ERR_VERIFY' : 'ERR_TRANSFER', text),
    };
  }

  #onSilence(): void {
    const message = `nothing was heard of it for ${longestSilence / 1000} s`;
    this.giveUp('ERR_CONNECTION_LOST', message);
    // It may only have been stopped.
    void this.#launched?.signal('SIGKILL');
    this.#fallSilent();
  }

  #listen(stdout: Readable): void {
    let rest = '';
    stdout.on('data', (chunk: Buffer) => {
      this.#silence?.refresh();
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = lines.pop() as string;
      if (rest.length > 4096) return this.giveUp('ERR_TRANSFER', 'its agent says what cannot be read');
      for (const line of lines) this.#hear(line.split(' '));
    });
    // What looked for the first line of a remote command has paused it.
    stdout.resume();
  }

  #hear(words: readonly string[]): void {
    const [verb, first = ''] = words;
    if (verb === 'hello') {
      const code = this.tool === undefined ? agentFor(first) : undefined;
      if (!code) return this.giveUp('ERR_TRANSFER', `its agent (${this.tool ?? first}) does not work`);
      this.tool = first;
      this.#launched?.stdin?.write(code);
    } else if (verb === 'own') {
      if (!isIP(first))
        return this.giveUp('ERR_TRANSFER', 'it does not know its own address (SSH_CONNECTION)');
      this.address = first;
      this.#chain?.join(this);
    } else this.#chain?.hear(this, words);
  }
}
