import { resolveTarget, type Host } from '../../host/index.js';
import {
  ProcessBase,
  resolveOptions,
  type CommandLine,
  type Launched,
  type SshProcessOptions,
} from '../../process/index.js';
import { quotePosix } from '../../util/index.js';
import type { TaktukRun } from './taktuk-run.js';

/** A process on a host that TakTuk has started; made by `TaktukRemote`. */
export class TaktukProcess extends ProcessBase {
  readonly host: Host;
  readonly #params: SshProcessOptions['connectionParams'];
  readonly #run: () => TaktukRun;

  constructor(command: CommandLine, host: Host, options: SshProcessOptions, run: () => TaktukRun) {
    super(command, resolveOptions('new TaktukRemote()', options, true));
    this.host = host;
    this.#params = options.connectionParams;
    this.#run = run;
  }

  protected override launch(signal: AbortSignal): Promise<Launched> {
    return this.#run().join(resolveTarget(this.host, this.#params), this.#script(), signal);
  }

  /** The command with its surroundings; the login shell of the account runs it. */
  #script(): string {
    const { env, cwd, shell } = this.options;
    const lines = Object.entries(env ?? {}).map(([name, value]) =>
      value === undefined ? `unset ${name}` : `export ${name}=${quotePosix(value)}`,
    );
    if (cwd !== undefined) lines.push(`cd -- ${quotePosix(cwd)} || exit 1`);
    const program = typeof shell === 'string' ? quotePosix(shell) : '"${SHELL:-/bin/sh}"';
    lines.push(`exec ${program} -c ${quotePosix(this.commandLine.render(quotePosix))}`);
    return lines.join('\n');
  }
}
