import { randomBytes } from 'node:crypto';
import { posixDialect, type ShellDialect } from '../host/index.js';
import { treeVariable } from '../util/index.js';
import type { CommandLine } from './command.js';
import type { ResolvedOptions } from './options.js';

/** Begins the lines by which our own shell code speaks to us; no text that a shell prints has it (ASCII record separator). */
const separator = '\x1e';

/** The text that is sent to a host, and the marks to look for in what comes back. */
export interface RemoteCommand {
  readonly text: string;
  /** On stdout, first: the process id. Undefined where the text runs as it is. */
  readonly begin: RegExp | undefined;
  /** On stderr: the exit status, for transports that do not tell it exactly. */
  readonly end: RegExp | undefined;
}

/** For an account without a shell of its own that can be relied on: nothing but the command. */
export function bareCommand(command: CommandLine, options: ResolvedOptions): RemoteCommand {
  return { text: inShell(command, options, posixDialect), begin: undefined, end: undefined };
}

/**
 * The command with its surroundings, in the dialect of the login shell that will read it: the environment, the folder,
 * and a first line of output that tells the process id, by which a kill finds the process group.
 */
export function wrappedCommand(
  command: CommandLine,
  options: ResolvedOptions,
  { dialect, shell }: { dialect: ShellDialect; shell: string },
  treeId: string,
  exactEndings: boolean,
): RemoteCommand {
  const mark = `${separator}${randomBytes(6).toString('hex')}`;
  const lines = [dialect.setVariable(treeVariable, treeId)];
  for (const [name, value] of Object.entries(options.env ?? {})) lines.push(dialect.setVariable(name, value));
  if (options.cwd !== undefined) lines.push(dialect.changeFolder(options.cwd));
  const inner = inShell(command, options, dialect);
  const begin = new RegExp(`${mark}:(\\d+)\\r?\\n`);
  if (exactEndings) {
    lines.push(`echo "${mark}:"${dialect.processId}`, inner);
    return { text: lines.join('\n'), begin, end: undefined };
  }
  lines.push(
    `exec /bin/sh -c ${dialect.quote(watched(mark))} rookery ${dialect.quote(shell)} ${dialect.quote(inner)}`,
  );
  return { text: lines.join('\n'), begin, end: new RegExp(`${mark}=(\\d+)(s?)\\r?\\n`) };
}

function inShell(command: CommandLine, options: ResolvedOptions, dialect: ShellDialect): string {
  const text = command.render((word) => dialect.quote(word));
  return typeof options.shell === 'string'
    ? `exec ${dialect.quote(options.shell)} -c ${dialect.quote(text)}`
    : text;
}

/**
 * A shell around the command that says how it ended: `ssh` itself exits with 255 for its own failures, for a command that
 * exits with 255 and for one that was killed. A status above 128 means a signal, unless this shell, which remarks on such
 * deaths (as dash does for most signals), has not remarked on this one: then it is an exit code.
 */
function watched(mark: string): string {
  return `echo "${mark}:$$"
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
