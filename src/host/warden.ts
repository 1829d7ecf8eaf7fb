import { logger, parsePs, parseStat, quotePosix, treeVariable } from '../util/index.js';
import type { ProcessEntry } from '../util/index.js';
import type { Channel, ChannelOptions } from './channel.js';
import { dialectOf } from './shell-dialect.js';
import type { ShellDialect } from './shell-dialect.js';

/** What the login shell is asked to run; every shell understands it. The script follows on stdin. */
const command = 'exec /bin/sh';

/** A warden that has not greeted after this long is taken for none (a forced command that reads and stays silent). */
const helloTime = 10_000;
const maximumHello = 64 * 1024;

/**
 * The script. It finds processes by the variable in their environment, which a process keeps through setsid(2) and a double
 * fork, and by their parents (proc(5)). A login shell that has not been marked is known by the SSH_CONNECTION that the
 * server gave it: no two connections have the same at one time, and what is older than this one is not of it. When its input ends, the connection is gone, or this program is: then all that
 * belongs to it is sent SIGTERM, and SIGKILL three seconds later. It looks twice at least, because a session
 * that was granted just before may not have come to its command yet; once, when it was told so. Requests are calls of its functions; each answers with
 * a line `. NUMBER`.
 */
function script(id: string): string {
  const proc = '/proc/[0-9]*';
  return `
trap '' HUP INT TERM PIPE
_tidy=
_stat() { if [ -r /proc/self/stat ]; then cat ${proc}/stat; else ps -A -o pid= -o ppid= -o pgid= -o stat=; fi </dev/null 2>/dev/null; }
_ids() { if [ -r /proc/self/environ ]; then grep -zaso '^${treeVariable}=[0-9a-f.]*' ${proc}/environ </dev/null 2>/dev/null | tr '\\000' '\\012'; fi; }
_s() { _stat; _ids; echo ". $1"; }
_k() { _n=$1; _g=$2; shift 2; for _p; do kill -s "$_g" "$_p" 2>/dev/null; done; echo ". $_n"; }
_mine() { _ids | sed -n 's,^/proc/\\([0-9]*\\)/environ:${treeVariable}=${id}\\..*,\\1,p'; }
_conn= _server=
_mates() { [ -z "$_conn" ] || grep -zlsxF "SSH_CONNECTION=$_conn" ${proc}/environ </dev/null 2>/dev/null; }
command -v awk >/dev/null && {
read -r _server 2>/dev/null <"/proc/$PPID/stat" && case $SSH_CONNECTION in *[!0-9a-fA-F.:%" "]*) ;; *.*|*:*) _conn=$SSH_CONNECTION;; esac
_mine() { { _stat; _mates; _ids; } | awk -v known="$_left" -v mark=':${treeVariable}=${id}.' -v self=$$ -v server="$_server" '
  BEGIN { n = split(known, list, " "); for (i = 1; i <= n; i++) seen[list[i]] = 1 }
  /^\\/proc\\// {
    split($0, part, "/"); pid = part[3]
    if (!index($0, ":")) mate[pid] = 1; else { delete mate[pid]; if (index($0, mark)) mine[pid] = 1 }
    next
  }
  /^[0-9]+ [(]/ {
    pid = $1; sub(/^.*[)] /, ""); if ($1 == "Z" || $1 == "X") next
    parent[pid] = $2; session[pid] = $4; start[pid] = $20; if (seen[pid ":" $20]) mine[pid] = 1
  }
  END {
    sub(/^.*[)] /, "", server); split(server, field, " ")
    for (p in mate) if ((p in start) && start[p] + 0 >= field[20] + 0 && session[p] != session[self]) mine[p] = 1
    do { more = 0; for (p in parent) if (!mine[p] && mine[parent[p]]) more = mine[p] = 1 } while (more)
    for (p in mine) if (mine[p]) print p ":" start[p]
  }'; }
}
_end() {
  exec >/dev/null 2>&1
  [ -z "$_tidy" ] || [ "$(grep -zlsam 1 '^${treeVariable}=${id}\\.' ${proc}/environ </dev/null)" ] || exit 0
  _left= _g=TERM _first=yes
  for _round in 1 2 3 4 5; do
    _left=$(_mine | tr '\\012' ' ')
    if [ "$_left" ]; then
      for _p in $_left; do kill -s $_g "\${_p%:*}"; done
      [ $_g = TERM ] && sleep 3 || sleep 1
      _g=KILL
    elif [ "$_first" ]; then sleep 1
    else exit 0
    fi
    _first=
  done
}
trap _end EXIT
echo "\x1e${id} $$ $SHELL;$_conn"
`;
}

/**
 * For a POSIX login shell: looks whether commands have left something behind, and ends it, while the connection may be closed as
 * soon as this has begun. With `tidy` it looks once.
 */
export function sweepCommand(id: string, tidy: boolean): string {
  return `exec /bin/sh -c ${quotePosix(`${script(id)}_tidy=${tidy ? 'yes' : ''}\nexit\n`)}`;
}

/**
 * Rookery's own shell on a host: one session, kept while the connection lives. It
 * tells what runs there, delivers signals with an answer, and ends what was started when the connection is gone.
 */
export class Warden {
  readonly dialect: ShellDialect;
  readonly shell: string;
  /** SSH_CONNECTION of the connection whose unmarked login shells it knows as its own; empty where it cannot. */
  readonly sshConnection: string;
  readonly channel: Channel;
  #text = '';
  #number = 0;
  readonly #answers = new Map<number, (text: string | undefined) => void>();
  #upcoming: Promise<ProcessEntry[] | undefined> | undefined;
  #gone = false;

