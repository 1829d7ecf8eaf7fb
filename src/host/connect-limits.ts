import type { Target } from './target.js';

/**
 * Connections that are not authenticated yet and go to one server: 8, below the 10 from which sshd's default MaxStartups
 * (10:30:100, sshd_config(5)) drops some at random.
 */
const perServerAtMost = 8;

interface Waiting {
  readonly server: string;
  readonly atMost: number;
  readonly begin: () => void;
  readonly fail: (reason: unknown) => void;
}

/** Admits attempts to connect: `maxConnecting` in all, and few at a time for each server. */
class ConnectLimits {
  readonly #waiting: Waiting[] = [];
  readonly #busy = new Map<string, number>();
  readonly #allowed = new Map<string, number>();
  #connecting = 0;

  /** Runs an attempt when its turn comes; gives the turn back whatever happens. */
  async run<T>(target: Target, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
    const server = serverOf(target);
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = { server, atMost: target.maxConnecting, begin: resolve, fail: reject };
      signal.addEventListener(
        'abort',
        () => {
          const at = this.#waiting.indexOf(waiting);
          if (at < 0) return;
          this.#waiting.splice(at, 1);
          reject(signal.reason as Error);
        },
        { once: true },
      );
      if (signal.aborted) return reject(signal.reason as Error);
      this.#waiting.push(waiting);
      this.#admit();
    });
    try {
      return await attempt();
    } finally {
      this.#connecting--;
      const left = (this.#busy.get(server) ?? 1) - 1;
      if (left > 0) this.#busy.set(server, left);
      else this.#busy.delete(server);
      this.#admit();
    }
  }

  /** A server that drops connections is given fewer at a time, and slowly more again once it accepts. */
  report(target: Target, dropped: boolean): void {
    const server = serverOf(target);
    const now = this.#allowed.get(server) ?? perServerAtMost;
    const next = dropped ? Math.max(1, Math.floor(now / 2)) : now + 1;
    if (next >= perServerAtMost) this.#allowed.delete(server);
    else this.#allowed.set(server, next);
  }

  #admit(): void {
    for (let i = 0; i < this.#waiting.length;) {
      const next = this.#waiting[i] as Waiting;
      const busy = this.#busy.get(next.server) ?? 0;
      if (this.#connecting >= next.atMost) return;
      if (busy >= (this.#allowed.get(next.server) ?? perServerAtMost)) {
        i++;
        continue;
      }
      this.#waiting.splice(i, 1);
      this.#connecting++;
      this.#busy.set(next.server, busy + 1);
      next.begin();
    }
  }
}

export const connectLimits = new ConnectLimits();

/** All loopback addresses are one machine, so one port of it is one server. */
function serverOf(target: Target): string {
  const [entry] = target.hops;
  // Each ssh program makes a connection of its own to the first jump host, where they all meet.
  if (entry && target.transport === 'openssh') return serverOf(entry);
  const via = target.hops.at(-1);
  const loopback = !via && /^(127\.|localhost$|::1$)/.test(target.address);
  return `${via ? `${via.poolKey} ` : ''}${loopback ? 'loopback' : target.address}:${target.port}`;
}
