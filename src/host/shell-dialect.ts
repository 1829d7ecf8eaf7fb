import { quoteCsh, quoteFish, quotePosix } from '../util/index.js';

/** What differs between the login shells of remote accounts. */
export interface ShellDialect {
  readonly name: 'posix' | 'csh' | 'fish';
  quote(word: string): string;
  /** A statement that sets an exported variable; `undefined` unsets it. */
  setVariable(name: string, value: string | undefined): string;
  /** A statement that changes the folder, or ends the shell with status 1. */
  changeFolder(path: string): string;
  /** The process id of the shell. */
  readonly processId: string;
}

const posix: ShellDialect = {
  name: 'posix',
  quote: quotePosix,
  setVariable: (name, value) =>
    value === undefined ? `unset ${name}` : `${name}=${quotePosix(value)};export ${name}`,
  changeFolder: (path) => `cd -- ${quotePosix(path)}||exit 1`,
  processId: '$$',
};
const csh: ShellDialect = {
  name: 'csh',
  quote: quoteCsh,
  setVariable: (name, value) =>
    value === undefined ? `unsetenv ${name}` : `setenv ${name} ${quoteCsh(value)}`,
  // Neither a failed cd nor `exit` ends a script of tcsh -c, but exec does.
  changeFolder: (path) => {
    const folder = quoteCsh(path.startsWith('-') ? `./${path}` : path);
    return `if (! -d ${folder} || ! -x ${folder}) exec /bin/sh -c 'cd "$0" || exit 1' ${folder}\ncd ${folder}`;
  },
  processId: '$$',
};
const fish: ShellDialect = {
  name: 'fish',
  quote: quoteFish,
  setVariable: (name, value) =>
    value === undefined ? `set -e ${name}` : `set -gx ${name} ${quoteFish(value)}`,
  changeFolder: (path) => `cd -- ${quoteFish(path)}; or exit 1`,
  processId: '$fish_pid',
};

/** The dialect of a login shell, by the name of its program; undefined for one that cannot be relied on. */
export function dialectOf(shell: string): ShellDialect | undefined {
  const name = shell.slice(shell.lastIndexOf('/') + 1);
  if (/^(sh|dash|bash|zsh|ksh|ksh93|mksh|ash|busybox)$/.test(name)) return posix;
  if (/^t?csh$/.test(name)) return csh;
  return name === 'fish' ? fish : undefined;
}
export const posixDialect = posix;
