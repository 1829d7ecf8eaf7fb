import type { Host } from '../host/index.js';
import {
  checkCommand,
  checkVars,
  expandPlaceholders,
  resolveCommand,
  type Command,
  type CommandContext,
  type CommandLine,
  type OutputHandler,
  type ProcessBase,
  type SshProcessOptions,
} from '../process/index.js';
import { InvalidArgument, show } from '../util/index.js';
import { Action } from './action.js';
import { processOptions, type RemoteOptions } from './options.js';
import { runWindow } from './window.js';

/** One process to be: its command, and for which host. */
export interface Task {
  readonly command: Command;
  readonly host?: Host;
}

/** An action with one process for each command and host, which run side by side, `concurrency` at a time. */
export abstract class CommandAction extends Action {
  readonly #concurrency: number;

  protected constructor(
    defaultName: string,
    tasks: readonly Task[],
    options: RemoteOptions,
    make: (command: CommandLine, options: SshProcessOptions, host: Host | undefined) => ProcessBase,
  ) {
    super(defaultName, options);
    const what = `new ${this.constructor.name}()`;
    this.#concurrency = options.concurrency ?? Infinity;
    const vars = options.vars ?? {};
    checkVars(vars, `${what}: option vars`);
    for (const command of new Set(tasks.map((task) => task.command))) checkCommand(command, vars);
    const shared = processOptions(options);
    const paths = new Set<string>();
    tasks.forEach(({ command, host }, index) => {
      const context: CommandContext = { index, vars, ...(host ? { host } : {}) };
      const own = withOwnFiles(what, shared, context, tasks.length > 1 ? paths : undefined);
      this.adopt(make(resolveCommand(command, context), own, host));
    });
  }

  protected override execute(): Promise<void> {
    return runWindow(this.ownProcesses, this.#concurrency, () => this.stopReason !== undefined);
  }
}

/** Fills in the names of output files for one process, and refuses to let two processes write to the same file. */
function withOwnFiles(
  what: string,
  options: SshProcessOptions,
  context: CommandContext,
  taken: Set<string> | undefined,
): SshProcessOptions {
  let own = options;
  for (const key of ['stdoutHandlers', 'stderrHandlers'] as const) {
    const given = options[key];
    if (given === undefined) continue;
    const handlers = (Array.isArray(given) ? given : [given]) as readonly OutputHandler[];
    if (!handlers.some((handler) => typeof handler === 'string')) continue;
    const filled = handlers.map((handler) => {
      if (typeof handler !== 'string') return handler;
      const path = expandPlaceholders(handler, context);
      if (taken?.has(path)) {
        const hint = 'put {{{host}}}, {{{index}}} or a {{name}} into it';
        throw new InvalidArgument(
          `${what}: option ${key}: several processes would write to ${show(path)}; ${hint}`,
        );
      }
      taken?.add(path);
      return path;
    });
    own = { ...own, [key]: filled };
  }
  return own;
}
