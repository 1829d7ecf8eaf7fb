import { randomBytes } from 'node:crypto';
import { posixDialect, type ShellDialect, type ShellProfile } from '../host/index.js';
import { quotePosix, treeVariable } from '../util/index.js';
import type { CommandLine } from './command.js';
import type { PtyOptions, ResolvedOptions } from './options.js';

/** Begins the lines by which our own shell code speaks to us; no text that a shell prints has it (ASCII record separator). */
const separator = '\x1e';

/** The text that is sent to a host, and the marks to look for in what comes back. */
export interface RemoteCommand {
  readonly text: string;
  /** On stdout, first: the process id, and where it was asked for the login shell and SSH_CONNECTION. Undefined where the text runs as it is. */
  readonly begin: RegExp | undefined;
  /** On stderr: the exit status, for transports that do not tell it exactly. */
  readonly end: RegExp | undefined;
}

/** For an account without a shell of its own that can be relied on: nothing but the command. */
export function bareCommand(command: CommandLine, options: ResolvedOptions): RemoteCommand {
  return { text: inShell(command, options, posixDialect), begin: undefined, end: undefined };
}

/**
 * Whether a command is so simple that no fork of the shell itself, without an execve(2) that would mark it, outlives the shell.
 * Such a command need not wait for the host's warden, and has no need of a shell that is marked itself.
 */
