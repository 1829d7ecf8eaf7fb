import { InvalidArgument } from '../util/index.js';
import type { CommandPart } from './command.js';

type Mode = 'double' | 'single' | 'ansi' | 'backtick' | 'comment' | 'here' | 'arithmetic' | 'substitution';

/** Where a quoted word would not stay one word, and what to do about it. */
const dangers: Partial<Record<Mode, string>> = {
  double: 'inside double quotes; remove the quotes, each value is quoted by itself',
  single: 'inside single quotes; remove the quotes, each value is quoted by itself',
  ansi: "inside $'...'; remove the quotes, each value is quoted by itself",
  backtick: 'inside backticks; use $(...) instead',
  comment: 'inside a comment',
  here: 'in a here-document; hand the text over by stdin or an environment variable instead',
  arithmetic: 'inside $((...)); a number can be put there with raw()',
};

/**
 * Refuses words where quoting them cannot protect them: within quotes, backticks, comments, here-documents and arithmetic, or
 * after a lone backslash or dollar. It follows the grammar of POSIX shells (XCU 2.2, 2.6, 2.7.4) closely enough for that:
 * what it does not understand it takes for plain text.
 */
export function checkQuoting(parts: readonly CommandPart[], template: string): void {
  const scanner = new Scanner();
  for (const part of parts) {
    if ('text' in part) {
      scanner.read(part.text);
      continue;
    }
    const danger = scanner.danger();
    if (danger) throw new InvalidArgument(`cmd: a value stands ${danger}: ${template}`);
    scanner.previous = 'x';
  }
}

class Scanner {
  /** The character before, with `''` for one that was escaped. */
  previous = '\n';
  readonly #modes: Mode[] = [];
  #escaping = false;
  #hereDocument = false;

  danger(): string | undefined {
    const nested =
      this.#modes.find((mode) => mode === 'backtick' || mode === 'arithmetic') ?? this.#modes.at(-1);
    if (nested && dangers[nested]) return dangers[nested];
    if (this.#escaping) return 'after a backslash, which would escape its quotes';
    if (this.previous === '$')
      return 'after a lone $, which would change the meaning of its quotes; write \\$ for a dollar';
    return undefined;
  }

  read(text: string): void {
    for (let i = 0; i < text.length; i++) i += this.#step(text.charAt(i), text, i);
  }

  /** Takes one character; returns how many more it took. */
  #step(c: string, text: string, i: number): number {
    if (this.#escaping) {
      this.#escaping = false;
      this.previous = '';
      return 0;
    }
    const mode = this.#modes.at(-1);
    const before = this.previous;
    this.previous = c;
    if (mode === 'here') return 0;
    if (mode === 'comment') {
      if (c === '\n') this.#modes.pop();
      return 0;
    }
    if (mode === 'single') {
      if (c === "'") this.#close();
      return 0;
    }
    if (c === '\\') this.#escaping = true;
    else if (mode === 'ansi') {
      if (c === "'") this.#close();
    } else if (c === '"') {
      if (mode === 'double') this.#close();
      else this.#modes.push('double');
    } else if (c === '`') {
      if (mode === 'backtick') this.#close();
      else this.#modes.push('backtick');
    } else if (c === '(' && (before === '$' || (text[i + 1] === '(' && mode !== 'double'))) {
      const arithmetic = text[i + 1] === '(';
      this.#modes.push(arithmetic ? 'arithmetic' : 'substitution');
      return arithmetic ? 1 : 0;
    } else if (mode !== 'double') return this.#plain(c, before, mode, text, i);
    return 0;
  }

  #plain(c: string, before: string, mode: Mode | undefined, text: string, i: number): number {
    if (c === "'") this.#modes.push(before === '$' ? 'ansi' : 'single');
    else if (c === '#' && /[\s;&|()]/.test(before)) this.#modes.push('comment');
    else if (c === '(' && mode) this.#modes.push('substitution');
    else if (c === ')' && mode === 'arithmetic') {
      this.#close();
      return text[i + 1] === ')' ? 1 : 0;
    } else if (c === ')' && mode === 'substitution') this.#close();
    else if (c === '<' && text[i + 1] === '<' && !this.#modes.includes('arithmetic')) {
      if (text[i + 2] === '<') return 2;
      this.#hereDocument = true;
      return 1;
    } else if (c === '\n' && this.#hereDocument) this.#modes.push('here');
    return 0;
  }

  #close(): void {
    this.#modes.pop();
    this.previous = 'x';
  }
}
