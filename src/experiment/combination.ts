import { InvalidArgument, show } from '../util/index.js';

/** A value of a factor: anything that JSON holds. */
export type Level = string | number | boolean | null | readonly Level[] | { readonly [key: string]: Level };

/** Values of several factors, by their names. */
export type AnyCombination = { readonly [factor: string]: Level };

/**
 * The same text for combinations of the same values, whatever the order of their factors: by it they are told apart, in
 * memory and in files. Throws for values that JSON does not hold.
 */
export function keyOf(combination: object): string {
  return keyOfFlat(combination) ?? JSON.stringify(sorted(combination, combination));
}

/** The names of the combination before, usually those of the next: in their order, and sorted with what stands before a value. */
let names: readonly string[] = [];
let heads: readonly (readonly [name: string, head: string])[] = [];

/** The same for the usual combination, of plain values only, several times as fast: a sweep may have 100,000 of them. */
function keyOfFlat(combination: object): string | undefined {
  if (combination === null || Array.isArray(combination) || !isPlain(combination)) return undefined;
  const given = Object.keys(combination);
  if (given.length === 0) return undefined;
  if (given.length !== names.length || given.some((name, i) => name !== names[i])) {
    names = given;
    heads = given
      .toSorted()
      .map((name, i) => [name, `${i === 0 ? '{' : ','}${JSON.stringify(name)}:`] as const);
  }
  let text = '';
  for (const [name, head] of heads) {
    const value = (combination as Record<string, unknown>)[name];
    if (typeof value === 'string') text += head + JSON.stringify(value);
    else if (typeof value === 'number' && Number.isFinite(value)) text += `${head}${value}`;
    else if (typeof value === 'boolean') text += `${head}${value}`;
    else return undefined;
  }
  return text + '}';
}

function sorted(value: unknown, whole: object): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      if (Number.isFinite(value)) return value;
      break;
    case 'object':
      if (value === null) return value;
      if (Array.isArray(value)) return value.map((item) => sorted(item, whole));
      if (isPlain(value)) {
        const copy: Record<string, unknown> = {};
        for (const key of Object.keys(value).sort())
          copy[key] = sorted((value as Record<string, unknown>)[key], whole);
        return copy;
      }
  }
  throw new InvalidArgument(
    `a combination holds text, finite numbers, booleans, null, and lists and objects of them, not ${show(value)}: ${show(whole)}`,
  );
}

export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
