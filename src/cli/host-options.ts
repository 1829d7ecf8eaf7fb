import type { Command } from 'commander';

/** Options of all commands that talk to hosts. */
export interface HostOptions {
  readonly hosts?: readonly string[];
  readonly exclude?: readonly string[];
  readonly hostsFile?: readonly string[];
  readonly user?: string;
  readonly port?: string;
  readonly jump?: string;
  readonly key?: readonly string[];
  readonly sshConfig?: string;
  readonly option?: readonly string[];
  readonly connectTimeout?: string;
  readonly retries?: string;
}

/** For options that may be given several times. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

export function addHostOptions(command: Command): Command {
  return command
    .optionsGroup('Hosts:')
    .option('-w, --hosts <list>', 'node[1-9],user@a:22,@group,!node7; - for stdin', collect)
    .option('-x, --exclude <list>', 'without these', collect)
    .option('--hosts-file <file>', 'those listed in a file', collect)
    .option('-u, --user <name>', 'log in as')
    .option('-p, --port <number>', 'port of the SSH server')
    .option('-J, --jump <host>', 'go through user@host:port, or several')
    .option('-i, --key <file>', 'private key', collect)
    .option('-F, --ssh-config <file>', 'in place of ~/.ssh/config')
    .option('-o, --option <Key=value>', 'an option of ssh (takes the ssh program)', collect)
    .option('--connect-timeout <time>', 'of one attempt to connect (default: 20s)')
    .option('--retries <n>', 'after a drop before the login (default: 5)');
}
