import { checkConnectionParams, toHosts, type HostListItem } from '../host/index.js';
import { checkVars, expandPlaceholders, type SshProcessOptions } from '../process/index.js';
import { Chain, ChainProcess, PutPlan, type TarSource, type Verification } from '../transfer/index.js';
import { checkOptions } from '../util/index.js';
import { Action } from './action.js';
import { processOptions } from './options.js';
import { homeless, toPaths, transferChecks, type TransferOptions } from './transfer-options.js';
import { runWindow } from './window.js';

/**
 * Copies big files and folders to many hosts, each of which passes them on to the next while it writes them: the time hardly depends
 * on the number of hosts, and this machine sends one copy. A host that fails is left out, and the chain closes behind it. Everything
 * else is as with `Put`; what arrives is verified by SHA-256 on every host, in any case.
 *
 * @example
 * await new ChainPut(hosts, 'image.qcow2', '/var/lib/images/').run();
 */
export class ChainPut extends Action {
  readonly #concurrency: number;
  readonly #verify: Verification;
  #plan: PutPlan;
  readonly #chains = new Map<TarSource, Chain>();

  constructor(
    hosts: HostListItem,
    localFiles: string | readonly string[],
    remoteLocation = '.',
    options: TransferOptions = {},
  ) {
    const what = 'new ChainPut()';
    checkOptions(what, options, transferChecks);
    if (options.connectionParams) checkConnectionParams(options.connectionParams);
    const files = toPaths(`${what}: localFiles`, localFiles);
    const [location] = toPaths(`${what}: remoteLocation`, remoteLocation) as [string];
    super(options.name ?? `pass ${files.join(' ')} on to ${location}`, options);
    const vars = options.vars ?? {};
    checkVars(vars, `${what}: option vars`);
    this.#concurrency = options.concurrency ?? Infinity;
    this.#verify = options.verify ?? 'size';
    this.#plan = new PutPlan(this.#verify);
    const { verify: _verify, ...own } = processOptions(options) as TransferOptions;
    const shared = Object.freeze(own) as SshProcessOptions;
    toHosts(hosts).forEach((host, index) => {
      const fill = (text: string) => expandPlaceholders(text, { host, index, vars });
      const task = {
        ...{ host, files: files.map(fill), destination: homeless(fill(location)), verify: this.#verify },
        ...{ plan: () => this.#plan, chain: (archive: TarSource) => this.#chainOf(archive) },
      };
      this.adopt(new ChainProcess(task, shared));
    });
  }

  override get processes(): readonly ChainProcess[] {
    return this.ownProcesses as ChainProcess[];
  }

  /** Hosts that get different files, because a path differs from host to host, are chains of their own. */
  #chainOf(archive: TarSource): Chain {
    let chain = this.#chains.get(archive);
    if (!chain) this.#chains.set(archive, (chain = new Chain(archive)));
    return chain;
  }

  protected override execute(): Promise<void> {
    this.#plan = new PutPlan(this.#verify);
    this.#chains.clear();
    return runWindow(this.ownProcesses, this.#concurrency, () => this.stopReason !== undefined);
  }
}
