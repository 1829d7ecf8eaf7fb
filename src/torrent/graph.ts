/** Neighbours of an agent, and of the seeder: more make a swarm slower, for each has to be told of every piece. */
export const degree = 10;
export const seederDegree = 16;

/**
 * Who is to be connected with whom: a connected random graph in which all of `members` have about the same number of neighbours,
 * and those of `hubs` more. Built from random circles through all members, so that it is in one piece whatever the lot.
 */
export class NeighbourGraph {
  readonly #edges = new Map<string, Set<string>>();
  readonly #members: readonly string[];
  readonly #random: () => number;

  constructor(members: readonly string[], hubs: readonly string[] = [], random: () => number = Math.random) {
    this.#members = members;
    this.#random = random;
    for (const id of [...members, ...hubs]) this.#edges.set(id, new Set());
    const wanted = Math.min(degree, members.length - 1);
    for (let tries = 0; tries < wanted; tries++) {
      if (tries > 0 && members.every((id) => this.of(id).size >= wanted - 1)) break;
      const circle = shuffle(members, random);
      circle.forEach((id, i) => this.#connect(id, circle[(i + 1) % circle.length] as string, wanted + 1));
    }
    for (const hub of hubs)
      for (const id of shuffle(members, random).slice(0, seederDegree)) this.#connect(hub, id);
  }

  of(id: string): ReadonlySet<string> {
    return this.#edges.get(id) ?? new Set<string>();
  }

  #connect(a: string, b: string, limit = Infinity): void {
    const [of, ob] = [this.#edges.get(a), this.#edges.get(b)];
    if (a === b || !of || !ob || (of.size >= limit && ob.size >= limit)) return;
    of.add(b);
    ob.add(a);
  }

  /** A member is gone: each of its neighbours gets another one. */
  remove(id: string): void {
    const lost = [...this.of(id)];
    this.#edges.delete(id);
    for (const other of lost) this.#edges.get(other)?.delete(id);
    // Whoever was given one meanwhile, as the neighbour of another, has enough.
    for (const other of lost) if (this.of(other).size < degree) this.replace(other);
  }

  /** One more neighbour for a member, by lot, of those that are there. */
  replace(id: string, isThere: (id: string) => boolean = () => true): void {
    const free = this.#members.filter(
      (other) => other !== id && this.#edges.has(other) && !this.of(id).has(other) && isThere(other),
    );
    // One of those with the fewest, so that nobody ends up with all of them.
    const least = Math.min(...free.map((other) => this.of(other).size));
    const fewest = free.filter((other) => this.of(other).size === least);
    const chosen = fewest[Math.floor(this.#random() * fewest.length)];
    if (chosen !== undefined) this.#connect(id, chosen);
  }
}

function shuffle<T>(list: readonly T[], random: () => number): T[] {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}
