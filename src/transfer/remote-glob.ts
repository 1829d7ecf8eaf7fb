import { quotePosix } from '../util/index.js';

/** A word of a POSIX shell command in which only `*`, `?` and `[...]` keep their meaning. */
export function globWord(path: string): string {
  // A word that began with a dash or a tilde would be more than a path.
  const safe = /^[-~]/.test(path) ? `./${path}` : path;
  return safe
    .split(/([*?]|\[[^\][/]*\])/)
    .map((part, i) =>
      i % 2 === 1 ? part.replace(/[^\w*?[\]!^.-]/g, '\\$&') : part === '' ? '' : quotePosix(part),
    )
    .join('');
}

/** Whether a name matches a pattern of the shell (POSIX.1-2017, XCU 2.13). */
export function matchesGlob(pattern: string, name: string): boolean {
  if (pattern === name) return true;
  if (name.startsWith('.') && !pattern.startsWith('.')) return false;
  const source = pattern
    .split(/([*?]|\[[^\][/]*\])/)
    .map((part, i) => {
      if (i % 2 === 0) return part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
      if (part === '*') return '.*';
      if (part === '?') return '.';
      return `[${part
        .slice(1, -1)
        .replace(/^[!^]/, '^')
        .replace(/[\\[\]]/g, '\\$&')}]`;
    })
    .join('');
  return new RegExp(`^${source}$`, 's').test(name);
}
