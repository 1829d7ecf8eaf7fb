import { keyOf } from './combination.js';
import type { Random } from './random.js';
import { nthOf, sizeOf } from './space.js';
import type { Assignment, Space, SpaceLevel } from './space.js';

/** `samples` different combinations, every one of them equally likely; all of them when there are no more. */
export function randomDesign(space: Space, samples: number, random: Random): Assignment[] {
  const size = sizeOf(space);
  const count = size < BigInt(samples) ? Number(size) : samples;
  // Floyd's algorithm: each of the `count` draws yields one more, however much of the space is taken.
  const chosen = new Set<bigint>();
  for (let last = size - BigInt(count); last < size; last++) {
    const index = random.below(last + 1n);
    chosen.add(chosen.has(index) ? last : index);
  }
  return random.shuffled([...chosen]).map((index) => nthOf(space, index));
}

/**
 * `samples` combinations in which the levels of every factor occur equally often, give or take one, in an order of
 * chance that is independent of the other factors'. Factors below a level are spread over the samples that have it.
 */
export function latinHypercube(space: Space, samples: number, random: Random): Assignment[] {
  const rows = Array.from({ length: samples }, (): Assignment => ({}));
  for (const { name, levels } of space) {
    const order = random.shuffled(levels);
    const column = random.shuffled(rows.map((_, i) => order[i % order.length] as SpaceLevel));
    for (const level of levels) {
      const here = rows.filter((_, i) => column[i] === level);
      latinHypercube(level.below, here.length, random).forEach((rest, i) => {
        Object.assign(here[i] as Assignment, { [name]: level.value }, rest);
      });
    }
  }
  return rows;
}

/** One level of one factor, and the atoms above it that must hold too. */
interface Atom {
  readonly id: number;
  readonly level: SpaceLevel;
  readonly factor: object;
  /** For each factor on the way down, the atom it must be at; this one included. */
  readonly needs: ReadonlyMap<object, Atom>;
}
/** How many rows are tried for each that is taken. */
const candidates = 8;

/**
 * Combinations in which every pair of levels of two factors, as far as both can exist together, occurs at least once.
 * Greedy, row by row (Cohen and others, "The AETG system", 1997): close to the fewest possible, not always the fewest.
 */
export function pairwise(space: Space, random: Random): Assignment[] {
  const atoms: Atom[] = [];
  const byLevel = new Map<SpaceLevel, Atom>();
  collect(space, new Map());
  const pairOf = (a: Atom, b: Atom) =>
    a.id < b.id ? a.id * atoms.length + b.id : b.id * atoms.length + a.id;
  const open = new Set<number>();
  for (const a of atoms) for (const b of atoms) if (a.id <= b.id && compatible(a, b)) open.add(pairOf(a, b));
  const rows = new Map<string, Assignment>();
  while (open.size > 0) {
    let best: Atom[] = [];
    let most = 0;
    for (let i = 0; i < candidates; i++) {
      const row = candidate();
      const gain = covered(row).length;
      if (gain > most) [best, most] = [row, gain];
    }
    for (const pair of covered(best)) open.delete(pair);
    const row = toRow(best);
    rows.set(keyOf(row), row);
  }
  return [...rows.values()];

  function collect(factors: Space, above: ReadonlyMap<object, Atom>): void {
    for (const factor of factors) {
      for (const level of factor.levels) {
        const needs = new Map(above);
        const atom: Atom = { id: atoms.length, level, factor, needs };
        needs.set(factor, atom);
        atoms.push(atom);
        byLevel.set(level, atom);
        collect(level.below, needs);
      }
    }
  }

  function covered(row: readonly Atom[]): number[] {
    return row.flatMap((a, i) => row.slice(i).map((b) => pairOf(a, b))).filter((pair) => open.has(pair));
  }

  /** A row that holds the first open pair and then, factor by factor, the level that covers the most open pairs. */
  function candidate(): Atom[] {
    const [pair] = open as Iterable<number> as [number];
    const seeds = [atoms[Math.floor(pair / atoms.length)] as Atom, atoms[pair % atoms.length] as Atom];
    const fixed = new Map(seeds.flatMap(({ needs }) => [...needs]));
    const row: Atom[] = [...fixed.values()];
    const fill = (factors: Space): void => {
      for (const factor of random.shuffled(factors)) {
        let chosen = fixed.get(factor);
        if (!chosen) {
          const options = random.shuffled(factor.levels).map((level) => byLevel.get(level) as Atom);
          const gain = (atom: Atom) => row.filter((other) => open.has(pairOf(atom, other))).length;
          chosen = options.reduce((best, atom) => (gain(atom) > gain(best) ? atom : best));
          row.push(chosen);
        }
        fill(chosen.level.below);
      }
    };
    fill(space);
    return row;
  }

  function toRow(row: readonly Atom[]): Assignment {
    const chosen = new Set(row.map((atom) => atom.level));
    const assign = (factors: Space): Assignment => {
      const result: Assignment = {};
      for (const { name, levels } of factors) {
        const level = levels.find((one) => chosen.has(one)) as SpaceLevel;
        Object.assign(result, { [name]: level.value }, assign(level.below));
      }
      return result;
    };
    return assign(space);
  }
}

function compatible(a: Atom, b: Atom): boolean {
  return [...a.needs].every(([factor, atom]) => (b.needs.get(factor) ?? atom) === atom);
}
