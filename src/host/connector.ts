import { setTimeout as sleep } from 'node:timers/promises';
import { descriptors, logger, RookeryError } from '../util/index.js';
import type { Connection } from './channel.js';
import { connectError, describe, isWorthRetrying } from './connect-error.js';
import { connectLimits } from './connect-limits.js';
import { connectOpenssh } from './openssh-connection.js';
import { connectSsh2 } from './ssh2-connection.js';
import type { HostPool } from './pool.js';
import type { Target } from './target.js';

/** First pause before a dropped connection is tried again; doubles each time, with jitter. */
const firstPause = 100;
const longestPause = 4_000;

/**
 * Connects to a target, through its jump hosts where it has some. What a busy server dropped before authentication is
 * tried again; nothing else is, and nothing after authentication, when a command may have started.
 */
export async function connect(
  target: Target,
  signal: AbortSignal,
  poolOf: (target: Target) => HostPool,
): Promise<Connection> {
  for (let attempt = 0; ; attempt++) {
    try {
      const connection = await connectLimits.run(target, signal, () => connectOnce(target, signal, poolOf));
      connectLimits.report(target, false);
      return connection;
    } catch (error) {
      const cause = signal.aborted
        ? givenUp(target)
        : connectError(target, error, { greeting: '', hostKeyError: undefined, authenticating: false });
      if (!isWorthRetrying(cause) || attempt >= target.retries) throw cause;
      connectLimits.report(target, true);
      const pause = Math.min(firstPause * 2 ** attempt, longestPause) * (0.5 + Math.random());
      logger.debug('pool', () => `${cause.message}; trying again in ${Math.round(pause)} ms`);
      await sleep(pause, undefined, { signal }).catch(() => Promise.reject(givenUp(target)));
    }
  }
}

function givenUp(target: Target): RookeryError {
  return new RookeryError('ERR_KILLED', `connecting to ${describe(target)} was given up`, {
    host: target.host.address,
  });
}

async function connectOnce(
  target: Target,
  signal: AbortSignal,
  poolOf: (target: Target) => HostPool,
): Promise<Connection> {
  const hop = target.hops.at(-1);
  if (target.transport === 'openssh') {
    logger.debug('pool', () => `${describe(target)}: transport openssh (${target.transportReason})`);
    return withDescriptors(6, () => connectOpenssh(target, signal));
  }
  logger.debug('pool', () => `${describe(target)}: transport ssh2 (${target.transportReason})`);
  try {
    if (hop) return await throughJumpHost(target, poolOf(hop), signal);
    return await withDescriptors(1, () => connectSsh2(target, undefined, signal));
  } catch (error) {
    if (!needsOpenssh(target, error)) throw error;
    logger.info(
      'pool',
      `${describe(target)}: transport openssh, as ssh2 has no algorithm in common with the server`,
    );
    return withDescriptors(6, () => connectOpenssh(target, signal));
  }
}

/** Such as a server that offers post-quantum key exchange only. Never after a host key was refused. */
function needsOpenssh(target: Target, error: unknown): boolean {
  if (
    target.transportReason === 'asked for' ||
    !(error instanceof RookeryError) ||
    error.code !== 'ERR_PROTOCOL'
  )
    return false;
  return /no matching/i.test(error.message);
}

/** The jump host's own connection is pooled like any other, and verified by its own policy. */
async function throughJumpHost(target: Target, pool: HostPool, signal: AbortSignal): Promise<Connection> {
  const fail = (cause: unknown): never => {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new RookeryError(
      'ERR_JUMP_HOST',
      `cannot reach ${describe(target)} through ${describe(pool.target)}: ${text}`,
      { cause, host: target.host.address },
    );
  };
  let letGo: (() => void) | undefined = pool.hold();
  try {
    const stream = await pool.forward(target.address, target.port, signal).catch(fail);
    const connection = await connectSsh2(target, stream, signal);
    // What runs on the target keeps the jump host busy too.
    connection.setActive = (active) => {
      if (active) letGo ??= pool.hold();
      else letGo = void letGo?.();
    };
    void connection.closed.then(() => letGo?.());
    return connection;
  } catch (error) {
    letGo?.();
    throw error;
  }
}

async function withDescriptors(count: number, make: () => Promise<Connection>): Promise<Connection> {
  await descriptors.take(count);
  try {
    const connection = await make();
    void connection.closed.then(() => descriptors.give(count));
    return connection;
  } catch (error) {
    descriptors.give(count);
    throw error;
  }
}
