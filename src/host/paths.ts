import { readFileSync, readdirSync, statSync, type Stats } from 'node:fs';
import { homedir, hostname, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { wildcard } from './patterns.js';

/** Absolute path, with `~` as the home folder. */
export function expandPath(path: string): string {
  if (path === '~') return homedir();
  return resolve(path.startsWith('~/') ? join(homedir(), path.slice(2)) : path);
}

/** Shows a path for people: `~/.ssh/config`. */
export function shortPath(path: string): string {
  const home = homedir();
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}

/** What the tokens `%h`, `%n` … of ssh_config(5) stand for. */
export interface TokenValues {
  readonly host: string;
  readonly alias: string;
  readonly port: number;
  readonly user: string;
  readonly hostKeyName?: string;
}

/** Replaces `%h %n %p %r %u %d %i %k %l %L %%` and `${VARIABLE}`. `fail` makes the error for anything else. */
export function expandTokens(text: string, values: TokenValues, fail: (problem: string) => Error): string {
  if (!/[%$]/.test(text)) return text;
  return text.replace(
    /%(.?)|\$\{(\w*)\}/gs,
    (whole, token: string | undefined, variable: string | undefined) => {
      if (variable !== undefined) {
        const value = process.env[variable];
        if (value === undefined) throw fail(`the environment has no variable ${variable}`);
        return value;
      }
      switch (token) {
        case '%':
          return '%';
        case 'h':
          return values.host;
        case 'n':
          return values.alias;
        case 'p':
          return String(values.port);
        case 'r':
          return values.user;
        case 'k':
          return values.hostKeyName ?? values.alias;
        case 'u':
          return localUser();
        case 'd':
          return homedir();
        case 'i':
          return String(process.getuid?.() ?? '');
        case 'l':
          return hostname();
        case 'L':
          return hostname().split('.')[0] ?? '';
        default:
          throw fail(`the token ${whole} is not known`);
      }
    },
  );
}

let localUserName: string | undefined;
/** Name of the user who runs this program. */
export function localUser(): string {
  // userInfo() reads the system's user database; a thousand hosts ask for it at once.
  localUserName ??= readUserName();
  return localUserName;
}
function readUserName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without an account, as in some containers.
    return process.env['USER'] ?? process.env['LOGNAME'] ?? 'unknown';
  }
}

/** Says whether a file is the same as last time, without reading it; undefined when there is none. */
export function fileStamp(path: string): string | undefined {
  let stats: Stats | undefined;
  try {
    stats = statSync(path, { throwIfNoEntry: false });
  } catch {
    return 'unreadable';
  }
  return stats && `${stats.mtimeMs}:${stats.size}:${stats.ino}`;
}

/** Keeps what was made of a file until the file changes. */
export class FileCache<T> {
  readonly #entries = new Map<string, { stamp: string | undefined; value: T }>();
  readonly #load: (content: string | undefined, path: string) => T;

  /** @param load gets the content, or undefined when there is no such file; reading errors are passed on. */
  constructor(load: (content: string | undefined, path: string) => T) {
    this.#load = load;
  }

  get(path: string): T {
    const stamp = fileStamp(path);
    const entry = this.#entries.get(path);
    if (entry && entry.stamp === stamp) return entry.value;
    const value = this.#load(stamp === undefined ? undefined : readFileSync(path, 'utf8'), path);
    this.#entries.set(path, { stamp, value });
    return value;
  }

  /** Forgets a file that this process has just changed: its stamp may be too coarse to tell. */
  forget(path: string): void {
    this.#entries.delete(path);
  }
}

/**
 * Files that match an absolute path with `*`, `?` and `[…]` in any part, sorted; and the folders that were looked through, so that
 * the answer can be cached.
 */
export function globFiles(pattern: string): { files: string[]; folders: string[] } {
  const folders: string[] = [];
  let found = ['/'];
  for (const part of pattern.split('/').filter((p) => p !== '')) {
    if (!/[*?[]/.test(part)) {
      found = found.map((folder) => join(folder, part));
      continue;
    }
    const matches = globPart(part);
    found = found.flatMap((folder) => {
      folders.push(folder);
      return listFolder(folder)
        .filter(matches)
        .map((name) => join(folder, name));
    });
  }
  const files = found.filter((path) => fileStamp(path) !== undefined).sort();
  return { files, folders: folders.length > 0 ? folders : found.map(dirname) };
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function globPart(part: string): (name: string) => boolean {
  const hidden = part.startsWith('.');
  const simple = !part.includes('[');
  const test = simple ? wildcard(part) : regExpOf(part);
  return (name) => (hidden || !name.startsWith('.')) && test(name);
}
function regExpOf(part: string): (name: string) => boolean {
  const source = part.replace(
    /\[(!?)([^\]]+)\]|[*?]|[^*?[]+|\[/g,
    (piece, not: string, set: string | undefined) => {
      if (set !== undefined) return `[${not ? '^' : ''}${set.replace(/[\\\]^]/g, '\\$&')}]`;
      if (piece === '*') return '.*';
      if (piece === '?') return '.';
      return piece.replace(/[.+^${}()|[\]\\]/g, '\\$&');
    },
  );
  const expression = new RegExp(`^${source}$`, 's');
  return (name) => expression.test(name);
}
