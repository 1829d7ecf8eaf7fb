import { StringDecoder } from 'node:string_decoder';
import { InvalidArgument, RookeryError, formatDuration, show } from '../util/index.js';

export type StreamName = 'stdout' | 'stderr';

/** What `expect()` found: which of the patterns, the match, and where. */
export interface ExpectResult {
  /** Position of the pattern in the list. */
  readonly index: number;
  readonly match: RegExpExecArray;
  readonly stream: StreamName;
}

/** Characters of unmatched text in which a match may begin; older text is given up. 1 MiB. */
const windowSize = 1024 * 1024;
/** A match that arrives in several chunks may be this long; bounds the cost of searching again. 64 KiB. */
const longestMatch = 64 * 1024;

interface Waiter {
  readonly patterns: readonly RegExp[];
  readonly streams: readonly StreamName[];
  readonly settle: (result: ExpectResult | RookeryError) => void;
}

/** The text of one stream that no `expect()` has consumed yet. */
class Unmatched {
  #decoder = new StringDecoder('utf8');
  text = '';
  searched = 0;
  ended = false;

  append(chunk: Buffer): void {
    this.text += this.#decoder.write(chunk);
    if (this.text.length > 2 * windowSize) this.consume(this.text.length - windowSize);
  }
  consume(length: number): void {
    this.text = this.text.slice(length);
    this.searched = 0;
  }
}

/** Looks for patterns in the output of a process as it comes. Waiters are served in the order they came. */
export class Expecter {
  readonly #unmatched: Record<StreamName, Unmatched> = { stdout: new Unmatched(), stderr: new Unmatched() };
  readonly #waiters: Waiter[] = [];

  push(stream: StreamName, chunk: Buffer): void {
    this.#unmatched[stream].append(chunk);
    if (this.#waiters.length > 0) this.#search();
  }

  /** No more output can come on `stream`. */
  end(stream: StreamName): void {
    this.#unmatched[stream].ended = true;
    this.#search();
  }

  expect(
    patterns: readonly RegExp[],
    streams: readonly StreamName[],
    timeout: number | undefined,
    fromNow: boolean,
    what: string,
  ): Promise<ExpectResult> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const waiter: Waiter = {
        patterns,
        streams,
        settle: (result) => {
          clearTimeout(timer);
          const at = this.#waiters.indexOf(waiter);
          if (at >= 0) this.#waiters.splice(at, 1);
          if (result instanceof RookeryError) reject(result);
          else resolve(result);
        },
      };
      if (fromNow)
        for (const stream of streams) this.#unmatched[stream].consume(this.#unmatched[stream].text.length);
      for (const stream of streams) this.#unmatched[stream].searched = 0;
      this.#waiters.push(waiter);
      if (timeout !== undefined) {
        timer = setTimeout(() => {
          const message = `${what}: no match for ${patterns.join(' or ')} within ${formatDuration(timeout)}`;
          waiter.settle(new RookeryError('ERR_EXPECT_TIMEOUT', message));
        }, timeout);
      }
      this.#search(what);
    });
  }

  #search(what = 'expect'): void {
    for (let waiter = this.#waiters[0]; waiter; waiter = this.#waiters[0]) {
      const found = this.#find(waiter);
      if (found) {
        waiter.settle(found);
      } else if (waiter.streams.every((stream) => this.#unmatched[stream].ended)) {
        waiter.settle(
          new RookeryError(
            'ERR_EXPECT_END',
            `${what}: the output ended before a match for ${waiter.patterns.join(' or ')}`,
          ),
        );
      } else return;
    }
  }

  #find(waiter: Waiter): ExpectResult | undefined {
    for (const stream of waiter.streams) {
      const unmatched = this.#unmatched[stream];
      const from = Math.max(0, unmatched.searched - longestMatch);
      const text = from > 0 ? unmatched.text.slice(from) : unmatched.text;
      let best: ExpectResult | undefined;
      for (const [index, pattern] of waiter.patterns.entries()) {
        pattern.lastIndex = 0;
        const match = pattern.exec(text);
        // Of several patterns the one that matches earliest in the text wins, then the first in the list.
        if (match && (!best || match.index < best.match.index)) best = { index, match, stream };
      }
      if (best) {
        unmatched.consume(from + best.match.index + best.match[0].length);
        return best;
      }
      unmatched.searched = unmatched.text.length;
    }
    return undefined;
  }
}

/** Patterns as given by the user: a string is searched literally. */
export function toPatterns(patterns: unknown): readonly RegExp[] {
  const list: unknown[] = Array.isArray(patterns) ? patterns : [patterns];
  if (list.length === 0) throw new InvalidArgument('expect() needs at least one pattern');
  return list.map((pattern) => {
    if (pattern instanceof RegExp) {
      // 'g' and 'y' make exec() remember where it was, which would skip text here.
      return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
    }
    if (typeof pattern === 'string' && pattern !== '')
      return new RegExp(pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    throw new InvalidArgument(
      `expect() takes regular expressions and non-empty strings, not ${show(pattern)}`,
    );
  });
}
