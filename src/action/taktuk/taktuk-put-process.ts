import { resolveTarget, type Host, type Target } from '../../host/index.js';
import {
  CommandLine,
  ProcessBase,
  resolveOptions,
  type Ending,
  type Launched,
  type SshProcessOptions,
} from '../../process/index.js';
import {
  lastLines,
  placeScript,
  ProgressMeter,
  putScript,
  type Progress,
  type Verification,
} from '../../transfer/index.js';
import { quotePosix, RookeryError } from '../../util/index.js';

interface TaktukPutTask {
  readonly host: Host;
  readonly files: readonly string[];
  readonly destination: string;
  readonly verify: Verification;
  /** Takes it into the run of TakTuk. */
  readonly join: (process: TaktukPutProcess, signal: AbortSignal) => Promise<Launched>;
}

/** One host of a `TaktukPut`. What it counts is what has been given to TakTuk: nobody knows how far along the tree it is. */
export class TaktukPutProcess extends ProcessBase implements Progress {
  readonly host: Host;
  readonly #task: TaktukPutTask;
  readonly #params: SshProcessOptions['connectionParams'];
  #meter = new ProgressMeter();
  #failure: RookeryError | undefined;

  constructor(task: TaktukPutTask, options: SshProcessOptions) {
    const words = ['taktuk-put', ...task.files, task.destination];
    super(new CommandLine(words), resolveOptions('new TaktukPut()', options, true));
    this.host = task.host;
    this.#task = task;
    this.#params = options.connectionParams;
  }

  get files(): readonly string[] {
    return this.#task.files;
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

  target(): Target {
    return resolveTarget(this.host, this.#params);
  }

  /** What is run on the host, with the archive as its input. */
  script(): string {
    const { files, destination, verify } = this.#task;
    const asNamed = files.length === 1 && !files[0]?.endsWith('/') && !destination.endsWith('/');
    const words = [
      '/bin/sh',
      '-c',
      putScript,
      'rookery-put',
      destination,
      asNamed ? 'as' : 'into',
      verify || 'none',
    ];
    return `exec ${[...words, placeScript].map(quotePosix).join(' ')}`;
  }

  moved(done: number): void {
    if (!this.running) return;
    this.#meter.add(done - this.#meter.done);
    this.emit('progress', this);
  }

  /** The files could not be read. */
  fail(error: RookeryError): void {
    this.#failure ??= error;
  }

  protected override async launch(signal: AbortSignal): Promise<Launched> {
    this.#meter = new ProgressMeter();
    this.#failure = undefined;
    const launched = await this.#task.join(this, signal);
    return { ...launched, exited: this.#outcome(launched) };
  }

  async #outcome(launched: Launched): Promise<Ending> {
    const said = lastLines(launched.stderr);
    const ending = await launched.exited;
    if (ending.kind === 'error' || this.killed || this.timedOut) return ending;
    if (this.#failure) return { kind: 'error', error: this.#failure };
    if (ending.kind !== 'exit' || ending.code === 0) return ending;
    const text = (await said) || `exit ${ending.code}`;
    const code = text.includes('verify: ') ? 'ERR_VERIFY' : 'ERR_TRANSFER';
    return { kind: 'error', error: new RookeryError(code, text, { host: this.host.address }) };
  }
}
