import { randomBytes } from 'node:crypto';
import { lstat, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { Readable } from 'node:stream';
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
import { RookeryError } from '../util/index.js';
import { ByteReader } from './byte-reader.js';
import { lastLines } from './last-lines.js';
import { ProgressMeter, type Progress } from './progress.js';
import type { Verification } from './put-script.js';
import { checkedName, localProblem, Receiver } from './receiver.js';
import { getScript } from './get-script.js';
import { globWord, matchesGlob } from './remote-glob.js';
import { readArchive, type ReceivedEntry } from './tar-reader.js';

/** What is to be fetched from one host. */
export interface GetTask {
  readonly host: Host;
  readonly files: readonly string[];
  readonly destination: string;
  readonly verify: Verification;
  /** What starts the command on the host. Default: its pooled connection. */
  readonly launch?: typeof launchRemotely;
}

/** Our own members are small; a longer one is not ours. */
const largestMessage = 256 * 1024 * 1024;

/** Fetches files from one host; made by `Get`. */
export class GetProcess extends ProcessBase implements Progress {
  readonly host: Host;
  readonly #task: GetTask;
  readonly #params: SshProcessOptions['connectionParams'];
  #meter = new ProgressMeter();

  constructor(task: GetTask, options: SshProcessOptions) {
    super(
      new CommandLine(['get', ...task.files, task.destination]),
      resolveOptions('new Get()', options, true),
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
    const own = `rookery-${randomBytes(8).toString('hex')}`;
    const { files, verify } = this.#task;
    const words = files.map((file) => globWord(file)).join(' ');
    // The shell that reads these words replaces patterns by the names that match.
    const script = `set -- ${own} ${verify || 'none'} ${words}\n${getScript}`;
    const command = new CommandLine(['/bin/sh', '-c', script]);
    const launched = await (this.#task.launch ?? launchRemotely)(
      resolveTarget(this.host, this.#params),
      command,
      this.options,
      signal,
    );
    return { ...launched, stdin: undefined, stdout: Readable.from([]), exited: this.#outcome(launched, own) };
  }

  /** The process has ended well when everything has arrived, the other side says so, and it is in its place. */
  async #outcome(launched: Launched, own: string): Promise<Ending> {
    const said = lastLines(launched.stderr);
    launched.stdin?.end();
    let receiver: Receiver | undefined;
    const fail = (error: RookeryError): Ending => ({ kind: 'error', error });
    try {
      const place = await this.#placeOf();
      receiver = new Receiver(place.folder, this.#task.verify === 'sha256');
      const complete = await this.#receive(launched.stdout, receiver, own);
      const ending = await launched.exited;
      if (ending.kind === 'error' || ending.kind === 'signal') return ending;
      if (ending.code !== 0) {
        const text = (await said) || `exit ${ending.code}`;
        return fail(new RookeryError('ERR_TRANSFER', text, { host: this.host.address }));
      }
      if (!complete)
        return fail(new RookeryError('ERR_TRANSFER', 'not everything arrived', { host: this.host.address }));
      await receiver.place(place.name);
      return ending;
    } catch (error) {
      // Nobody reads any more: the other side ends by itself, or is ended.
      launched.stdout.destroy();
      const ending = await Promise.race([
        launched.exited,
        launched.signal('SIGTERM').then(() => launched.exited),
      ]);
      // One that was ended from here, or whose connection is gone, has not failed by what it then missed.
      if (ending.kind === 'error' || this.killed || this.timedOut) return ending;
      return fail(localProblem(error));
    } finally {
      await receiver?.remove();
    }
  }

  /** Into a folder, or, for a single thing that may get a name of its own, as what. */
  async #placeOf(): Promise<{ folder: string; name: string | undefined }> {
    const { destination, files } = this.#task;
    const single = files.length === 1 && !files[0]?.endsWith('/') && !/[*?[]/.test(files[0] ?? '');
    const into =
      destination.endsWith('/') || !single || (await stat(destination).catch(() => undefined))?.isDirectory();
    if (into) return { folder: destination.replace(/(?<=.)\/+$/, ''), name: undefined };
    if ((await lstat(destination).catch(() => undefined))?.isSymbolicLink())
      throw new RookeryError('ERR_TRANSFER', `${destination} is a symlink that leads nowhere or to a file`);
    return { folder: dirname(destination), name: basename(destination) };
  }

  /** Takes everything in; true when the last member says that this was all. */
  async #receive(stdout: Readable, receiver: Receiver, own: string): Promise<boolean> {
    let complete = false;
    let inside = '';
    await readArchive(new ByteReader(stdout), async (entry, data) => {
      const name = checkedName(entry.name);
      if (name === undefined) throw outside(entry);
      if (name.startsWith(`${own}.`)) {
        const text = await message(entry, data);
        const topic = name.slice(own.length + 1);
        if (topic === 'total') this.#meter.total = Number(text);
        else if (topic === 'inside') inside = text;
        else if (topic === 'digests') verifyDigests(text, inside, receiver.digests);
        else if (topic === 'end') complete = true;
        return;
      }
      const full = inside === '' ? name : name === '' ? inside : `${inside}/${name}`;
      if (!this.#wanted(full)) throw outside(entry);
      await receiver.take(entry, full, data, (count) => {
        this.#meter.add(count);
        this.emit('progress', this);
      });
    });
    return complete;
  }

  /** A host may send what it was asked for and nothing else (compare CVE-2019-6111). */
  #wanted(name: string): boolean {
    const top = name.split('/', 1)[0] as string;
    return this.#task.files.some(
      (file) => file.endsWith('/') || matchesGlob(Buffer.from(basename(file)).toString('latin1'), top),
    );
  }
}

function outside(entry: ReceivedEntry): RookeryError {
  return new RookeryError(
    'ERR_TRANSFER',
    `the host sent a name that was not asked for: ${JSON.stringify(entry.name)}`,
  );
}

async function message(
  entry: ReceivedEntry,
  data: (limit: number) => Promise<Buffer | undefined>,
): Promise<string> {
  if (entry.size > largestMessage) throw outside(entry);
  const parts: Buffer[] = [];
  for (let part = await data(65536); part; part = await data(65536)) parts.push(part);
  return Buffer.concat(parts).toString('latin1');
}

/** Compares with what `sha256sum` printed: a digest, two characters, a name; escaped when the line begins with a backslash. */
function verifyDigests(text: string, inside: string, digests: ReadonlyMap<string, string>): void {
  for (const line of text.split('\n')) {
    const match = /^(\\?)([0-9a-f]{64}) [ *](.*)$/s.exec(line);
    if (!match) continue;
    const sent = match[1]
      ? (match[3] as string).replace(/\\([\\nr])/g, (_, c) => (c === 'n' ? '\n' : c === 'r' ? '\r' : '\\'))
      : (match[3] as string);
    const name = checkedName(sent) ?? '';
    const full = inside === '' ? name : `${inside}/${name}`;
    if (digests.get(full) !== match[2])
      throw new RookeryError('ERR_VERIFY', `verify: the digest of ${JSON.stringify(full)} differs`);
  }
}
