import { checkConnectionParams, toHosts, type HostListItem } from '../host/index.js';
import { checkVars, expandPlaceholders, type SshProcessOptions } from '../process/index.js';
import { PutPlan, PutProcess, type Verification } from '../transfer/index.js';
import { checkOptions } from '../util/index.js';
import { Action } from './action.js';
import { processOptions } from './options.js';
import { homeless, toPaths, transferChecks, type TransferOptions } from './transfer-options.js';
import { runWindow } from './window.js';

/**
 * Copies files and folders to many hosts: one stream for each over its pooled connection, each file read from disk once for
 * all hosts that keep pace. A single file or folder gets the name `remoteLocation`, unless that is a folder or ends with
 * `/`; otherwise everything goes into it. Every file is put in its place by a rename, when all have arrived and are verified.
 *
 * @example
 * await new Put(hosts, ['build/app', 'config/{{{host}}}.json'], '/srv/app/').run();
 */
export class Put extends Action {
  readonly #concurrency: number;
  readonly #verify: Verification;
  #plan: PutPlan;

  constructor(
    hosts: HostListItem,
    localFiles: string | readonly string[],
    remoteLocation = '.',
    options: TransferOptions = {},
  ) {
    checkOptions('new Put()', options, transferChecks);
    if (options.connectionParams) checkConnectionParams(options.connectionParams);
    const files = toPaths('new Put(): localFiles', localFiles);
    const [location] = toPaths('new Put(): remoteLocation', remoteLocation) as [string];
    super(options.name ?? `put ${files.join(' ')} to ${location}`, options);
    const vars = options.vars ?? {};
    checkVars(vars, 'new Put(): option vars');
    this.#concurrency = options.concurrency ?? Infinity;
    this.#verify = options.verify ?? 'size';
    this.#plan = new PutPlan(this.#verify);
    const { verify: _verify, ...own } = processOptions(options) as TransferOptions;
    const shared = Object.freeze(own) as SshProcessOptions;
    toHosts(hosts).forEach((host, index) => {
      const fill = (text: string) => expandPlaceholders(text, { host, index, vars });
      const task = {
        host,
        files: files.map(fill),
        destination: homeless(fill(location)),
        verify: this.#verify,
      };
      this.adopt(new PutProcess({ ...task, plan: () => this.#plan }, shared));
    });
  }

  override get processes(): readonly PutProcess[] {
    return this.ownProcesses as PutProcess[];
  }

  protected override execute(): Promise<void> {
    this.#plan = new PutPlan(this.#verify);
    return runWindow(this.ownProcesses, this.#concurrency, () => this.stopReason !== undefined);
  }
}