export function isSimple(command: CommandLine, options: ResolvedOptions): boolean {
  if (options.detached || options.pty) return false;
  const text = inShell(command, options, posixDialect);
  if (surroundings(options, posixDialect).join('').includes('\n')) return false;
  return text.length < 1000 && !/[&|;(){}`\n]|^\s*(\.|source|eval|coproc)\s/.test(text);
}

/**
 * A simple command for an account whose login shell is not known yet. A POSIX shell runs it and tells which it is. It is
 * one line, of which csh and fish run nothing: csh cannot read a `case`, nor fish an `if` without its `end`.
 */
export function probingCommand(
  command: CommandLine,
  options: ResolvedOptions,
  treeId: string,
): RemoteCommand {
  const mark = newMark();
  const inner = inShell(command, options, posixDialect);
  const tell = `${setMark(posixDialect, treeId)};echo "${mark}:$$ $SHELL;$SSH_CONNECTION"`;
  return {
    text: [
      `if :;then case $- in *)${tell};;esac;fi`,
      ...surroundings(options, posixDialect),
      ...unmarked('*[.:]*', '"$SHELL"', inner),
    ].join(';'),
    begin: new RegExp(`${mark}:(\\d+) ([^\\s;]*);(.*?)\\r?\\n`),
    end: undefined,
  };
}

/**
 * The command with its surroundings, in the dialect of the login shell that will read it: the environment, the folder,
 * and a first line of output that tells the process id, by which a kill finds the process group.
 */
export function wrappedCommand(
  command: CommandLine,
  options: ResolvedOptions,
  { dialect, shell, sshConnection }: ShellProfile,
  treeId: string,
  exactEndings: boolean,
): RemoteCommand {
  const mark = newMark();
  const lines = [setMark(dialect, treeId), ...surroundings(options, dialect)];
  const inner = inShell(command, options, dialect);
  const begin = new RegExp(`${mark}:(\\d+)\\r?\\n`);
  if (exactEndings) {
    lines.push(`echo "${mark}:"${dialect.processId}`);
    if (sshConnection !== '' && shell.endsWith('/bash') && isSimple(command, options)) {
      lines.push(...unmarked(quotePosix(sshConnection), quotePosix(shell), inner));
    } else if (typeof options.shell === 'string') lines.push(inner);
    else lines.push(again(dialect.quote(shell), dialect.quote(inner)));
    return { text: lines.join('\n'), begin, end: undefined };
  }
  lines.push(
    `exec /bin/sh -c ${dialect.quote(watched(mark, options.pty))} rookery ${dialect.quote(shell)} ${dialect.quote(inner)}`,
  );
  return { text: lines.join('\n'), begin, end: new RegExp(`${mark}=(\\d+)(s?)\\r?\\n`) };
}

const newMark = () => `${separator}${randomBytes(6).toString('hex')}`;
const setMark = (dialect: ShellDialect, treeId: string) => dialect.setVariable(treeVariable, treeId);

function surroundings(options: ResolvedOptions, dialect: ShellDialect): string[] {
  const lines = Object.entries(options.env ?? {}).map(([name, value]) => dialect.setVariable(name, value));
  if (options.cwd !== undefined) lines.push(dialect.changeFolder(options.cwd));
  return lines;
}

/** What a shell exports later is not in its own environment as others see it (proc(5)): once more, so that it has the mark. */
const again = (shell: string, quoted: string) => `exec ${shell} -c ${quoted}`;

/**
 * A simple command without a second shell, where the warden knows an unmarked login shell by its connection, and where the
 * shell turns itself into its last command, as bash does from 5.1 on.
 */
function unmarked(sshConnection: string, shell: string, inner: string): string[] {
  const versions = ['5.[1-9]*', '[6-9].*', '[1-9][0-9]*.*'];
  const spared = versions.map((version) => `${version}/${sshConnection}`).join('|');
  return [
    `case $BASH_VERSION/$SSH_CONNECTION in ${spared});;*)${again(shell, quotePosix(inner))};;esac`,
    inner,
  ];
}

function inShell(command: CommandLine, options: ResolvedOptions, dialect: ShellDialect): string {
  const text = command.render((word) => dialect.quote(word));
  return typeof options.shell === 'string'
    ? `exec ${dialect.quote(options.shell)} -c ${dialect.quote(text)}`
    : text;
}

/** Signals that a kill sends to the whole tree, and that must not end the process that reports how the others ended. */
const handled = 'HUP INT QUIT USR1 USR2 ALRM TERM PIPE';

/** Runs a command and prints how it ended. A signal handler, unlike an ignored signal, is not inherited (execve(2)). */
const reporter = `delete $ENV{PERL_BADLANG};
($mark, @command) = @ARGV;
$SIG{$_} = sub {} for qw(${handled});
$child = fork;
die "cannot fork: $!\\n" unless defined $child;
unless ($child) { exec { $command[0] } @command; exit 127 }
1 while waitpid($child, 0) != $child;
($code, $signal) = ($? >> 8, $? & 127);
print STDERR "$mark=", $signal ? 128 + $signal . "s" : $code, "\\n";
exit($signal ? 128 + $signal : $code);`;

/**
 * A program around the command that says how it ended: `ssh` itself exits with 255 for its own failures, for a command that
 * exits with 255 and for one that was killed. Perl, which nearly every host has, tells a signal from an exit code; a shell
 * gives 128 plus the number for both. There, a status above 128 means a signal, unless the shell, which remarks on such deaths
 * (as dash does for most signals), has not remarked on this one: then it is an exit code.
 */
function watched(mark: string, pty: PtyOptions | undefined): string {
  // ssh, which has no terminal itself here, asks for one with all modes off.
  const size = pty ? `stty 38400 sane rows ${pty.rows ?? 24} cols ${pty.columns ?? 80} 2>/dev/null` : ':';
  return `echo "${mark}:$$"
${size}
if command -v perl >/dev/null 2>&1; then
  exec env PERL_BADLANG=0 perl -e ${quotePosix(reporter)} "${mark}" "$1" -c "$2"
fi
trap : ${handled}
exec 3>&1 4>&2
r=$(exec 2>&1; ("$1" -c "$2" >&3 2>&4 3>&- 4>&-); echo "=$?")
s=\${r##*=}
k=
if [ "$s" -gt 128 ]; then
  k=s
  [ "\${r%=*}" ] || [ -z "$(exec 2>&1; (sh -c "kill -$((s - 128)) \\$\\$"); :)" ] || k=
fi
echo "${mark}=$s$k" >&4
exit "$s"`;
}
