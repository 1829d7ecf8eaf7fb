import { resolve } from 'node:path';
import { checkConnectionParams, toHosts, type HostListItem } from '../host/index.js';
import { checkVars, expandPlaceholders, type SshProcessOptions } from '../process/index.js';
import { GetProcess, type GetTask } from '../transfer/index.js';
import { checkOptions, InvalidArgument, show } from '../util/index.js';
import { Action } from './action.js';
import { processOptions } from './options.js';
import { homeless, toPaths, transferChecks, type TransferOptions } from './transfer-options.js';
import { runWindow } from './window.js';

/**
 * Copies files and folders from many hosts: one stream for each over its pooled connection. Remote paths may be patterns with
 * `*`, `?` and `[...]`. A single file or folder gets the name `localLocation`, unless that is a folder or ends with `/`;
 * otherwise everything goes into it. Hosts must not write to the same place: put `{{{host}}}` into it.
 *
 * @example
 * await new Get(hosts, '/var/log/app/*.log', 'logs/{{{host}}}/').run();
 */
export class Get extends Action {
  readonly #concurrency: number;

  constructor(
    hosts: HostListItem,
    remoteFiles: string | readonly string[],
    localLocation = '.',
    options: TransferOptions = {},
  ) {
    const what = `new ${new.target.name}()`;
    checkOptions(what, options, transferChecks);
    if (options.connectionParams) checkConnectionParams(options.connectionParams);
    const files = toPaths(`${what}: remoteFiles`, remoteFiles);
    const [location] = toPaths(`${what}: localLocation`, localLocation) as [string];
    super(options.name ?? `get ${files.join(' ')} to ${location}`, options);
    const vars = options.vars ?? {};
    checkVars(vars, `${what}: option vars`);
    this.#concurrency = options.concurrency ?? Infinity;
    const verify = options.verify ?? 'size';
    const { verify: _verify, ...own } = processOptions(options) as TransferOptions;
    const shared = Object.freeze(own) as SshProcessOptions;
    const taken = new Map<string, string>();
    toHosts(hosts).forEach((host, index) => {
      const fill = (text: string) => expandPlaceholders(text, { host, index, vars });
      const destination = fill(location);
      const paths = files.map((file) => homeless(fill(file)));
      refuseSamePlace(what, taken, paths, destination, host.toString());
      const launch = this.launcher();
      const task = { host, files: paths, destination, verify, ...(launch ? { launch } : {}) };
      this.adopt(new GetProcess(task, shared));
    });
  }

  override get processes(): readonly GetProcess[] {
    return this.ownProcesses as GetProcess[];
  }

  /** What starts commands on hosts, where it is not the pooled connection. Called by the constructor. */
  protected launcher(): GetTask['launch'] {
    return undefined;
  }

  protected override execute(): Promise<void> {
    return runWindow(this.ownProcesses, this.#concurrency, () => this.stopReason !== undefined);
  }
}

/** Two hosts, or two paths of one, that would write the same: one would silently take the place of the other. */
function refuseSamePlace(
  what: string,
  taken: Map<string, string>,
  paths: readonly string[],
  destination: string,
  host: string,
): void {
  for (const path of paths) {
    const name = path.endsWith('/') || /[*?[]/.test(path) ? '' : (path.split('/').at(-1) as string);
    const place = `${resolve(destination)}/${name}`;
    const other = taken.get(place);
    if (other === undefined) taken.set(place, host);
    else if (other !== host || name !== '') {
      const whom = other === host ? `${host} twice` : `${other} and ${host} both`;
      throw new InvalidArgument(
        `${what}: ${whom} would write ${show(name || path)} into ${show(destination)}; put {{{host}}} into localLocation`,
      );
    }
  }
}
