import { checkOptions, InvalidArgument, isEither, isOneOf, isPositive, isString } from '../util/index.js';
import type { Check } from '../util/index.js';
import type { Level } from './combination.js';
import { latinHypercube, pairwise, randomDesign } from './designs.js';
import { Random } from './random.js';
import { everyOf, readSpace, sizeOf } from './space.js';

/**
 * What to sweep over. A factor is a list of its levels, or an object (for levels that are not text, a Map) from levels to
 * the parameters that exist only with them: `{ tool: { put: null, torrent: { piece: [64, 256] } }, size: [1, 10] }`.
 */
export interface Parameters {
  readonly [factor: string]:
    Iterable<Level> | ReadonlyMap<Level, Parameters | null> | { readonly [level: string]: Parameters | null };
}

/** The type of the combinations of {@link Parameters}: one member for each way that the levels can go together. */
export type Combination<P> = Flat<Together<{ [K in keyof P]: (one: Choices<K, P[K]>) => void }[keyof P]>>;

/** What one factor adds to a combination: a union when some of its levels have parameters of their own. */
type Choices<K extends PropertyKey, L> =
  L extends ReadonlyMap<infer V, infer S>
    ? { readonly [N in K]: V } & Below<S>
    : L extends Iterable<infer V>
      ? { readonly [N in K]: V }
      : { [V in keyof L]: { readonly [N in K]: V } & Below<L[V]> }[keyof L];
type Below<S> = S extends null | undefined ? {} : keyof S extends never ? {} : Combination<S>;
/** The parameter that satisfies every function of a union is the intersection of theirs. */
type Together<F> = [F] extends [never] ? {} : [F] extends [(one: infer A) => void] ? A : never;
type Flat<T> = T extends unknown ? { [K in keyof T]: T[K] } : never;

/** Which of the combinations to take. */
export interface SweepOptions {
  /**
   * `'full'` (default): all. `'random'`: `samples` different ones. `'latin-hypercube'`: `samples`, with the levels of each
   * factor equally often. `'pairwise'`: few, in which every two levels of two factors meet at least once.
   */
  design?: 'full' | 'random' | 'latin-hypercube' | 'pairwise';
  /** The same seed gives the same combinations, in the same order. Default 0. */
  seed?: number | string;
  /** How many combinations; needed by, and only for, `'random'` and `'latin-hypercube'`. */
  samples?: number;
}

const isNumber: Check = (v) => (typeof v === 'number' ? undefined : 'a number');
const checks = {
  design: isOneOf('full', 'random', 'latin-hypercube', 'pairwise'),
  seed: isEither(isNumber, isString),
  samples: isPositive,
};
/** More combinations than this are not made: they would not fit into memory. */
const most = 10_000_000n;

/**
 * The combinations of the levels of several factors.
 * @example
 * sweep({ size: [1, 10], tool: { put: null, torrent: { piece: [64, 256] } } });
 * // { size: 1, tool: 'put' }, { size: 1, tool: 'torrent', piece: 64 }, … six in all
 */
export function sweep<const P extends Parameters>(
  parameters: P,
  options: SweepOptions = {},
): Combination<P>[] {
  checkOptions<SweepOptions>('sweep()', options, checks);
  const { design = 'full', seed = 0, samples } = options;
  const sampled = design === 'random' || design === 'latin-hypercube';
  if (sampled !== (samples !== undefined) || samples === Infinity)
    throw new InvalidArgument(`sweep(): the design '${design}' ${sampled ? 'needs' : 'takes no'} samples`);
  const space = readSpace(parameters);
  const random = new Random(seed);
  const make = () => {
    if (design === 'random') return randomDesign(space, samples as number, random);
    if (design === 'latin-hypercube') return latinHypercube(space, samples as number, random);
    if (design === 'pairwise') return pairwise(space, random);
    if (sizeOf(space) > most)
      throw new InvalidArgument(`sweep(): ${sizeOf(space)} combinations are too many; take some by a design`);
    return everyOf(space);
  };
  return make() as Combination<P>[];
}

/**
 * `count` numbers from `from` to `to`, each the same multiple of the one before.
 * @example
 * geom(1, 1000, 4); // [1, 10, 100, 1000]
 */
export function geom(from: number, to: number, count: number): number[] {
  checkProgression('geom()', from, to, count);
  if (count === 1) return [from];
  return Array.from({ length: count }, (_, i) => {
    if (i === 0) return from;
    return i === count - 1 ? to : from * Math.pow(to / from, i / (count - 1));
  });
}

/** The same rounded to whole numbers, each once; so there may be fewer than `count`. */
export function igeom(from: number, to: number, count: number): number[] {
  checkProgression('igeom()', from, to, count);
  return [...new Set(geom(from, to, count).map(Math.round))];
}

function checkProgression(what: string, from: number, to: number, count: number): void {
  for (const value of [from, to])
    if (!(Number.isFinite(value) && value > 0))
      throw new InvalidArgument(`${what}: bounds must be numbers > 0, not ${value}`);
  if (!(Number.isInteger(count) && count >= 1))
    throw new InvalidArgument(`${what}: the count must be a whole number ≥ 1, not ${count}`);
}
