import { CommandLine, CommandTemplate, Process, type Command } from '../process/index.js';
import { checkOptions, InvalidArgument, show } from '../util/index.js';
import { CommandAction } from './command-action.js';
import { localOptionChecks, type CommandActionOptions } from './options.js';

/**
 * One command or several on this machine, side by side.
 *
 * A list of strings is one command, a program and its arguments, as everywhere. For several commands at least one must not be a
 * plain string: ``[cmd`make a`, cmd`make b`]`` or `[['make', 'a'], ['make', 'b']]`.
 *
 * @example
 * const builds = await new Local([['make', 'a'], ['make', 'b']], { concurrency: 2, timeout: '10m' }).run();
 */
export class Local extends CommandAction {
  constructor(command: Command | readonly Command[], options: CommandActionOptions = {}) {
    checkOptions('new Local()', options, localOptionChecks);
    const commands = toCommands(command);
    const name = commands.length === 1 ? nameOf(commands[0] as Command) : `${commands.length} commands`;
    const tasks = commands.map((one) => ({ command: one }));
    super(name, tasks, options, (line, processOptions) => new Process(line, processOptions));
  }
}

function toCommands(command: Command | readonly Command[]): readonly Command[] {
  if (!Array.isArray(command)) return [command as Command];
  const list = command as readonly Command[];
  if (list.length === 0 || list.some((item) => typeof item !== 'string')) return list;
  if (list.length > 1 && list.every((item) => /\S\s+\S/.test(item as string))) {
    throw new InvalidArgument(
      `new Local(): ${show(list)} would be one command, a program and its arguments; for several commands write ` +
        '[cmd`...`, cmd`...`], and for a program with a space in its name [[program, ...arguments]]',
    );
  }
  return [list as readonly string[]];
}

/** A command for display, before it is filled in for a host. */
export function nameOf(command: Command): string {
  if (typeof command === 'string') return command;
  if (command instanceof CommandTemplate || command instanceof CommandLine) return command.toString();
  return Array.isArray(command) ? command.map(String).join(' ') : show(command);
}
