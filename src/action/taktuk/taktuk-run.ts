import { PassThrough, type Readable } from 'node:stream';
import { poolOf, opensshError, type Target } from '../../host/index.js';
import {
  CommandLine,
  launchLocally,
  resolveOptions,
  signalName,
  type Ending,
  type Launched,
} from '../../process/index.js';
import { newTreeId, ProcessTree, quotePosix, RookeryError } from '../../util/index.js';
import { connectorFor } from './connector.js';
import { wrapped, type WrapperMode } from './wrapper.js';

/** What TakTuk is told to print: one line for each event, its data in hexadecimal, as which it comes in the mode `get`. */
const templates = (mode: WrapperMode): string[] => {
  const hex = 'unpack(q(H*) => $line . $eol)';
  return [
    `output="O $position " . ${mode === 'get' ? '$line' : hex} . "\\n"`,
    `error="E $position " . ${hex} . "\\n"`,
    `connector="C $peer_position " . ${hex} . "\\n"`,
    `taktuk="K 0 " . ${hex} . "\\n"`,
    'status="S $position $line\\n"',
    'state="T $position $line $peer_position $pid\\n"',
  ];
};
/** Protects what TakTuk would split a file of options at. */
const escaped = (word: string) => word.replace(/[\s,;~]/g, '~$&');
/**
 * Takes the file of options from stdin, and ends TakTuk when stdin ends before it: this program is gone then. (Here stdin may be
 * a socket, which /dev/stdin cannot be opened as.)
 */
const starter = `command -v taktuk >/dev/null 2>&1 || exit 127
umask 077
exec 3<&0
f=$(mktemp) || exit 1
trap 'rm -f -- "$f"' EXIT
sed -n '/^# end$/q;p' <&3 > "$f"
taktuk "$@" -F "$f" </dev/null &
t=$!
{ cat <&3 >/dev/null 2>&1; kill $t 2>/dev/null; } >/dev/null 2>&1 &
wait $t`;
const endMark = '# end\n';
/** Events of the stream `state`; see taktuk(1). */
const event = {
  connectionFailed: '3',
  connectionLost: '5',
  commandStarted: '6',
  commandFailed: '7',
  commandEnded: '8',
};

interface Member {
  readonly target: Target;
  readonly connector: string;
  readonly command: string;
  readonly tree: string;
  readonly stdout: PassThrough;
  readonly stderr: PassThrough;
  said: string;
  half: string;
  status: number | undefined;
  started: boolean;
  start: (pid: number) => void;
  fail: (error: RookeryError) => void;
  end: (ending: Ending) => void;
}

/** One run of `taktuk` for the processes of an action, which each get their part of what it prints. */
export class TaktukRun {
  readonly #mode: WrapperMode;
  readonly #arity: number;
  readonly #members: Member[] = [];
  #launched: Promise<Launched> | undefined;
  #rest = '';
  #said = '';
  #left = 0;
  /** Streams that are not read as fast as they are filled. */
  readonly #behind = new Set<PassThrough>();

  /** `arity`: of TakTuk's tree; 0 lets it grow as it will, -1 has all hosts contacted from here. */
  constructor(mode: WrapperMode, arity: number) {
    this.#mode = mode;
    this.#arity = arity;
  }

