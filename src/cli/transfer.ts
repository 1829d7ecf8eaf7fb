import { ChainPut, Get, Put, showProgress, type Action } from '../action/index.js';
import type { Host } from '../host/index.js';
import { InvalidArgument, show } from '../util/index.js';
import { commonOptions, finish, type CommonOptions } from './common-options.js';
import { exitCodeOf } from './failures.js';
import { chooseHosts, hostNames } from './hosts.js';
import { Interrupts } from './interrupts.js';
import { toJSONLine } from './json-output.js';

export interface TransferOptions extends CommonOptions {
  readonly verify?: string;
}
export interface FanoutOptions extends CommonOptions {
  readonly chain?: boolean;
  readonly seeder?: string;
  readonly resume?: boolean;
  readonly previous?: string;
}

/** `rookery put`: resolves with the exit code. */
export async function put(paths: readonly string[], options: TransferOptions): Promise<number> {
  const { sources, destination } = split(paths);
  return transfer(options, (hosts) => new Put(hosts, sources, destination, transferOptions(options)));
}

/** `rookery get`. Several hosts get a folder each, unless the destination tells them apart itself. */
export async function get(paths: readonly string[], options: TransferOptions): Promise<number> {
  const { sources, destination } = split(paths);
  return transfer(options, (hosts) => {
    const shared = hosts.length > 1 && !destination.includes('{{');
    const place = shared ? `${destination.replace(/\/+$/, '')}/{{{host}}}/` : destination;
    return new Get(hosts, sources, place, transferOptions(options));
  });
}

/** `rookery fanout`. */
export async function fanout(paths: readonly string[], options: FanoutOptions): Promise<number> {
  const { sources, destination } = split(paths);
  const { seeder, resume, previous } = options;
  if (options.chain) {
    if (seeder !== undefined || resume || previous !== undefined)
      throw new InvalidArgument('--chain goes with none of --seeder, --resume and --previous');
    return transfer(options, (hosts) => new ChainPut(hosts, sources, destination, commonOptions(options)));
  }
  if (options.concurrency !== undefined)
    throw new InvalidArgument('--concurrency is for --chain: in a swarm, all hosts take part at once');
  const { TorrentPut } = await import('../torrent/index.js');
  const given = {
    ...(seeder === undefined ? {} : { seeder }),
    ...(previous === undefined ? {} : { previous }),
    ...(resume ? { resume } : {}),
  };
  return transfer(
    options,
    (hosts) => new TorrentPut(hosts, sources, destination, { ...commonOptions(options), ...given }),
  );
}

function split(paths: readonly string[]): { sources: readonly string[]; destination: string } {
  const destination = paths.at(-1);
  if (paths.length < 2 || destination === undefined)
    throw new InvalidArgument('give one or several files, and last where they go');
  return { sources: paths.slice(0, -1), destination };
}

function transferOptions(options: TransferOptions) {
  const { verify } = options;
  if (verify !== undefined && !['size', 'sha256', 'none'].includes(verify))
    throw new InvalidArgument(`--verify must be size, sha256 or none, not ${show(verify)}`);
  const chosen = verify === 'none' ? (false as const) : (verify as 'size' | 'sha256' | undefined);
  return { ...commonOptions(options), ...(chosen === undefined ? {} : { verify: chosen }) };
}

async function transfer(options: CommonOptions, make: (hosts: Host[]) => Action): Promise<number> {
  const hosts = await chooseHosts(options);
  const action = make(hosts);
  if (options.json) action.on('processEnd', (p) => process.stdout.write(`${toJSONLine(p)}\n`));
  const display = options.quiet ? undefined : showProgress(action);
  using interrupts = new Interrupts(() => action.kill());
  await action.run();
  display?.stop();
  await finish(action, hostNames(hosts), options);
  return interrupts.code ?? exitCodeOf(action.processes);
}
