import { InvalidArgument, show } from './errors.js';

/** Quotes text as one word for a POSIX shell (sh, dash, bash, zsh, ksh). NUL is refused: no process can be given it. */
export function quotePosix(word: string): string {
  refuseNul(word);
  if (/^[\w%+,./:=@-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The same for csh and tcsh, where `!` and a newline stay special inside quotes. */
export function quoteCsh(word: string): string {
  refuseNul(word);
  if (/^[\w%+,./:@-]+$/.test(word)) return word;
  return `'${word.replace(/['!\n]/g, (c) => (c === "'" ? `'\\''` : `\\${c}`))}'`;
}

/** The same for fish, where a backslash stays special inside quotes. */
export function quoteFish(word: string): string {
  refuseNul(word);
  if (/^[\w+,./:=@-]+$/.test(word)) return word;
  return `'${word.replace(/['\\]/g, '\\$&')}'`;
}

function refuseNul(word: string): void {
  if (word.includes('\0'))
    throw new InvalidArgument(`a command cannot contain a NUL character: ${show(word)}`);
}
