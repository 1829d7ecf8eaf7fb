import type { createClient } from 'redis';
import { checkOptions, InvalidArgument, isString, logger, messageOf } from '../util/index.js';
import { parseDuration, RookeryError, show } from '../util/index.js';
import type { Duration } from '../util/index.js';
import { isDuration } from './files-store.js';
import { livesHere, newOwner } from './owner.js';
import type { Owner } from './owner.js';
import * as scripts from './redis-scripts.js';
import { storeError } from './store-error.js';
import type { CombinationState, ResetOptions, SweepStore } from './store.js';

export interface RedisStoreOptions {
  /** Where the server is: `'redis://host:6379/0'`, `'rediss://user:password@host'` (TLS) or `'unix:/path/to/socket'`. */
  url: string;
  /** What the sweep is called; processes with the same name share it. */
  name: string;
  /** How long a process may not be heard of before what it held is given to others. Default `'30s'`. */
  lease?: Duration;
}
type Client = ReturnType<typeof createClient>;

/** How often a server that is gone is tried again before what was asked fails, and the longest wait between, in milliseconds. */
const [retries, longestWait] = [12, 1000];

/**
 * Keeps what has been done on a Redis (or Valkey) server, for controllers on several machines that share no folder. Needs the
 * package `redis`, which is loaded when the store is first used.
 * @example
 * new ParamSweeper(new RedisStore({ url: 'redis://queue:6379', name: 'transfer' }), sweeps);
 */
export class RedisStore implements SweepStore {
  readonly name: string;
  readonly #url: string;
  readonly #me: Owner;
  readonly #base: string;
  #connecting: Promise<Client> | undefined;
  #beat: NodeJS.Timeout | undefined;
  #waiting = 0;

  constructor(options: RedisStoreOptions) {
    checkOptions<RedisStoreOptions>('RedisStore', options, {
      url: isString,
      name: isString,
      lease: isDuration,
    });
    if (!/^(rediss?:\/\/[^/]|unix:\/)/.test(options.url ?? ''))
      throw new InvalidArgument(
        "RedisStore: the url must be like 'redis://host:6379' or 'unix:/path/to/socket'",
      );
    if (!options.name || /[{}]/.test(options.name))
      throw new InvalidArgument(
        `RedisStore: the name must be text without braces, not ${show(options.name)}`,
      );
    this.name = options.name;
    this.#url = options.url;
    this.#me = newOwner(Math.max(1000, parseDuration(options.lease ?? '30s', 'RedisStore: lease')));
    // The braces keep all of it on one server of a cluster.
    this.#base = `rookery:{${options.name}}:`;
  }

  async load(): Promise<Map<string, Exclude<CombinationState, 'todo'>>> {
    await this.#forgetDeadHere();
    const [done, skipped, held] = (await this.#run(scripts.load)) as [string[], string[], string[]];
    const known = new Map<string, Exclude<CombinationState, 'todo'>>();
    for (const key of held) known.set(key, 'in progress');
    for (const key of skipped) known.set(key, 'skipped');
    for (const key of done) known.set(key, 'done');
    return known;
  }

  async claim(keys: readonly string[], count: number): Promise<string[]> {
    const { lease } = this.#me;
    this.#beat ??= setInterval(() => void this.#tell(), lease / 3).unref();
    return (await this.#run(scripts.claim, JSON.stringify(this.#me), lease, count, ...keys)) as string[];
  }

  async end(key: string, state: 'done' | 'skipped'): Promise<boolean> {
    return (await this.#run(scripts.end, key, state)) === 1;
  }

  async release(key: string): Promise<boolean> {
    return (await this.#run(scripts.release, key)) === 1;
  }

  async reset({ done = false, inProgress = false }: ResetOptions): Promise<void> {
    const names = ['skipped', ...(done ? ['done'] : []), ...(inProgress ? ['held'] : [])];
    await this.#call((client) => client.del(names.map((name) => this.#base + name)));
  }

  async close(): Promise<void> {
    clearInterval(this.#beat);
    this.#beat = undefined;
    if (!this.#connecting) return;
    try {
      await this.#run(scripts.release);
    } finally {
      const client = await this.#connecting.catch(() => undefined);
      this.#connecting = undefined;
      if (client?.isOpen) client.destroy();
    }
  }

  /** Those on other machines are forgotten by the server when their lease has passed. */
  async #forgetDeadHere(): Promise<void> {
    const told = (await this.#run(scripts.owners)) as string[];
    const dead = told.map((text) => JSON.parse(text) as Owner).filter((owner) => livesHere(owner) === false);
    if (dead.length > 0)
      await this.#call((client) => client.del(dead.map(({ id }) => `${this.#base}owner:${id}`)));
  }

  async #tell(): Promise<void> {
    try {
      await this.#run(scripts.claim, JSON.stringify(this.#me), this.#me.lease, 0);
    } catch (error) {
      logger.warn('sweeper', `cannot tell others that this process lives: ${messageOf(error)}`);
    }
  }

  #run(script: string, ...words: (string | number)[]): Promise<unknown> {
    return this.#call((client) =>
      client.eval(script, {
        keys: [`${this.#base}held`],
        arguments: [this.#base, this.#me.id, ...words.map(String)],
      }),
    );
  }

  /** An idle connection does not keep the program alive, one that waits for an answer does. */
  async #call<T>(ask: (client: Client) => Promise<T>): Promise<T> {
    try {
      const client = await (this.#connecting ??= this.#connect());
      if (this.#waiting++ === 0) client.ref();
      try {
        return await ask(client);
      } finally {
        if (--this.#waiting === 0) client.unref();
      }
    } catch (error) {
      throw storeError(`the Redis server of the sweep ${show(this.name)}`, error);
    }
  }

  async #connect(): Promise<Client> {
    const { createClient } = await import('redis').catch((error: unknown) => {
      throw new RookeryError('ERR_STORE', 'RedisStore needs the package redis: npm install redis', {
        cause: error,
      });
    });
    const path = /^unix:(?:\/\/)?(\/.*)/.exec(this.#url)?.[1];
    const reconnectStrategy = (attempt: number, cause: Error) =>
      attempt >= retries ? cause : Math.min(20 * 2 ** attempt, longestWait);
    const client = createClient(
      path === undefined
        ? { url: this.#url, socket: { reconnectStrategy } }
        : { socket: { path, reconnectStrategy } },
    );
    client.on('error', (error) => logger.debug('sweeper', () => `redis: ${messageOf(error)}`));
    try {
      await client.connect();
    } catch (error) {
      this.#connecting = undefined;
      throw error;
    }
    return client;
  }
}