  /** Takes in a process; resolves when its command runs, or rejects with why it cannot. */
  async join(target: Target, script: string, signal: AbortSignal): Promise<Launched> {
    const id = newTreeId();
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const connector = connectorFor(target);
    const command = wrapped(this.#mode, id, script);
    let end!: (ending: Ending) => void;
    const exited = new Promise<Ending>((resolve) => (end = resolve));
    const member: Member = {
      ...{ target, connector, command, tree: id, stdout, stderr, end },
      ...{ said: '', half: '', status: undefined, started: false, start: () => {}, fail: () => {} },
    };
    this.#members.push(member);
    this.#left++;
    void exited.then(() => this.#onEnd());
    const started = new Promise<number>((resolve, reject) => {
      member.start = resolve;
      member.fail = reject;
    });
    const give = () => member.fail(new RookeryError('ERR_KILLED', 'given up before it ran'));
    signal.addEventListener('abort', give);
    if (signal.aborted) give();
    try {
      const pid = await started;
      const tree = new ProcessTree(id, pid);
      void exited.then(() => tree.leaderEnded());
      const warden = async () =>
        poolOf(target)
          .guard.warden(new AbortController().signal)
          .catch(() => undefined);
      const survivors = async () => {
        const all = await (await warden())?.processes();
        return all && tree.living(all);
      };
      return {
        ...{ pid, stdin: undefined, stdout, stderr, exited, survivors },
        // TakTuk itself can only signal all hosts at once.
        signal: async (name) => {
          const found = await survivors();
          if (found) await (await warden())?.signal(name, found);
        },
        release: () => {
          stdout.destroy();
          stderr.destroy();
        },
      };
    } catch (error) {
      end({ kind: 'error', error: error as RookeryError });
      throw error;
    } finally {
      signal.removeEventListener('abort', give);
    }
  }

  /** Starts TakTuk for those that have joined; `finale` are commands for it that follow. Resolves when it has ended. */
  async run(finale: readonly string[] = []): Promise<void> {
    if (this.#members.length === 0) return;
    const words = this.#members.flatMap(({ target, connector, command }) => [
      ...['-c', connector, '-m', target.address, '-[', 'exec', '%', command, '%', '-]'],
    ]);
    const options = templates(this.#mode).flatMap((template) => ['-o', template]);
    const numbering = this.#mode === 'put' ? [] : ['-n'];
    const argv = [
      '/bin/sh',
      '-c',
      starter,
      'taktuk',
      '-s',
      ...numbering,
      '-d',
      String(this.#arity),
      ...options,
      '-E',
      '~',
    ];
    const why = await this.#follow(
      argv,
      `${[...words.map(escaped), [...finale, 'quit'].join(' ')].join('\n')}\n${endMark}`,
    );
    for (const member of this.#members) {
      if (member.started) member.end({ kind: 'error', error: lost(member.target, why) });
      else member.fail(why instanceof RookeryError ? why : lost(member.target, why));
    }
  }

  async #follow(argv: readonly string[], input: string): Promise<RookeryError | string> {
    try {
      const options = resolveOptions('taktuk', {}, false);
      this.#launched = launchLocally(new CommandLine([...argv]), options, quotePosix);
      const launched = await this.#launched;
      launched.stdin?.on('error', () => undefined);
      launched.stdin?.write(input);
      launched.stderr?.on('data', (chunk: Buffer) => this.#tell(chunk.toString()));
      const closed = new Promise<void>((resolve) => launched.stdout.once('close', resolve));
      launched.stdout.on('data', (chunk: Buffer) => this.#hear(chunk, launched.stdout));
      const ending = await launched.exited;
      await closed;
      launched.release();
      if (ending.kind === 'exit' && ending.code === 127)
        return new RookeryError(
          'ERR_SPAWN',
          'taktuk is not installed on this machine: install the package taktuk',
        );
      return `taktuk has ended: ${this.#said.trim().split('\n').at(-1) || 'the connection is gone'}`;
    } catch (error) {
      if (error instanceof RookeryError) return error;
      throw error;
    }
  }

  /** TakTuk's own messages come on its stderr. */
  #tell(text: string): void {
    const plain = text.replace(/^K 0 ([0-9a-f]*)$/gm, (_line, hex: string) => decode(hex).trim());
    this.#said = (this.#said + plain).slice(-2000);
  }

  /** When all processes have ended, by a kill or a timeout too, there is nothing left to wait for. */
  #onEnd(): void {
    if (--this.#left > 0) return;
    void this.#launched?.then(
      async (launched) => {
        let over = false;
        void launched.exited.then(() => (over = true));
        await new Promise((resolve) => setTimeout(resolve, 200));
        if (!over) await launched.signal('SIGTERM');
      },
      () => undefined,
    );
  }

  #hear(chunk: Buffer, source: Readable): void {
    const lines = (this.#rest + chunk.toString('latin1')).split('\n');
    this.#rest = lines.pop() as string;
    for (const line of lines) {
      const [kind, position = '', ...words] = line.split(' ');
      const member = this.#members[Number(position) - 1];
      if (kind === 'T') this.#onState(member, words);
      else if (kind === 'C' && member) member.said = (member.said + decode(words[0])).slice(-4000);
      else if (kind === 'K') this.#tell(decode(words[0]));
      else if (kind === 'S' && member) member.status = Number(words[0]);
      else if (member && (kind === 'O' || kind === 'E')) {
        const stream = kind === 'O' ? member.stdout : member.stderr;
        if (stream.destroyed) continue;
        // TakTuk breaks a line where its buffer ends, even between two digits.
        const digits = (kind === 'O' ? member.half : '') + (words[0] ?? '');
        if (kind === 'O') member.half = digits.length % 2 > 0 ? digits.slice(-1) : '';
        const data = Buffer.from(digits, 'hex');
        // All hosts come through one pipe: who does not keep pace holds up all of them.
        if (!stream.write(data)) this.#waitFor(stream, source);
      }
    }
  }

  #waitFor(stream: PassThrough, source: Readable): void {
    if (this.#behind.has(stream)) return;
    this.#behind.add(stream);
    source.pause();
    const resume = () => {
      stream.off('drain', resume);
      stream.off('close', resume);
      this.#behind.delete(stream);
      if (this.#behind.size === 0) source.resume();
    };
    stream.once('drain', resume);
    stream.once('close', resume);
  }

  #onState(member: Member | undefined, [what = '', peer = '', pid = '']: readonly string[]): void {
    const far = this.#members[Number(peer) - 1];
    if (what === event.connectionFailed) far?.fail(opensshError(far.target, far.said));
    else if (what === event.connectionLost && far) this.#onLost(far);
    else if (what === event.commandStarted && member) {
      member.started = true;
      member.start(Number(pid));
    } else if ((what === event.commandEnded || what === event.commandFailed) && member) {
      const status = member.status ?? 127 << 8;
      member.stdout.end();
      member.stderr.end();
      member.end(
        (status & 127) > 0
          ? { kind: 'signal', signal: signalName(status & 127) }
          : { kind: 'exit', code: status >> 8 },
      );
    }
  }

  #onLost(member: Member): void {
    const error = lost(member.target, member.said.trim() || 'the connection was lost');
    member.fail(error);
    member.end({ kind: 'error', error });
    member.stdout.end();
    member.stderr.end();
  }
}

const decode = (hex: string | undefined) => Buffer.from(hex ?? '', 'hex').toString();
const lost = ({ host }: Target, why: RookeryError | string) =>
  why instanceof RookeryError ? why : new RookeryError('ERR_CONNECTION_LOST', why, { host: host.address });
