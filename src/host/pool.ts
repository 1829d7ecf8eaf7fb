import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { descriptors, formatDuration, logger, messageOf, RookeryError } from '../util/index.js';
import { SessionLimit } from './channel.js';
import type { Channel, ChannelOptions, Connection } from './channel.js';
import { connect } from './connector.js';
import { describe } from './connect-error.js';
import { Guard } from './guard.js';
import { lateGuards } from './late-guards.js';
import type { Target } from './target.js';
import { sweepCommand } from './warden.js';

/** Sessions per connection; sshd's default for MaxSessions (sshd_config(5)). Lowered when a server allows fewer. */
const defaultSessions = 10;
/** An idle connection does not keep the program running; a long-running program closes it after this long. */
const idleTime = 5 * 60_000;
/** After the credentials were refused, further processes fail at once for this long: servers ban those who insist. */
const refusalTime = 30_000;
/** How long to wait for connections that were closed to be gone. */
const closeTime = 5_000;
/** How many are looked after at once when all are closed: each may start a shell on its host. */
const closingAtMost = 32;
/** How long to wait after each refusal of the only session of a connection, before it is taken for a rule; ms. */
const patience = [20, 100, 500];

interface Member {
  readonly connection: Connection;
  /** Sessions that are taken, those under way included, and those that the server has granted. */
  sessions: number;
  granted: number;
  limit: number;
}
interface Waiter {
  /** Sessions it takes: 1 for a command, 0 for a forwarded stream, which servers do not count. */
  readonly sessions: 0 | 1;
  readonly resolve: (member: Member) => void;
  readonly reject: (error: Error) => void;
}
/** The connections to one target: opened when needed, shared by all processes, one more when the sessions are used up. */
class HostPool {
  readonly target: Target;
  readonly #members = new Set<Member>();
  #waiters: Waiter[] = [];
  readonly #attempts = new Set<AbortController>();
  #sessions = defaultSessions;
  #refused: { error: RookeryError; until: number } | undefined;
  /** Who holds the pool: while it is nobody the connections are idle. */
  #active = 0;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(target: Target) {
    this.target = target;
  }

  // ── sessions ───────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Runs a command. Waits for a free session, and connects when there is none. To be called under a {@link hold}.
   * @param command its text, or what makes it once there is a connection that it will be sent on
   */
  async open(
    command: string | (() => string),
    options: ChannelOptions,
    signal: AbortSignal,
  ): Promise<Channel> {
    for (let refusals = 0; ;) {
      const member = await this.#acquire(signal, 1);
      try {
        const text = typeof command === 'string' ? command : command();
        const channel = await member.connection.open(text, options);
        this.#granted(member, channel);
        return channel;
      } catch (error) {
        const limited = error instanceof SessionLimit;
        if (limited && this.#lowerLimit(member) === 0) {
          const pause = patience[refusals++];
          // A server may take a moment to see that a session that has ended is free again.
          if (pause !== undefined) await sleep(pause);
        }
        this.#release(member);
        if (!limited) throw error;
        if (refusals > patience.length) {
          throw new RookeryError('ERR_CHANNEL_REFUSED', `${describe(this.target)} allows no session at all`, {
            host: this.target.host.address,
          });
        }
      }
    }
  }

  #granted(member: Member, channel: Channel): void {
    member.granted++;
    void channel.closed.then(() => {
      member.granted--;
      this.#release(member);
    });
  }

  /** A session was refused: the server allows as many as it has granted on this connection, which is returned. */
  #lowerLimit(member: Member): number {
    member.limit = Math.min(member.limit, Math.max(1, member.granted));
    this.#sessions = Math.min(this.#sessions, member.limit);
    logger.debug('pool', () => `${describe(this.target)} allows ${member.granted} sessions for a connection`);
    return member.granted;
  }

  #release(member: Member): void {
    member.sessions--;
    this.#pump();
  }

  #acquire(signal: AbortSignal, sessions: 0 | 1): Promise<Member> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        waiter.reject(new RookeryError('ERR_KILLED', `given up while waiting for ${describe(this.target)}`));
        if (this.#waiters.length === 0) this.#giveUp();
      };
      const waiter: Waiter = {
        sessions,
        resolve: (member) => {
          signal.removeEventListener('abort', onAbort);
          resolve(member);
        },
        reject: (error) => {
          signal.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      if (signal.aborted)
        return waiter.reject(new RookeryError('ERR_KILLED', 'given up before it was connected'));
      signal.addEventListener('abort', onAbort);
      this.#waiters.push(waiter);
      this.#pump();
    });
  }

  /** Gives free sessions to those who wait, and connects once more when those under way will not do. */
  #pump(): void {
    if (this.#refused && this.#refused.until > Date.now()) {
      const { error, until } = this.#refused;
      const text = `${error.message}; not tried again for ${formatDuration(until - Date.now())}, as servers ban those who insist`;
      return this.#rejectAll(
        new RookeryError(error.code, text, { cause: error, host: this.target.host.address }),
      );
    }
    for (const member of this.#members) {
      // One that is lost may take a while to be closed.
      if (member.connection.lost) this.#drop(member);
      else this.#serve(member);
    }
    if (this.#waiters.length === 0) return;
    // Until one connection has been authenticated there is only one attempt: a wrong key is tried once, not fifty times.
    const wanted = this.#members.size === 0 ? 1 : Math.ceil(this.#waiters.length / this.#sessions);
    while (this.#attempts.size < wanted) this.#connect();
  }

  #serve(member: Member): void {
    for (
      let next = this.#waiters[0];
      next && member.sessions + next.sessions <= member.limit;
      next = this.#waiters[0]
    ) {
      member.sessions += next.sessions;
      this.#waiters.shift();
      next.resolve(member);
    }
  }

  #connect(): void {
    const attempt = new AbortController();
    this.#attempts.add(attempt);
    connect(this.target, attempt.signal, poolOf).then(
      (connection) => {
        this.#attempts.delete(attempt);
        const member: Member = { connection, sessions: 0, granted: 0, limit: this.#sessions };
        this.#members.add(member);
        connection.setActive(this.#active > 0);
        void connection.closed.then(() => {
          this.#drop(member);
          this.#pump();
        });
        this.#pump();
      },
      (error: RookeryError) => {
        // One that was given up concerns nobody any more, least of all those who came later.
        if (!this.#attempts.delete(attempt)) return;
        if (
          error.code === 'ERR_AUTHENTICATION_FAILED' ||
          (error.cause instanceof RookeryError && error.cause.code === 'ERR_AUTHENTICATION_FAILED')
        ) {
          this.#refused = { error, until: Date.now() + refusalTime };
          logger.debug('pool', () => `${error.message}; not tried again for ${formatDuration(refusalTime)}`);
        }
        // Those who wait can still be served by a connection that there is.
        if (this.#members.size === 0 && this.#attempts.size === 0) this.#rejectAll(error);
        else if (this.#members.size > 0)
          logger.debug('pool', () => `no further connection: ${error.message}`);
      },
    );
  }

  #drop(member: Member): void {
    if (!this.#members.delete(member) || this.#members.size > 0) return;
    lateGuards.delete(this);
    const left = this.guard.forget();
    if (left !== undefined) void this.#endLeft(left);
  }

  /** The connection was lost before a warden watched over its first command, which only another connection can end. */
  async #endLeft(id: string): Promise<void> {
    const letGo = this.hold();
    const never = new AbortController().signal;
    for (let tries = 3; tries-- > 0;) {
      try {
        await this.open(sweepCommand(id, false), {}, never);
        break;
      } catch (error) {
        logger.debug(
          'pool',
          () => `what was started on ${describe(this.target)} may run on: ${messageOf(error)}`,
        );
        if (!(error instanceof RookeryError && error.code === 'ERR_CONNECTION_LOST')) break;
      }
    }
    letGo();
    if (this.#active === 0) this.close();
  }

  #giveUp(): void {
    for (const attempt of this.#attempts) attempt.abort();
    this.#attempts.clear();
  }

  #rejectAll(error: RookeryError): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.reject(error);
  }

  // ── forwarding, for those who jump ─────────────────────────────────────────────────────────────────────────────

  /** A stream through this host; it needs no session. To be called under a {@link hold}. */
  async forward(address: string, port: number, signal: AbortSignal): Promise<Duplex> {
    const member = await this.#acquire(signal, 0);
    return member.connection.forward(address, port);
  }

  // ── the warden ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** What watches over the commands of this host. To be used under a {@link hold}. */
  readonly guard = new Guard((command, options, signal) => this.open(command, options, signal));

  /** A command has ended that no warden watched over: one is started when there is time. */
  guardLater(): void {
    if (!this.guard.settled && this.#members.size > 0) lateGuards.add(this);
  }

  async guardNow(): Promise<void> {
    lateGuards.delete(this);
    if (this.#members.size === 0) return;
    const letGo = this.hold();
    await this.guard.warden(new AbortController().signal).catch(() => undefined);
    letGo();
  }

  // ── idling and closing ─────────────────────────────────────────────────────────────────────────────────────────

  /** While somebody holds the pool its connections keep this program running. Returns what lets go, once. */
  hold(): () => void {
    this.#setActive(+1);
    let held = true;
    return () => {
      if (held) this.#setActive(-1);
      held = false;
    };
  }

  #setActive(change: 1 | -1): void {
    this.#active += change;
    lateGuards.setActive(change);
    clearTimeout(this.#idleTimer);
    if (this.#active === 1 && change === 1)
      for (const { connection } of this.#members) connection.setActive(true);
    if (this.#active > 0) return;
    for (const { connection } of this.#members) connection.setActive(false);
    if (descriptors.wanted) return void this.leave();
    this.#idleTimer = setTimeout(() => this.close(), idleTime);
    this.#idleTimer.unref();
  }

  get idle(): boolean {
    return this.#active === 0 && this.#members.size > 0;
  }

  /** Closes the connections; what commands may have left behind ends with them. */
  async leave(): Promise<void> {
    if (lateGuards.delete(this) || this.guard.exposed) {
      const letGo = this.hold();
      await this.guard.sweep();
      letGo();
    }
    if (this.#active === 0) this.close();
  }

  close(): void {
    clearTimeout(this.#idleTimer);
    this.#refused = undefined;
    const given = new RookeryError(
      'ERR_CONNECTION_LOST',
      `the connection to ${describe(this.target)} was closed from here`,
    );
    this.#giveUp();
    this.#rejectAll(given);
    if (this.#active === 0) this.guard.leave();
    for (const { connection } of this.#members) connection.close();
  }

  async closed(): Promise<void> {
    await Promise.all([...this.#members].map((member) => member.connection.closed));
  }
}

const pools = new Map<string, HostPool>();
export type { HostPool };

/** The pool of a target; the same for the same user, address, port, keys and way there. */
export function poolOf(target: Target): HostPool {
  let pool = pools.get(target.poolKey);
  if (!pool) pools.set(target.poolKey, (pool = new HostPool(target)));
  return pool;
}

// Under a small limit of descriptors, idle connections are given up for those who wait.
descriptors.reclaimers.add(() => {
  for (const pool of pools.values()) {
    if (!descriptors.wanted) return;
    if (pool.idle) void pool.leave();
  }
});

/** Closes every pooled connection; what still runs on them ends as lost. They are opened again when needed. */
export async function closeConnections(): Promise<void> {
  const all = [...pools.values()];
  pools.clear();
  const few = pLimit(closingAtMost);
  const closed = all.map((pool) =>
    few(async () => {
      await pool.leave();
      pool.close();
      await pool.closed();
    }),
  );
  // Idle connections do not keep this program running; who waits here does, within bounds.
  const bound = new AbortController();
  const limit = sleep(closeTime, undefined, { signal: bound.signal }).catch(() => undefined);
  await Promise.race([Promise.all(closed), limit]);
  bound.abort();
  for (const pool of all) pool.close();
}
