import { InvalidArgument, parseDuration, show } from '../util/index.js';
import {
  checkConnectionParams,
  defaults,
  listSshOptions,
  mergeConnectionParams,
  type ConnectionParams,
} from './connection-params.js';
import { addressProblem, userProblem } from './host-syntax.js';
import type { Host } from './host.js';
import { allParams } from './host.js';
import { findJumps, hopParams, type HopContext } from './jump-hosts.js';
import { defaultKeyFiles } from './key-files.js';
import { certificateAuthority } from './known-hosts.js';
import { expandPath, expandTokens, fileStamp, localUser, type TokenValues } from './paths.js';
import { expandHostName, readHostSettings, type HostSettings } from './ssh-config-file.js';
import type { Setting } from './ssh-config-lines.js';
import { configuredDuration, configuredNumber, configuredPolicy, isYes } from './ssh-config-values.js';
import type { Target } from './target.js';
import { chooseTransport } from './transport-choice.js';

/**
 * Answers every question about how to reach a host, once: the call's params, the host's, {@link defaults}, the ssh configuration and
 * the built-in defaults, in this order. Throws InvalidArgument, with the value and its place, for what is wrong in any of them.
 */
export function resolveTarget(host: Host, params?: ConnectionParams): Target {
  if (params !== undefined) checkConnectionParams(params);
  checkConnectionParams(defaults.connectionParams, 'defaults.connectionParams');
  // Set by `rookery testbed -- COMMAND`, so that what it runs finds the hosts.
  const sshConfig = process.env['ROOKERY_SSH_CONFIG'] || undefined;
  const environment = sshConfig === undefined ? {} : { sshConfig };
  const merged = mergeConnectionParams(params, allParams(host), defaults.connectionParams, environment);
  return resolveOne(host, merged, {
    visited: [],
    named: params?.keyfile !== undefined || host.keyfile !== undefined,
    agentGiven: params?.agent !== undefined || host.params.agent !== undefined,
  });
}

interface Context extends HopContext {
  /** The key files were named next to the host: offer these only. */
  readonly named: boolean;
  readonly agentGiven: boolean;
}

function resolveOne(host: Host, params: Readonly<ConnectionParams>, context: Context): Target {
  const alias = rewritten(host.address, params.rewriteHost);
  const settings = readHostSettings(alias, params.sshConfig, params);
  const address = hostName(settings, alias);
  const user = params.user ?? checkedUser(settings.get('user')) ?? localUser();
  const port = params.port ?? configuredNumber(settings.get('port'), 1, 65535) ?? 22;
  const hostKeyAlias = params.hostKeyAlias ?? settings.get('hostkeyalias')?.args[0];
  const tokens: TokenValues = { host: address, alias, port, user, hostKeyName: hostKeyAlias ?? alias };
  const keyfiles = keyFiles(params, settings, tokens, context);
  const route = findJumps(params.proxyJump, settings, { alias, user, port }, context);
  const hops = context.hops ?? resolveHops(route.jumps, params, { ...context, visited: route.visited });
  const sshOptions = listSshOptions(params.sshOptions);
  const known = {
    hostKeyName: hostKeyAlias ?? address,
    address,
    port,
    knownHostsFiles: knownHostsFiles(params, settings, tokens),
  };
  if (params.transport === 'ssh2') refuseWithoutOpenssh(host, sshOptions, route.proxyCommand);
  const choice = chooseTransport({
    asked: params.transport,
    sshOptions,
    settings,
    keyfiles,
    hops,
    proxyCommand: context.hops ? undefined : route.proxyCommand,
    certificateAuthority: certificateAuthority(known),
  });
  const target = {
    host,
    alias,
    ...known,
    user,
    keyfiles,
    keyfilesNamed: params.keyfile !== undefined,
    identitiesOnly: isYes(settings.get('identitiesonly')) || (context.named && !context.agentGiven),
    agent: agentSocket(params, settings, tokens),
    hops,
    hostKeyPolicy:
      params.hostKeyPolicy ?? configuredPolicy(settings.get('stricthostkeychecking')) ?? 'strict',
    connectTimeout:
      params.connectTimeout !== undefined
        ? parseDuration(params.connectTimeout, 'connectTimeout')
        : (configuredDuration(settings.get('connecttimeout')) ?? 20_000),
    keepalive:
      params.keepalive === false
        ? 0
        : params.keepalive !== undefined
          ? parseDuration(params.keepalive, 'keepalive')
          : (configuredDuration(settings.get('serveraliveinterval')) ?? 15_000),
    keepaliveCount:
      params.keepaliveCount ?? configuredNumber(settings.get('serveralivecountmax'), 1, 1e6) ?? 3,
    retries: params.retries ?? 5,
    maxConnecting: params.maxConnecting ?? 64,
    sshOptions,
    sshConfigFile:
      params.sshConfig === undefined
        ? undefined
        : params.sshConfig === false
          ? 'none'
          : expandPath(params.sshConfig),
    ...choice,
  };
  return finish(target, params);
}

/** Adds the secrets where neither JSON nor inspect looks, and the key under which connections are shared. */
function finish(
  target: Omit<Target, 'password' | 'passphrase' | 'poolKey'>,
  params: ConnectionParams,
): Target {
  const { password, passphrase } = params;
  const poolKey = JSON.stringify([
    target.transport,
    target.user,
    target.address,
    target.port,
    target.hostKeyName,
    target.hostKeyPolicy,
    target.knownHostsFiles,
    target.keyfiles,
    target.identitiesOnly,
    target.agent ?? null,
    secretNumber(password),
    secretNumber(passphrase),
    target.sshOptions,
    target.transport === 'openssh' ? [target.alias, target.sshConfigFile ?? null] : null,
    target.hops.at(-1)?.poolKey ?? null,
  ]);
  return Object.freeze(
    Object.defineProperties(
      { ...target, poolKey },
      {
        password: { value: password, enumerable: false },
        passphrase: { value: passphrase, enumerable: false },
      },
    ),
  ) as Target;
}

