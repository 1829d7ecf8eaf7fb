import { resolveTarget, type Host } from '../host/index.js';
import {
  CommandLine,
  launchRemotely,
  ProcessBase,
  resolveOptions,
  type Ending,
  type Launched,
  type SshProcessOptions,
} from '../process/index.js';
import { messageOf, RookeryError } from '../util/index.js';
import { lastLines } from './last-lines.js';
import { ProgressMeter, type Progress } from './progress.js';
import type { PutPlan } from './put-plan.js';
import { placeScript, putScript, type Verification } from './put-script.js';
import type { TarSource } from './tar-source.js';

/** What one host of a Put is to get. */
export interface PutTask {
  readonly host: Host;
  readonly files: readonly string[];
  readonly destination: string;
  readonly verify: Verification;
  readonly plan: () => PutPlan;
}

/** Sends files to one host; made by `Put`. */
export class PutProcess extends ProcessBase implements Progress {
  readonly host: Host;
  readonly #task: PutTask;
  readonly #params: SshProcessOptions['connectionParams'];
  #meter = new ProgressMeter();

  constructor(task: PutTask, options: SshProcessOptions) {
    super(
      new CommandLine(['put', ...task.files, task.destination]),
      resolveOptions('new Put()', options, true),
    );
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
    const { files, destination, verify } = this.#task;
    const plan = this.#task.plan();
    const archive = plan.archive(await plan.sources(files));
    this.#meter.total = archive.size;
    const asNamed = files.length === 1 && !files[0]?.endsWith('/') && !destination.endsWith('/');
    const command = new CommandLine([
      ...['/bin/sh', '-c', putScript, 'rookery-put'],
      ...[destination, asNamed ? 'as' : 'into', verify || 'none', placeScript],
    ]);
    const target = resolveTarget(this.host, this.#params);
    const launched = await launchRemotely(target, command, this.options, signal);
    const source = this.#send(archive, launched);
    return { ...launched, stdin: undefined, exited: this.#outcome(launched, source) };
  }

  /** Writes the archive as fast as it is taken. Resolves with why it could not be read. */
  async #send(archive: TarSource, { stdin }: Launched): Promise<RookeryError | undefined> {
    if (!stdin) return new RookeryError('ERR_TRANSFER', 'the channel has no stdin');
    let closed = false;
    let wake = () => {};
    for (const event of ['close', 'error', 'finish'] as const) {
      stdin.once(event, () => {
        closed = true;
        wake();
      });
    }
    stdin.on('drain', () => wake());
    try {
      for (let offset = 0; offset < archive.size && !closed;) {
        const chunk = await archive.read(offset);
        offset += chunk.length;
        if (closed) break;
        // The next part is read while this one is on its way.
        if (offset < archive.size) archive.read(offset).catch(() => undefined);
        if (!stdin.write(chunk) && !closed) await new Promise<void>((resolve) => (wake = resolve));
        this.#meter.add(chunk.length);
        this.emit('progress', this);
      }
      return undefined;
    } catch (error) {
      return error instanceof RookeryError
        ? error
        : new RookeryError('ERR_TRANSFER', messageOf(error), { cause: error });
    } finally {
      // Without the last entry the script does not put anything in its place.
      if (!closed) stdin.end();
    }
  }

  /** A status other than 0 is told with what the other side said about it. */
  async #outcome(launched: Launched, sent: Promise<RookeryError | undefined>): Promise<Ending> {
    const said = lastLines(launched.stderr);
    const ending = await launched.exited;
    if (ending.kind === 'error' || this.killed || this.timedOut) return ending;
    const unread = await sent;
    if (unread) return { kind: 'error', error: unread };
    if (ending.kind !== 'exit' || ending.code === 0) return ending;
    const text = await said;
    const code = text.includes('verify: ') ? 'ERR_VERIFY' : 'ERR_TRANSFER';
    return {
      kind: 'error',
      error: new RookeryError(code, text || `exit ${ending.code}`, { host: this.host.address }),
    };
  }
}
