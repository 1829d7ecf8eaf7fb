import { checkConnectionParams, toHosts, type HostListItem } from '../../host/index.js';
import { checkVars, expandPlaceholders, type Launched, type SshProcessOptions } from '../../process/index.js';
import { PutPlan, type TarSource, type Verification } from '../../transfer/index.js';
import { Action } from '../action.js';
import { processOptions } from '../options.js';
import { homeless, toPaths, type TransferOptions } from '../transfer-options.js';
import { runWindow } from '../window.js';
import { Feeder } from './feeder.js';
import { arityOf, checkTaktukOptions, type TaktukOptions } from './options.js';
import { TaktukPutProcess } from './taktuk-put-process.js';
import { TaktukRun } from './taktuk-run.js';

/** Hosts that get the same files. */
interface Group {
  readonly run: TaktukRun;
  readonly archive: TarSource;
  readonly members: TaktukPutProcess[];
}

/**
 * Copies files and folders to many hosts as `Put` does, along the tree that the program `taktuk` of this machine builds: one process
 * for each host. The copy begins when all hosts have been connected to, or cannot be.
 *
 * @example
 * (await new TaktukPut(hosts, 'build/app', '/srv/app/').run()).orThrow();
 */
export class TaktukPut extends Action {
  readonly #arity: number;
  readonly #verify: Verification;
  #plan: PutPlan;
  #groups = new Map<TarSource, Group>();

  constructor(
    hosts: HostListItem,
    localFiles: string | readonly string[],
    remoteLocation = '.',
    options: TransferOptions & TaktukOptions = {},
  ) {
    const what = 'new TaktukPut()';
    const { arity, ...transfer } = checkTaktukOptions(what, options, 'Put');
    if (options.connectionParams) checkConnectionParams(options.connectionParams);
    const files = toPaths(`${what}: localFiles`, localFiles);
    const [location] = toPaths(`${what}: remoteLocation`, remoteLocation) as [string];
    super(options.name ?? `put ${files.join(' ')} to ${location}`, transfer);
    const vars = options.vars ?? {};
    checkVars(vars, `${what}: option vars`);
    this.#arity = arityOf({ arity });
    this.#verify = options.verify ?? 'size';
    this.#plan = new PutPlan(this.#verify);
    const { verify: _verify, ...own } = processOptions(transfer) as TransferOptions;
    const shared = Object.freeze(own) as SshProcessOptions;
    toHosts(hosts).forEach((host, index) => {
      const fill = (text: string) => expandPlaceholders(text, { host, index, vars });
      const task = {
        ...{ host, files: files.map(fill), destination: homeless(fill(location)), verify: this.#verify },
        join: (process: TaktukPutProcess, signal: AbortSignal) => this.#join(process, signal),
      };
      this.adopt(new TaktukPutProcess(task, shared));
    });
  }

  override get processes(): readonly TaktukPutProcess[] {
    return this.ownProcesses as TaktukPutProcess[];
  }

  async #join(process: TaktukPutProcess, signal: AbortSignal): Promise<Launched> {
    const archive = this.#plan.archive(await this.#plan.sources(process.files));
    process.bytesTotal = archive.size;
    let group = this.#groups.get(archive);
    if (!group) {
      group = { run: new TaktukRun('put', this.#arity), archive, members: [] };
      this.#groups.set(archive, group);
    }
    group.members.push(process);
    return group.run.join(process.target(), process.script(), signal);
  }

  protected override async execute(): Promise<void> {
    this.#plan = new PutPlan(this.#verify);
    this.#groups = new Map();
    const ended = runWindow(this.ownProcesses, Infinity, () => this.stopReason !== undefined);
    // Those that get the same files have joined their group when what they get has been looked at.
    await Promise.allSettled(this.processes.map((process) => this.#plan.sources(process.files)));
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([ended, ...[...this.#groups.values()].map((group) => send(group))]);
  }
}

async function send({ run, archive, members }: Group): Promise<void> {
  const feeder = await Feeder.open();
  try {
    const told = feeder.send(archive, (done) => members.forEach((member) => member.moved(done)));
    void told.then((error) => error && members.forEach((member) => member.fail(error)));
    await run.run(['synchronize', 'broadcast', 'input', 'file', '%', feeder.path, '%', ';']);
  } finally {
    await feeder.close();
  }
}
