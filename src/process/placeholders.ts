import type { Host } from '../host/index.js';
import { InvalidArgument, nearest, show } from '../util/index.js';
import { isHost } from './cmd.js';

/** One value of a `{{name}}`. */
export type VarValue = string | number | bigint | Host;
/** Values of `{{name}}` in commands; host `i` gets element `i % length` of an array. */
export type Vars = Readonly<Record<string, VarValue | readonly VarValue[]>>;

/** What stands in triple braces. */
const builtins = ['host', 'index'];
const token = /\\\{\{|\{\{\{([^{}]*)\}\}\}|\{\{([^{}]*)\}\}|\{\{/g;

/** Throws InvalidArgument for `vars` that are not values or non-empty arrays of them. */
export function checkVars(vars: unknown, what: string): asserts vars is Vars {
  if (typeof vars !== 'object' || vars === null || Array.isArray(vars)) {
    throw new InvalidArgument(`${what} must be an object like { name: ['value', ...] }, not ${show(vars)}`);
  }
  for (const [name, value] of Object.entries(vars) as [string, unknown][]) {
    if (!/^[\w.-]+$/.test(name))
      throw new InvalidArgument(`${what}: ${show(name)} cannot be a name; use letters, digits, _ . -`);
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (values.length === 0)
      throw new InvalidArgument(`${what}.${name} is an empty array; it must have a value for each host`);
    for (const item of values) {
      const good =
        typeof item === 'string' ||
        typeof item === 'bigint' ||
        (typeof item === 'number' && Number.isFinite(item)) ||
        isHost(item);
      if (!good)
        throw new InvalidArgument(
          `${what}.${name} must be strings, finite numbers or Hosts, not ${show(item)}`,
        );
    }
  }
}

/** Throws InvalidArgument for a `{{name}}` that has no value. */
export function checkPlaceholders(text: string, vars: Vars): void {
  replace(text, vars, () => '');
}

/** Fills in `{{{host}}}`, `{{{index}}}` and `{{name}}`, without quoting; `\{{` becomes `{{`. Values are not looked into again. */
export function expandPlaceholders(
  text: string,
  context: { readonly host?: Host; readonly index: number; readonly vars?: Vars },
): string {
  const { host, index, vars = {} } = context;
  return replace(text, vars, (name, builtin) => {
    if (builtin) return name === 'host' ? (host?.address ?? 'localhost') : String(index);
    const value = vars[name] as VarValue | readonly VarValue[];
    const item = Array.isArray(value)
      ? (value as readonly VarValue[])[index % value.length]
      : (value as VarValue);
    return isHost(item) ? item.address : String(item);
  });
}

function replace(text: string, vars: Vars, valueOf: (name: string, builtin: boolean) => string): string {
  if (!text.includes('{{')) return text;
  return text.replace(token, (match: string, triple: string | undefined, double: string | undefined) => {
    if (match === '\\{{') return '{{';
    const name = (triple ?? double ?? '').trim();
    const known = triple === undefined ? Object.hasOwn(vars, name) : builtins.includes(name);
    if (known) return valueOf(name, triple !== undefined);
    throw unknownName(text, match, name, vars);
  });
}

function unknownName(text: string, match: string, name: string, vars: Vars): InvalidArgument {
  const known = [...builtins.map((b) => `{{{${b}}}}`), ...Object.keys(vars).map((v) => `{{${v}}}`)];
  const hint = builtins.includes(name) ? name : nearest(name, [...builtins, ...Object.keys(vars)]);
  const meant = hint === undefined ? undefined : known.find((k) => k.replace(/[{}]/g, '') === hint);
  return new InvalidArgument(
    `unknown name ${match} in command ${show(text)}; known are ${known.join(', ')}` +
      `${meant ? `; did you mean ${meant}?` : ''}; a literal {{ is written \\{{`,
  );
}