  private constructor(dialect: ShellDialect, hello: Hello, channel: Channel) {
    this.dialect = dialect;
    this.shell = hello.shell;
    this.sshConnection = hello.sshConnection;
    this.channel = channel;
    this.#text = hello.rest;
    channel.stdout.on('data', (chunk: Buffer) => this.#read(chunk.toString('latin1')));
    channel.stdout.on('close', () => this.#end());
    void channel.closed.then(() => this.#end());
  }

  /**
   * Starts a warden on a session of its own; there is none where the account runs no shell we can talk to.
   * @param id prefix of the tree ids of everything that ends with it
   */
  static async start(
    open: (command: string, options: ChannelOptions) => Promise<Channel>,
    id: string,
  ): Promise<{ channel: Channel; warden: Warden | undefined }> {
    const channel = await open(command, { input: script(id) });
    channel.stderr.resume();
    channel.stderr.on('error', () => undefined);
    channel.stdin.on('error', () => undefined);
    const hello = await readHello(channel, id);
    const dialect = hello && dialectOf(hello.shell);
    if (!hello || !dialect) {
      logger.debug('warden', hello ? `login shell ${hello.shell} is not known` : 'the account runs no shell');
      channel.close();
      return { channel, warden: undefined };
    }
    return { channel, warden: new Warden(dialect, hello, channel) };
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** The connection is about to be closed in good order, with no command on its way: one look is enough then. */
  leave(): void {
    if (!this.#gone) this.channel.stdin.write('_tidy=yes\n');
  }

  /** Ends it, and nothing else. */
  dismiss(): void {
    if (!this.#gone) this.channel.stdin.write('trap - EXIT; exit\n');
  }

  /** All processes of the host; undefined when they cannot be seen. Calls of one turn share one look. */
  processes(): Promise<ProcessEntry[] | undefined> {
    this.#upcoming ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#upcoming = undefined;
        void this.#ask((number) => `_s ${number}`).then((text) =>
          resolve(text === undefined ? undefined : parse(text)),
        );
      });
    });
    return this.#upcoming;
  }

  /** Sends a signal to processes of the host; false when the request did not get through. */
  async signal(name: NodeJS.Signals, pids: readonly number[]): Promise<boolean> {
    if (pids.length === 0) return true;
    return (await this.#ask((number) => `_k ${number} ${name.slice(3)} ${pids.join(' ')}`)) !== undefined;
  }

  #ask(request: (number: number) => string): Promise<string | undefined> {
    if (this.#gone) return Promise.resolve(undefined);
    const number = ++this.#number;
    return new Promise((resolve) => {
      this.#answers.set(number, resolve);
      this.channel.stdin.write(`${request(number)}\n`);
    });
  }

  #read(text: string): void {
    this.#text += text;
    for (;;) {
      const end = /^\. (\d+)\n/m.exec(this.#text);
      if (!end) return;
      const answer = this.#text.slice(0, end.index);
      this.#text = this.#text.slice(end.index + end[0].length);
      const number = Number(end[1]);
      this.#answers.get(number)?.(answer);
      this.#answers.delete(number);
    }
  }

  #end(): void {
    this.#gone = true;
    for (const answer of this.#answers.values()) answer(undefined);
    this.#answers.clear();
  }
}

interface Hello {
  readonly shell: string;
  readonly sshConnection: string;
  readonly rest: string;
}

function readHello(channel: Channel, id: string): Promise<Hello | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const greeting = new RegExp(`\\x1e${id} \\d+ ([^\\s;]*);(.*?)\\r?\\n`);
    const timer = setTimeout(() => finish(undefined), helloTime);
    const finish = (hello: Hello | undefined) => {
      clearTimeout(timer);
      channel.stdout.off('data', onData);
      channel.stdout.off('end', onEnd);
      resolve(hello);
    };
    const onEnd = () => finish(undefined);
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const match = greeting.exec(text);
      if (match) {
        const rest = text.slice(match.index + match[0].length);
        finish({ shell: match[1] ?? '', sshConnection: match[2] ?? '', rest });
      }
      if (text.length > maximumHello) finish(undefined);
    };
    channel.stdout.on('data', onData);
    channel.stdout.resume();
    channel.stdout.on('error', onEnd);
    channel.stdout.once('end', onEnd);
    void channel.exited.then((end) => setImmediate(() => ('error' in end ? finish(undefined) : undefined)));
    void channel.closed.then(onEnd);
  });
}

/** Lines of `/proc/PID/stat` or of ps, then lines `/proc/PID/environ:VARIABLE=ID`; undefined when nothing was to be seen. */
function parse(text: string): ProcessEntry[] | undefined {
  const at = text.search(/^\/proc\//m);
  const table = at < 0 ? text : text.slice(0, at);
  const stats = parseStat(table);
  const entries = new Map((stats.length > 0 ? stats : parsePs(table)).map((entry) => [entry.pid, entry]));
  for (const match of text.matchAll(new RegExp(`^/proc/(\\d+)/environ:${treeVariable}=(\\S+)$`, 'gm'))) {
    const pid = Number(match[1]);
    // What is not in the table was born after it was made.
    const entry = entries.get(pid) ?? { pid, ppid: 0, pgid: 0, zombie: false, start: undefined };
    entries.set(pid, { ...entry, id: match[2] });
  }
  return entries.size > 0 ? [...entries.values()] : undefined;
}
