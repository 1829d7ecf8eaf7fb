import type { Command } from 'commander';
import {
  checkOptions,
  InvalidArgument,
  isAnything,
  isEither,
  isString,
  isStringList,
  show,
} from '../util/index.js';

type Plain = string | number | boolean;

/** An option of an experiment's command line. Its type is that of its default; one without a default is text. */
export interface OptionSpec<V extends Plain = Plain> {
  default?: V;
  /** Shown by `--help`. */
  description?: string;
  /** One letter, for `-s`. */
  short?: string;
  /** The only values it may have. */
  choices?: readonly V[];
}
/** Options by their names; a plain value is its default. */
export type OptionSpecs = { readonly [name: string]: Plain | OptionSpec };
/** The values of {@link OptionSpecs}, once they have been read. */
export type OptionValues<O extends OptionSpecs> = { [K in keyof O]: ValueOf<O[K]> };
type ValueOf<S> = S extends { default: infer V } ? Wide<V> : S extends Plain ? Wide<S> : string | undefined;
type Wide<V> = V extends string ? string : V extends number ? number : V extends boolean ? boolean : never;

/** The options that every experiment has. */
export interface StandardOptions {
  continue?: string;
  results: string;
  hosts?: string;
}
export interface CommandLine {
  options: Record<string, Plain | undefined>;
  /** Names of those that were not given. */
  defaulted: Set<string>;
  standard: StandardOptions;
  words: string[];
}

const standard = ['continue', 'results', 'hosts', 'help'];

export function checkSpecs(specs: OptionSpecs): void {
  for (const [name, given] of Object.entries(specs)) {
    if (!/^[a-z][A-Za-z0-9]*$/.test(name) || standard.includes(name))
      throw new InvalidArgument(`experiment: an option cannot be called ${show(name)}`);
    const spec = specOf(given);
    checkOptions<OptionSpec>(`experiment: option ${name}`, spec, {
      default: isPlainValue,
      description: isString,
      short: (v) => (typeof v === 'string' && /^[A-Za-z]$/.test(v) && v !== 'h' ? undefined : 'one letter'),
      choices: isEither(isStringList, isAnything),
    });
  }
}
const isPlainValue = (v: unknown) =>
  ['string', 'number', 'boolean'].includes(typeof v) ? undefined : 'text, a number, true or false';
const specOf = (given: Plain | OptionSpec): OptionSpec =>
  typeof given === 'object' ? given : { default: given };
const dashed = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Reads the command line. `--help`, and what is wrong, is answered by the end of the program, as of any command. */
export async function readCommandLine(
  name: string,
  about: string,
  specs: OptionSpecs,
  argv: readonly string[],
): Promise<CommandLine> {
  const { Command, InvalidArgumentError, Option } = await import('commander');
  const program: Command = new Command(name).description(about).argument('[words...]');
  program
    .option('--continue <dir>', 'go on in the folder of an earlier run, with its options')
    .option('--results <dir>', 'where the folder of the results is made', '.')
    .option('-w, --hosts <hosts>', 'the hosts to use, such as node[1-16]');
  for (const [key, given] of Object.entries(specs)) {
    const { default: value, description = '', short, choices } = specOf(given);
    const flags = `${short ? `-${short}, ` : ''}--${dashed(key)}`;
    const option = new Option(typeof value === 'boolean' ? flags : `${flags} <value>`, description);
    if (value !== undefined) option.default(value);
    if (typeof value !== 'boolean')
      option.argParser((text: string) => {
        const read = typeof value === 'number' ? Number(text) : text;
        if (typeof read === 'number' && (text.trim() === '' || Number.isNaN(read)))
          throw new InvalidArgumentError('it must be a number');
        if (choices && !choices.includes(read))
          throw new InvalidArgumentError(`it must be one of ${choices.join(', ')}`);
        return read;
      });
    program.addOption(option);
    if (value === true) program.addOption(new Option(`--no-${dashed(key)}`));
  }
  program.parse(argv, { from: 'user' });
  const all = program.opts<Record<string, Plain | undefined>>();
  const keys = Object.keys(specs);
  return {
    options: Object.fromEntries(keys.map((key) => [key, all[key]])),
    defaulted: new Set(keys.filter((key) => (program.getOptionValueSource(key) ?? 'default') === 'default')),
    standard: all as unknown as StandardOptions,
    words: program.args,
  };
}
