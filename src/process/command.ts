import { Host } from '../host/index.js';
import { InvalidArgument, quotePosix, show } from '../util/index.js';
import { CommandTemplate, checkWord, isHost, RawText, type CommandValue } from './cmd.js';
import { checkPlaceholders, expandPlaceholders, type Vars } from './placeholders.js';
import { checkQuoting } from './shell-syntax.js';

/**
 * What to run. A string is the text of a shell command, left as it is. A list is a program and its arguments, each of which
 * reaches the program unchanged. `` cmd`...` `` is shell text with quoted values in it, possibly different for each host.
 * A {@link CommandLine} is one of these with everything filled in.
 */
export type Command = string | readonly string[] | CommandTemplate | CommandLine;

/** A piece of a command: shell text as it is, or one word that is still to be quoted. */
export type CommandPart = { readonly text: string } | { readonly word: string };

/** For whom a command is resolved. */
export interface CommandContext {
  /** Default: `localhost`. */
  readonly host?: Host;
  /** Place of the host, or of the command, in its list; from 0. */
  readonly index: number;
  /** Values of `{{name}}` in strings and lists. Without it, braces are left as they are. */
  readonly vars?: Vars;
}

/** Words that a shell takes for syntax when they stand, unquoted, where a command begins. */
const reserved =
  /^(?:if|then|else|elif|fi|do|done|case|esac|while|until|for|foreach|in|time|function|select|coproc|repeat|switch|begin|end|and|or|not)$/;

/**
 * A command with everything filled in. Words are quoted as late as possible, because only the login shell of a host
 * decides how: POSIX, csh or fish.
 */
export class CommandLine {
  readonly parts: readonly CommandPart[];
  /** The program and its arguments, when the command was given as a list. */
  readonly argv: readonly string[] | undefined;

  constructor(command: Command | { readonly parts: readonly CommandPart[] }) {
    if (typeof command === 'string') {
      this.parts = [{ text: command }];
    } else if (Array.isArray(command)) {
      this.argv = Object.freeze(command.map(checkArgument));
      this.parts = this.argv.flatMap((word, i) => (i === 0 ? [{ word }] : [{ text: ' ' }, { word }]));
    } else if (command instanceof CommandTemplate) {
      this.parts = templateParts(command, { index: 0 });
    } else if (command instanceof CommandLine) {
      this.parts = command.parts;
      this.argv = command.argv;
      return;
    } else if (typeof command === 'object' && command !== null && 'parts' in command) {
      this.parts = command.parts;
    } else {
      throw new InvalidArgument(
        `a command must be a string, a list of strings or cmd\`...\`, not ${show(command)}`,
      );
    }
    checkParts(this.parts);
    Object.freeze(this.parts);
  }

  /** The text for a shell, with each word quoted by the given function. */
  render(quote: (word: string) => string): string {
    let line = '';
    this.parts.forEach((part, i) => {
      if ('text' in part) {
        line += part.text;
        return;
      }
      const quoted = quote(part.word);
      const next = this.parts[i + 1];
      // Words that need no quotes by themselves can still merge with what stands beside them: $HOME|abc, 2|>file, or be syntax.
      const merges =
        /\$\w*$/.test(line) ||
        (/^\d+$/.test(part.word) && next !== undefined && 'text' in next && /^[<>]/.test(next.text)) ||
        reserved.test(part.word);
      line += quoted === part.word && merges ? `'${quoted}'` : quoted;
    });
    return line;
  }

  /** The command as one would type it into a POSIX shell. */
  toString(): string {
    return this.render(quotePosix);
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `CommandLine(${this.toString()})`;
  }
}

/**
 * Fills in what a command leaves open for one host. `` cmd`...` `` is always filled in; `{{{host}}}`, `{{{index}}}` and
 * `{{name}}` only with `vars`, as actions give them: in the command of a single process, braces are braces.
 */
export function resolveCommand(command: Command, context: CommandContext): CommandLine {
  if (command instanceof CommandLine) return command;
  if (command instanceof CommandTemplate) return new CommandLine({ parts: templateParts(command, context) });
  if (context.vars === undefined) return new CommandLine(command);
  const expand = (text: string) => expandPlaceholders(text, context);
  if (typeof command === 'string') return new CommandLine(expand(command));
  return new CommandLine(
    Array.isArray(command) ? command.map((item, i) => expand(checkArgument(item, i))) : command,
  );
}

