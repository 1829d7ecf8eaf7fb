import { InvalidArgument, logger, show } from '../util/index.js';
import { mergeConnectionParams, type ConnectionParams } from './connection-params.js';
import { Host } from './host.js';
import type { HostSettings } from './ssh-config-file.js';
import type { Setting } from './ssh-config-lines.js';
import type { Target } from './target.js';

export interface HopContext {
  /** Hops already decided: this host is a later one of a list. */
  readonly hops?: readonly Target[] | undefined;
  /** Names that we are on the way to, to notice a circle. */
  readonly visited: readonly string[];
  /** Key files of the host behind a jump host, offered to it after those that are named for itself. */
  readonly inheritedKeyfile?: ConnectionParams['keyfile'];
}

export interface Route {
  readonly jumps: readonly Host[];
  readonly visited: readonly string[];
  readonly proxyCommand: string | undefined;
}

/** Which jump hosts lead to a host, and whether a ProxyCommand does instead: whichever is said first counts. */
export function findJumps(
  param: ConnectionParams['proxyJump'],
  settings: HostSettings,
  self: { readonly alias: string; readonly user: string; readonly port: number },
  context: HopContext,
): Route {
  const visited = [...context.visited, self.alias];
  if (context.hops) return { jumps: [], visited, proxyCommand: undefined };
  if (param !== undefined) return { jumps: direct(listJumps(param), self), visited, proxyCommand: undefined };
  const first = settings.first('proxyjump', 'proxycommand');
  // As for ssh, `ProxyJump none` leaves the word to a ProxyCommand, and to that alone.
  const setting = isNone(first) ? settings.get('proxycommand') : first;
  if (!setting || isNone(setting)) return { jumps: [], visited, proxyCommand: undefined };
  if (setting.keyword === 'proxycommand') return { jumps: [], visited, proxyCommand: setting.place };
  let jumps: readonly Host[];
  try {
    jumps = listJumps(setting.args[0] ?? '');
  } catch (error) {
    if (error instanceof InvalidArgument)
      throw new InvalidArgument(`${setting.place}: ProxyJump: ${error.message}`);
    throw error;
  }
  jumps = direct(jumps, self);
  const again = jumps.find((jump) => context.visited.includes(jump.address));
  if (again) {
    const circle = [...visited, again.address].map(show).join(' by ');
    throw new InvalidArgument(`${setting.place}: ProxyJump goes in a circle: ${circle}`);
  }
  return { jumps, visited, proxyCommand: undefined };
}

function isNone(setting: Setting | undefined): boolean {
  return setting?.args[0]?.toLowerCase() === 'none';
}

function listJumps(param: Exclude<ConnectionParams['proxyJump'], undefined>): readonly Host[] {
  if (param === false) return [];
  return [param].flat().flatMap((item) => {
    if (typeof item !== 'string') return [new Host(item)];
    const names = item.split(',').map((name) => name.trim());
    return names.length === 1 && names[0]?.toLowerCase() === 'none'
      ? []
      : names.map((name) => new Host(name));
  });
}

/** A configuration for all hosts names the jump host for the jump host itself too: then it is reached directly. */
function direct(
  jumps: readonly Host[],
  self: { alias: string; user: string; port: number },
): readonly Host[] {
  const at = jumps.findIndex(
    (jump) =>
      jump.address === self.alias &&
      (jump.user ?? self.user) === self.user &&
      (jump.port ?? self.port) === self.port,
  );
  if (at < 0) return jumps;
  logger.debug('host', () => `${self.alias} is its own jump host: not going through it`);
  return jumps.slice(0, at);
}

/** What holds for the target alone, and must not be carried over to its jump hosts. */
const targetOnly = {
  user: undefined,
  port: undefined,
  password: undefined,
  hostKeyAlias: undefined,
} as const;
const never = { proxyJump: undefined, rewriteHost: undefined, sshOptions: undefined } as const;

/** Params of a jump host: its own, then those of the host behind it (the program's defaults among them) that make sense for both. */
export function hopParams(
  own: Readonly<ConnectionParams>,
  target: Readonly<ConnectionParams>,
): Readonly<ConnectionParams> {
  return mergeConnectionParams(own, { ...target, passphrase: target.passphrase, ...targetOnly, ...never });
}
