import { InvalidArgument, show } from '../util/index.js';
import { isPlain, keyOf } from './combination.js';
import type { Level } from './combination.js';

/** One value of a factor, with the factors that exist only together with it. */
export interface SpaceLevel {
  readonly value: Level;
  readonly below: Space;
}
export interface Factor {
  readonly name: string;
  readonly levels: readonly SpaceLevel[];
}
/** What a sweep goes over: factors, some levels of which have factors of their own. */
export type Space = readonly Factor[];

export type Assignment = Record<string, Level>;

/** Reads the parameters of `sweep()`. A level that is named twice counts once. */
export function readSpace(parameters: object, above: readonly string[] = []): Space {
  if (typeof parameters !== 'object' || parameters === null || !isPlain(parameters))
    throw new InvalidArgument(`sweep(): parameters must be an object of lists, not ${show(parameters)}`);
  const names = Object.keys(parameters);
  for (const name of names)
    if (above.includes(name))
      throw new InvalidArgument(`sweep(): the factor ${show(name)} is inside a factor of the same name`);
  return Object.entries(parameters).map(([name, levels]) => ({
    name,
    levels: readLevels(name, levels, [...above, ...names]),
  }));
}

function readLevels(name: string, given: unknown, above: readonly string[]): readonly SpaceLevel[] {
  const pairs = levelPairs(given);
  if (!pairs) {
    throw new InvalidArgument(
      `sweep(): the factor ${show(name)} must be a list of values, or an object or Map from values to parameters, not ${show(given)}`,
    );
  }
  const levels = new Map<string, SpaceLevel>();
  for (const [value, below] of pairs) {
    const key = keyOf([value]);
    if (!levels.has(key)) levels.set(key, { value: value as Level, below: readSpace(below ?? {}, above) });
  }
  if (levels.size === 0) throw new InvalidArgument(`sweep(): the factor ${show(name)} has no values`);
  return [...levels.values()];
}

function levelPairs(given: unknown): [unknown, object | null | undefined][] | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  if (given instanceof Map) return [...(given as Map<unknown, object | null>)];
  if (isPlain(given)) return Object.entries(given) as [string, object | null][];
  if (!(Symbol.iterator in given)) return undefined;
  return Array.from(given as Iterable<unknown>, (value) => [value, undefined]);
}

/** How many combinations there are. */
export function sizeOf(space: Space): bigint {
  return space.reduce(
    (product, { levels }) => product * levels.reduce((sum, { below }) => sum + sizeOf(below), 0n),
    1n,
  );
}

/** All of them: the last factor changes fastest. */
export function everyOf(space: Space): Assignment[] {
  let all: Assignment[] = [{}];
  for (const { name, levels } of space) {
    const choices = levels.flatMap(({ value, below }) =>
      everyOf(below).map((rest) => ({ [name]: value, ...rest })),
    );
    all = all.flatMap((before) => choices.map((choice) => ({ ...before, ...choice })));
  }
  return all;
}

/** The combination at a place of {@link everyOf}, without making the others. */
export function nthOf(space: Space, index: bigint): Assignment {
  const parts: Assignment[] = [];
  for (const { name, levels } of space.toReversed()) {
    const sizes = levels.map(({ below }) => sizeOf(below));
    const total = sizes.reduce((sum, size) => sum + size, 0n);
    let rest = index % total;
    index /= total;
    const at = sizes.findIndex((size) => {
      if (rest < size) return true;
      rest -= size;
      return false;
    });
    const level = levels[at] as SpaceLevel;
    parts.push({ [name]: level.value, ...nthOf(level.below, rest) });
  }
  return Object.assign({}, ...parts.reverse()) as Assignment;
}