/**
 * Throws InvalidArgument for a command that no host could be given: empty, of the wrong type, with a NUL character, and, when
 * `vars` are given, with a `{{name}}` that is not among them. Functions are not called.
 */
export function checkCommand(command: Command, vars?: Vars): void {
  if (command instanceof CommandLine) return;
  if (command instanceof CommandTemplate) return checkTemplate(command);
  const texts =
    typeof command === 'string' ? [command] : Array.isArray(command) ? command.map(checkArgument) : [];
  if (vars) for (const text of texts) checkPlaceholders(text, vars);
  void new CommandLine(command);
}

function hostOf(context: CommandContext): Host {
  return context.host ?? new Host('localhost');
}

function templateParts(template: CommandTemplate, context: CommandContext): CommandPart[] {
  const parts: CommandPart[] = [];
  fill(template, context, parts);
  checkQuoting(parts, String(template));
  return parts;
}

function fill(template: CommandTemplate, context: CommandContext, parts: CommandPart[]): void {
  template.strings.forEach((text, i) => {
    if (text !== '') parts.push({ text });
    const value = template.values[i];
    if (value !== undefined) fillValue(value, context, parts, false);
  });
}

function fillValue(
  value: CommandValue | RawText['value'],
  context: CommandContext,
  parts: CommandPart[],
  asText: boolean,
): void {
  const word = choose(value, context);
  if (word instanceof CommandTemplate) fill(word, context, parts);
  else if (word instanceof RawText) fillValue(word.value, context, parts, true);
  else {
    const text = isHost(word) ? word.address : String(word);
    parts.push(asText ? { text } : { word: text });
  }
}

/** This host's element of an array, or result of a function. */
function choose(value: CommandValue | RawText['value'], context: CommandContext) {
  if (typeof value === 'function') {
    const result: unknown = value(hostOf(context), context.index);
    checkWord(result, `cmd: what the function returned for host ${context.index}`);
    return result;
  }
  if (!Array.isArray(value)) return value as Exclude<typeof value, readonly unknown[]>;
  const item: unknown = value[context.index % value.length];
  checkWord(item, `cmd: element ${context.index % value.length}`);
  return item;
}

/** Checks what can be known of a template before functions are called: they stand as an innocent word. */
function checkTemplate(template: CommandTemplate): void {
  const still = (value: CommandValue): CommandValue => {
    if (typeof value === 'function') return 'x';
    if (value instanceof RawText && typeof value.value === 'function') return 'x';
    return value instanceof CommandTemplate
      ? new CommandTemplate(value.strings, value.values.map(still))
      : value;
  };
  templateParts(still(template) as CommandTemplate, { index: 0 });
}

function checkArgument(item: unknown, index: number): string {
  if (typeof item === 'string') return item;
  throw new InvalidArgument(
    `a command given as a list must hold strings only; element ${index} is ${show(item)}`,
  );
}

function checkParts(parts: readonly CommandPart[]): void {
  const first = parts.find((part) => 'word' in part || part.text.trim() !== '');
  if (first === undefined)
    throw new InvalidArgument(
      `a command cannot be empty: ${show(parts.map((p) => Object.values(p)[0]).join(''))}`,
    );
  if ('word' in first && first.word === '' && firstWordEnds(parts, first)) {
    throw new InvalidArgument(
      `a command cannot begin with an empty word: ${show(parts.map((p) => Object.values(p)[0]).join(''))}`,
    );
  }
  for (const part of parts) {
    const text = 'word' in part ? part.word : part.text;
    if (text.includes('\0'))
      throw new InvalidArgument(`a command cannot contain a NUL character: ${show(text)}`);
  }
}

function firstWordEnds(parts: readonly CommandPart[], first: CommandPart): boolean {
  const next = parts[parts.indexOf(first) + 1];
  return next === undefined || ('text' in next && /^\s/.test(next.text));
}