const secretNumbers = new Map<string, number>();
/** Tells secrets apart without saying anything about them. */
function secretNumber(secret: string | undefined): number {
  if (secret === undefined) return 0;
  const number = secretNumbers.get(secret) ?? secretNumbers.size + 1;
  secretNumbers.set(secret, number);
  return number;
}

function resolveHops(
  jumps: readonly Host[],
  params: Readonly<ConnectionParams>,
  context: Context,
): readonly Target[] {
  let hops: readonly Target[] = [];
  for (const [index, jump] of jumps.entries()) {
    // The first is reached as its own configuration says, each of the others through those before it.
    const own = allParams(jump);
    const target = resolveOne(jump, hopParams(own, params), {
      ...context,
      hops: index === 0 ? undefined : hops,
      named: own.keyfile !== undefined,
      agentGiven: own.agent !== undefined,
      inheritedKeyfile: own.keyfile === undefined ? params.keyfile : undefined,
    });
    hops = Object.freeze([...(index === 0 ? target.hops : hops), target]);
  }
  return hops;
}

function rewritten(address: string, rewrite: ConnectionParams['rewriteHost']): string {
  if (!rewrite) return address;
  const result: unknown = rewrite(address);
  const problem = typeof result === 'string' ? addressProblem(result) : 'is not a string';
  if (problem !== undefined) {
    throw new InvalidArgument(`rewriteHost turned ${show(address)} into ${show(result)}, which ${problem}`);
  }
  return result as string;
}

function hostName(settings: HostSettings, alias: string): string {
  const setting = settings.get('hostname');
  // Names have no case, and ssh goes on with small letters.
  if (!setting) return alias.toLowerCase();
  const address = expandHostName(setting, alias)
    .replace(/^\[(.*:.*)\]$/s, '$1')
    .toLowerCase();
  const problem = addressProblem(address);
  if (problem) throw new InvalidArgument(`${setting.place}: HostName ${show(address)} ${problem}`);
  return address;
}

function checkedUser(setting: Setting | undefined): string | undefined {
  const user = setting?.args[0];
  if (setting === undefined || user === undefined) return undefined;
  const problem = userProblem(user);
  if (problem) throw new InvalidArgument(`${setting.place}: User ${show(user)} ${problem}`);
  return user;
}

function expandSetting(text: string, setting: Setting, tokens: TokenValues): string {
  const fail = (problem: string) => new InvalidArgument(`${setting.place}: ${problem} in ${show(text)}`);
  return expandPath(expandTokens(text, tokens, fail));
}

function keyFiles(
  params: ConnectionParams,
  settings: HostSettings,
  tokens: TokenValues,
  context: Context,
): readonly string[] {
  const given = context.inheritedKeyfile === undefined ? params.keyfile : undefined;
  if (given !== undefined) return [given].flat().map(expandPath);
  const lines = settings.all('identityfile');
  const inherited = [context.inheritedKeyfile ?? []].flat().map(expandPath);
  if (lines.length === 0 && inherited.length === 0) return defaultKeyFiles();
  const configured = lines
    .filter((line) => line.args[0] !== 'none')
    .map((line) => expandSetting(line.args[0] ?? '', line, tokens))
    .filter((path) => fileStamp(path) !== undefined || fileStamp(`${path}.pub`) !== undefined);
  return [...new Set([...configured, ...inherited])];
}

function knownHostsFiles(
  params: ConnectionParams,
  settings: HostSettings,
  tokens: TokenValues,
): readonly string[] {
  if (params.knownHosts !== undefined) return [params.knownHosts].flat().map(expandPath);
  const files = (keyword: string, otherwise: readonly string[]) => {
    const setting = settings.get(keyword);
    if (!setting) return otherwise.map(expandPath);
    return setting.args.filter((arg) => arg !== 'none').map((arg) => expandSetting(arg, setting, tokens));
  };
  return [
    ...files('userknownhostsfile', ['~/.ssh/known_hosts', '~/.ssh/known_hosts2']),
    ...files('globalknownhostsfile', ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2']),
  ];
}

function agentSocket(
  params: ConnectionParams,
  settings: HostSettings,
  tokens: TokenValues,
): string | undefined {
  const fromEnvironment = process.env['SSH_AUTH_SOCK'] || undefined;
  if (params.agent !== undefined) return params.agent === false ? undefined : expandPath(params.agent);
  const setting = settings.get('identityagent');
  const value = setting?.args[0];
  if (setting === undefined || value === undefined || value === 'SSH_AUTH_SOCK') return fromEnvironment;
  if (value === 'none') return undefined;
  if (/^\$\w+$/.test(value)) return process.env[value.slice(1)] || undefined;
  return expandSetting(value, setting, tokens);
}

function refuseWithoutOpenssh(
  host: Host,
  sshOptions: readonly string[],
  proxyCommand: string | undefined,
): void {
  const why =
    sshOptions.length > 0
      ? 'sshOptions are given'
      : proxyCommand !== undefined
        ? `ProxyCommand is set in ${proxyCommand}`
        : undefined;
  if (why !== undefined) {
    throw new InvalidArgument(
      `host ${show(host.toString())}: transport 'ssh2' cannot be used because ${why}`,
    );
  }
}
