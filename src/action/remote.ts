import { checkConnectionParams, toHosts, type Host, type HostListItem } from '../host/index.js';
import { SshProcess, type Command } from '../process/index.js';
import { checkOptions } from '../util/index.js';
import { CommandAction } from './command-action.js';
import { nameOf } from './local.js';
import { remoteOptionChecks, type RemoteOptions } from './options.js';

/**
 * One command on many hosts, over SSH: one process per host, side by side. A host that is listed twice gets two processes; this
 * machine is a host like any other.
 *
 * @example
 * const action = await new Remote('uptime', 'node[01-16].site', { timeout: '10s' }).run();
 * for (const process of action.processes) console.log(process.host.address, process.stdout);
 */
export class Remote extends CommandAction {
  constructor(command: Command, hosts: HostListItem, options: RemoteOptions = {}) {
    checkOptions('new Remote()', options, remoteOptionChecks);
    if (options.connectionParams) checkConnectionParams(options.connectionParams);
    const tasks = toHosts(hosts).map((host) => ({ command, host }));
    super(nameOf(command), tasks, options, (line, processOptions, host) => {
      return new SshProcess(line, host as Host, processOptions);
    });
  }

  override get processes(): readonly SshProcess[] {
    return this.ownProcesses as SshProcess[];
  }
}
