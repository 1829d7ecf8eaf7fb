import { checkCommand, resolveCommand } from './command.js';
import type { Command } from './command.js';
import { quotePosix, InvalidArgument } from '../util/index.js';
import { ProcessBase } from './base.js';
import type { Launched } from './launcher.js';
import { launchLocally } from './local-launcher.js';
import { resolveOptions } from './options.js';
import type { ProcessOptions } from './options.js';

/**
 * A process on this machine. Text runs in `/bin/sh`, a list of words runs directly.
 * @example
 * const p = await new Process('ls -l /etc').run();
 * if (p.ok) console.log(p.stdout);
 */
export class Process extends ProcessBase {
  readonly host = undefined;

  constructor(command: Command, options: ProcessOptions = {}) {
    const resolved = resolveOptions('new Process()', options, false);
    checkCommand(command);
    const line = resolveCommand(command, { index: 0 });
    if (resolved.shell === false && line.argv === undefined) {
      throw new InvalidArgument(
        `new Process(): without a shell the command must be a list of words, not ${JSON.stringify(command)}`,
      );
    }
    super(line, resolved);
  }

  protected override launch(): Promise<Launched> {
    return launchLocally(this.commandLine, this.options, quotePosix);
  }
}
