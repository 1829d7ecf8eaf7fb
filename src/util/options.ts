import { InvalidArgument, show } from './errors.js';

/** Checks one option's value: returns what is wrong with it ("a string"), or undefined. */
export type Check = (value: unknown) => string | undefined;

export const isString: Check = (v) => (typeof v === 'string' ? undefined : 'a string');
export const isBoolean: Check = (v) => (typeof v === 'boolean' ? undefined : 'true or false');
export const isFunction: Check = (v) => (typeof v === 'function' ? undefined : 'a function');
export const isAnything: Check = () => undefined;
export const isCount: Check = (v) =>
  typeof v === 'number' && Number.isInteger(v) && v >= 0 ? undefined : 'a whole number ≥ 0';
export const isPositive: Check = (v) =>
  typeof v === 'number' && (v === Infinity || Number.isInteger(v)) && v >= 1
    ? undefined
    : 'a whole number ≥ 1';
export const isPort: Check = (v) =>
  typeof v === 'number' && Number.isInteger(v) && v >= 1 && v <= 65535 ? undefined : 'a port, 1 to 65535';
export const isObject: Check = (v) => (typeof v === 'object' && v !== null ? undefined : 'an object');
export const isStringList: Check = (v) =>
  Array.isArray(v) && v.every((item) => typeof item === 'string') ? undefined : 'a list of strings';
export function isOneOf(...values: readonly string[]): Check {
  return (v) =>
    values.includes(v as string) ? undefined : `one of ${values.map((x) => `'${x}'`).join(', ')}`;
}
export function isEither(...checks: readonly Check[]): Check {
  return (v) => {
    const wishes = checks.map((check) => check(v));
    return wishes.includes(undefined) ? undefined : wishes.join(', or ');
  };
}
export function isRecordOf(check: Check): Check {
  return (v) => {
    if (typeof v !== 'object' || v === null || Array.isArray(v)) return 'an object';
    const bad = Object.entries(v).find(([, item]) => check(item) !== undefined);
    return bad ? `an object whose ${show(bad[0])} is ${check(bad[1])}` : undefined;
  };
}

/**
 * Refuses unknown keys (with the nearest known one) and values of the wrong type; `undefined` means left out.
 * The table of checks stands beside the options' type, and its keys are checked against it by the compiler.
 */
export function checkOptions<T extends object>(
  what: string,
  options: T,
  checks: { readonly [K in keyof Required<T>]: Check },
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidArgument(`${what}: options must be an object, not ${show(options)}`);
  }
  for (const [key, value] of Object.entries(options)) {
    const check = Object.hasOwn(checks, key) ? (checks as Record<string, Check>)[key] : undefined;
    if (!check) {
      const hint = nearest(key, Object.keys(checks));
      throw new InvalidArgument(
        `${what}: unknown option ${show(key)}${hint ? `; did you mean '${hint}'?` : ''}`,
      );
    }
    if (value === undefined) continue;
    const wish = check(value);
    if (wish) throw new InvalidArgument(`${what}: option ${key} must be ${wish}, not ${show(value)}`);
  }
}

/** The known name closest to a mistyped one, when it is close enough to be a likely typo. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((k) => ({ k, d: editDistance(name.toLowerCase(), k.toLowerCase()) }))
    .sort((a, b) => a.d - b.d)[0];
  return ranked && ranked.d <= Math.max(2, Math.floor(name.length / 3)) ? ranked.k : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
