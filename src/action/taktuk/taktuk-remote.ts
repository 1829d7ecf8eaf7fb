import { checkConnectionParams, toHosts, type Host, type HostListItem } from '../../host/index.js';
import type { Command } from '../../process/index.js';
import { checkOptions, type Check } from '../../util/index.js';
import { CommandAction } from '../command-action.js';
import { nameOf } from '../local.js';
import { remoteOptionChecks, type RemoteOptions } from '../options.js';
import { arityOf, refuse, taktukChecks, type TaktukOptions } from './options.js';
import { TaktukProcess } from './taktuk-process.js';
import { TaktukRun } from './taktuk-run.js';

/** Options of `TaktukRemote`. */
export interface TaktukRemoteOptions extends RemoteOptions, TaktukOptions {}

const checks: { readonly [K in keyof Required<TaktukRemoteOptions>]: Check } = {
  ...remoteOptionChecks,
  ...taktukChecks,
};

/**
 * One command on many hosts, through the program `taktuk` of this machine, whose hosts contact further hosts. One process for
 * each host, as with `Remote`; these have no stdin and no terminal. The hosts need Perl, and to reach each other by SSH.
 *
 * @example
 * const action = await new TaktukRemote('uptime', 'node[001-900].site').run();
 */
export class TaktukRemote extends CommandAction {
  readonly #arity: number;
  #run: TaktukRun;

  constructor(command: Command, hosts: HostListItem, options: TaktukRemoteOptions = {}) {
    const what = 'new TaktukRemote()';
    checkOptions(what, options, checks);
    if (options.connectionParams) checkConnectionParams(options.connectionParams);
    refuse(what, options, ['stdin', 'pty', 'detached'], 'Remote');
    // TakTuk itself decides how many hosts it contacts at a time.
    const { arity: _arity, concurrency: _concurrency, ...remote } = options;
    const tasks = toHosts(hosts).map((host) => ({ command, host }));
    super(nameOf(command), tasks, remote, (line, processOptions, host) => {
      return new TaktukProcess(line, host as Host, processOptions, () => this.#run);
    });
    this.#arity = arityOf(options);
    this.#run = new TaktukRun('run', this.#arity);
  }

  override get processes(): readonly TaktukProcess[] {
    return this.ownProcesses as TaktukProcess[];
  }

  protected override async execute(): Promise<void> {
    const run = (this.#run = new TaktukRun('run', this.#arity));
    const ended = super.execute();
    await Promise.all([run.run(), ended]);
  }
}
