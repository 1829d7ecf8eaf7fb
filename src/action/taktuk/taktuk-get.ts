import type { HostListItem } from '../../host/index.js';
import { quotePosix } from '../../util/index.js';
import { Get } from '../get.js';
import type { TransferOptions } from '../transfer-options.js';
import type { GetTask } from '../../transfer/index.js';
import { arityOf, checkTaktukOptions, type TaktukOptions } from './options.js';
import { TaktukRun } from './taktuk-run.js';

/**
 * Copies files and folders from many hosts as `Get` does, through the program `taktuk` of this machine: one process for each host.
 * TakTuk carries text only, so that big files are better fetched by `Get`.
 *
 * @example
 * await new TaktukGet(hosts, '/etc/machine-id', 'ids/{{{host}}}').run();
 */
export class TaktukGet extends Get {
  readonly #arity: number;
  #run: TaktukRun;

  constructor(
    hosts: HostListItem,
    remoteFiles: string | readonly string[],
    localLocation = '.',
    options: TransferOptions & TaktukOptions = {},
  ) {
    const { arity, ...transfer } = checkTaktukOptions('new TaktukGet()', options, 'Get');
    super(hosts, remoteFiles, localLocation, transfer);
    this.#arity = arityOf({ arity });
    this.#run = new TaktukRun('get', this.#arity);
  }

  protected override launcher(): GetTask['launch'] {
    return (target, command, _options, signal) => this.#run.join(target, command.render(quotePosix), signal);
  }

  protected override async execute(): Promise<void> {
    const run = (this.#run = new TaktukRun('get', this.#arity));
    const ended = super.execute();
    await Promise.all([run.run(), ended]);
  }
}
