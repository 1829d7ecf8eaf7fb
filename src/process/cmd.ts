import type { Host } from '../host/index.js';
import { InvalidArgument, show } from '../util/index.js';

/** What one host gets in place of a `${...}` of {@link cmd}. */
export type CommandWord = string | number | bigint | Host | CommandTemplate | RawText;
/** Called once per host, when the process or action is constructed, with the host and its place (from 0) in the list. */
export type WordFunction = (host: Host, index: number) => CommandWord;
/** What may stand in a `${...}` of {@link cmd}. */
export type CommandValue = CommandWord | readonly CommandWord[] | WordFunction;

/** Text that goes into a command as it is; made by {@link raw}. */
export class RawText {
  readonly value: string | number | bigint | readonly (string | number | bigint)[] | WordFunction;
  constructor(value: RawText['value']) {
    this.value = value;
  }
}

/**
 * Takes a value out of the quoting of {@link cmd}: its text becomes part of the shell's program.
 * Arrays and functions still give each host its own. Never use it on text that comes from elsewhere.
 */
export function raw(value: RawText['value']): RawText {
  checkValue(value, 'raw()');
  return new RawText(value);
}

/** A command with `${...}` in it that are filled in per host; made by {@link cmd}. */
export class CommandTemplate {
  readonly strings: readonly string[];
  readonly values: readonly CommandValue[];
  constructor(strings: readonly string[], values: readonly CommandValue[]) {
    this.strings = strings;
    this.values = values;
  }

  /** The template as it was written, for error messages. */
  toString(): string {
    return this.strings.reduce((text, part, i) => `${text}\${${shortName(this.values[i - 1])}}${part}`);
  }
}

/**
 * A command for one or many hosts, as a tagged template. Each `${...}` becomes one word, quoted for the shell that gets it:
 * a string or number is that word for every host, a `Host` gives its address, an array gives element `i % length` to host `i`,
 * a function is called with `(host, i)`, a nested `` cmd`...` `` is put in as a fragment, and {@link raw} opts out of quoting.
 * Do not put quotes around a `${...}`: that is refused, because it would undo the quoting.
 *
 * @example
 * new Remote(cmd`iperf -c ${servers} -p ${(_, i) => 5000 + i}`, clients)
 */
export function cmd(strings: TemplateStringsArray, ...values: CommandValue[]): CommandTemplate {
  // A bad escape, such as \u without digits, leaves `undefined` in the cooked strings.
  const bad = strings.findIndex((text) => (text as string | undefined) === undefined);
  if (bad >= 0) throw new InvalidArgument(`cmd: invalid escape sequence in ${show(strings.raw[bad])}`);
  values.forEach((value, i) => checkValue(value, `cmd: value ${i + 1}`));
  return new CommandTemplate([...strings], Object.freeze([...values]));
}

/** True for a `Host`, or whatever else has an address. */
export function isHost(value: unknown): value is Host {
  return (
    typeof value === 'object' && value !== null && 'address' in value && typeof value.address === 'string'
  );
}

/** Throws InvalidArgument unless the value is one that {@link cmd} takes. */
export function checkValue(value: unknown, what: string): asserts value is CommandValue {
  if (typeof value === 'function') return;
  if (!Array.isArray(value)) return checkWord(value, what);
  if (value.length === 0)
    throw new InvalidArgument(`${what} is an empty array; it must have a value for each host`);
  value.forEach((item, i) => checkWord(item, `${what}[${i}]`));
}

/** Throws InvalidArgument unless the value can be one host's word. */
export function checkWord(value: unknown, what: string): asserts value is CommandWord {
  if (typeof value === 'string') {
    if (value.includes('\0')) throw new InvalidArgument(`${what} contains a NUL character: ${show(value)}`);
    return;
  }
  if ((typeof value === 'number' && Number.isFinite(value)) || typeof value === 'bigint') return;
  if (value instanceof CommandTemplate || value instanceof RawText || isHost(value)) return;
  throw new InvalidArgument(
    `${what} must be a string, a finite number, a Host, cmd\`...\`, raw(), an array of these or a function, not ${show(value)}`,
  );
}

function shortName(value: CommandValue | undefined): string {
  if (isHost(value)) return value.address;
  if (value instanceof CommandTemplate) return 'cmd';
  if (value instanceof RawText) return 'raw';
  return show(value);
}
