import { checkConnectionParams, Host, resolveTarget } from '../host/index.js';
import type { HostLike } from '../host/index.js';
import { ProcessBase } from './base.js';
import { checkCommand, resolveCommand } from './command.js';
import type { Command } from './command.js';
import type { Launched } from './launcher.js';
import { resolveOptions } from './options.js';
import type { SshProcessOptions } from './options.js';
import { launchRemotely } from './ssh-launcher.js';

/**
 * A process on a remote host, over the host's pooled connection. The login shell of the account runs it.
 * @example
 * const p = await new SshProcess('uptime', 'root@node1').run();
 */
export class SshProcess extends ProcessBase {
  readonly host: Host;
  readonly #connectionParams: SshProcessOptions['connectionParams'];

  constructor(command: Command, host: HostLike, options: SshProcessOptions = {}) {
    const resolved = resolveOptions('new SshProcess()', options, true);
    const where = host instanceof Host ? host : new Host(host);
    checkCommand(command);
    if (options.connectionParams) checkConnectionParams(options.connectionParams);
    super(resolveCommand(command, { host: where, index: 0 }), resolved);
    this.host = where;
    this.#connectionParams = options.connectionParams;
  }

  protected override launch(signal: AbortSignal): Promise<Launched> {
    return launchRemotely(
      resolveTarget(this.host, this.#connectionParams),
      this.commandLine,
      this.options,
      signal,
    );
  }
}
