import { isIPv6 } from 'node:net';
import { InvalidArgument, show } from '../util/index.js';

/** One name of a host list expression, ranges not yet expanded; positions are counted from 0 here and shown from 1. */
export interface RangedName {
  readonly name: string;
  readonly negated: boolean;
  readonly position: number;
}

/** Most names that one expression may stand for: more is a slip of the keyboard. */
export const mostNames = 1_000_000;

/** Splits at commas and white space outside of brackets. */
export function splitNames(text: string, place: string): RangedName[] {
  const names: RangedName[] = [];
  let start = 0;
  let open = -1;
  for (let at = 0; at <= text.length; at++) {
    const char = text[at] ?? ',';
    if (open >= 0 && at < text.length) {
      if (char === ']') open = -1;
      if (char === '[') throw fail(place, text, at, 'a bracket opens inside another');
    } else if (open >= 0) throw fail(place, text, open, 'this bracket is not closed');
    else if (char === '[') open = at;
    else if (char === ']') throw fail(place, text, at, 'this bracket was not opened');
    else if (/[\s,]/.test(char)) {
      const word = text.slice(start, at);
      const negated = word.startsWith('!');
      if (negated && word.length === 1) throw fail(place, text, start, "'!' needs a name after it");
      if (word !== '')
        names.push({ name: negated ? word.slice(1) : word, negated, position: start + Number(negated) });
      start = at + 1;
    }
  }
  return names;
}

/** Every name that a name with ranges stands for, the last range running fastest. */
export function expandNames(name: string, text: string, position: number, place: string): string[] {
  const pieces: (readonly string[])[] = [];
  const bracket = /\[([^\]]*)\]/g;
  let end = 0;
  let total = 1;
  for (const match of name.matchAll(bracket)) {
    const content = match[1] ?? '';
    if (isIPv6(content)) continue; // An address in brackets, kept as it is.
    pieces.push([name.slice(end, match.index)]);
    const values = expandRanges(content, position + match.index + 1, (at, problem) =>
      fail(place, text, at, problem),
    );
    total *= values.length;
    if (total > mostNames) {
      throw fail(
        place,
        text,
        position,
        `${show(name)} stands for more than ${mostNames.toLocaleString('en')} names`,
      );
    }
    pieces.push(values);
    end = match.index + match[0].length;
  }
  pieces.push([name.slice(end)]);
  return pieces.reduce<readonly string[]>(
    (heads, tails) => heads.flatMap((head) => tails.map((tail) => head + tail)),
    [''],
  ) as string[];
}

function expandRanges(
  content: string,
  start: number,
  failAt: (at: number, problem: string) => InvalidArgument,
): string[] {
  const values: string[] = [];
  let at = start;
  for (const part of content.split(',')) {
    const match = /^\s*(\d{1,15})(?:-(\d{1,15})(?:\/(\d{1,9}))?)?\s*$/.exec(part);
    if (!match) throw failAt(at, `expected a number or a range like 01-16 or 1-9/2, not ${show(part)}`);
    const [, low = '', high = low, step = '1'] = match;
    const [from, to, by] = [Number(low), Number(high), Number(step)];
    if (to < from) throw failAt(at, `the range ${part.trim()} runs backwards`);
    if (by === 0) throw failAt(at, `the range ${part.trim()} has a step of 0`);
    if ((to - from) / by + values.length > mostNames) {
      throw failAt(
        at,
        `the range ${part.trim()} stands for more than ${mostNames.toLocaleString('en')} names`,
      );
    }
    // A leading zero, in either bound, asks for padding.
    const width = low.startsWith('0') ? low.length : high.startsWith('0') ? high.length : 1;
    for (let value = from; value <= to; value += by) values.push(String(value).padStart(width, '0'));
    at += part.length + 1;
  }
  return values;
}

function fail(place: string, text: string, at: number, problem: string): InvalidArgument {
  return new InvalidArgument(`${place} ${show(text)}, position ${at + 1}: ${problem}`);
}
