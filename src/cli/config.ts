import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkConnectionParams, defaults, hostList, type ConnectionParams } from '../host/index.js';
import {
  configureLogger,
  InvalidArgument,
  isEither,
  isOneOf,
  isRecordOf,
  isString,
  isStringList,
  logLevels,
  messageOf,
  nearest,
  show,
  type Check,
  type LogLevel,
} from '../util/index.js';

/** What `rookery.config.{ts,js,json}` holds; all of it may be left out. */
export interface Config {
  /** How to reach hosts, weaker than what a command line says and stronger than `~/.ssh/config`. */
  connectionParams?: ConnectionParams;
  /** Host lists by name, for `-w @name`; a group may hold other groups. */
  groups?: Readonly<Record<string, string | readonly string[]>>;
  /** How much is logged. Default `'warn'`; the variable ROOKERY_LOG wins. */
  logLevel?: LogLevel;
  /** Absolute paths of programs that are not to be looked up in PATH, such as `{ ssh: '/opt/openssh/bin/ssh' }`. */
  tools?: Readonly<Record<string, string>>;
}

/** A value with the file that it came from. */
export interface Origin {
  readonly key: string;
  readonly value: unknown;
  readonly file: string;
}

export interface LoadedConfig {
  readonly config: Required<Omit<Config, 'logLevel'>> & Pick<Config, 'logLevel'>;
  readonly origins: readonly Origin[];
}

const names = ['ts', 'js', 'json'].map((ending) => `rookery.config.${ending}`);

const isTool: Check = (v) =>
  typeof v === 'string' && isAbsolute(v) ? undefined : 'the absolute path of a program';
const checks: { readonly [K in keyof Required<Config>]: Check } = {
  // Checked by its own rules, which do not echo secrets.
  connectionParams: () => undefined,
  groups: isRecordOf(isEither(isString, isStringList)),
  logLevel: isOneOf(...logLevels),
  tools: isRecordOf(isTool),
};

/** The files that count, the weaker first: that of the person, then that of the project, which is looked for upwards. */
function configFiles(): string[] {
  const home = join(process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'rookery');
  const found = [onlyOne(home)];
  for (let folder = resolve('.'); ; folder = dirname(folder)) {
    const file = onlyOne(folder);
    if (file !== undefined) found.push(file);
    if (file !== undefined || folder === dirname(folder)) break;
  }
  return [...new Set(found.filter((file) => file !== undefined))];
}

function onlyOne(folder: string): string | undefined {
  const files = names.map((name) => join(folder, name)).filter((file) => existsSync(file));
  if (files.length > 1)
    throw new InvalidArgument(`${folder} has ${files.map((file) => basename(file)).join(' and ')}: keep one`);
  return files[0];
}

async function read(file: string): Promise<Config> {
  let content: unknown;
  try {
    if (file.endsWith('.json')) content = JSON.parse(await readFile(file, 'utf8'));
    else if (file.endsWith('.ts')) {
      const { createJiti } = await import('jiti');
      content = await createJiti(import.meta.url, { fsCache: false }).import(file, { default: true });
    } else content = ((await import(pathToFileURL(file).href)) as { default?: unknown }).default;
  } catch (cause) {
    throw new InvalidArgument(`${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
  check(file, content);
  return content;
}

function check(file: string, content: unknown): asserts content is Config {
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw new InvalidArgument(`${file} must give an object (export default {…}), not ${show(content)}`);
  for (const [key, value] of Object.entries(content)) {
    const wish = Object.hasOwn(checks, key) ? checks[key as keyof Config](value) : undefined;
    if (!Object.hasOwn(checks, key)) {
      const known = Object.keys(checks);
      const hint = nearest(key, known);
      throw new InvalidArgument(
        `${file}: ${key} is no key of a configuration; ${hint ? `did you mean ${hint}?` : `there are ${known.join(', ')}`}`,
      );
    }
    if (wish) throw new InvalidArgument(`${file}: ${key} must be ${wish}, not ${show(value)}`);
  }
  const { connectionParams, groups, tools } = content as Config;
  if (connectionParams !== undefined) checkConnectionParams(connectionParams, `${file}: connectionParams`);
  for (const name of Object.keys(groups ?? {})) {
    if (!/^[\w.-]+$/.test(name))
      throw new InvalidArgument(`${file}: groups: a name has letters, digits, _ . and -, not ${show(name)}`);
  }
  for (const [name, path] of Object.entries(tools ?? {})) {
    if (basename(path) !== name)
      throw new InvalidArgument(
        `${file}: tools.${name} must be the absolute path of a program called ${name}, not ${show(path)}`,
      );
  }
}

let loaded: Promise<LoadedConfig> | undefined;

/** Reads the files once, and makes their defaults those of this program. Rejects with InvalidArgument, with file, key and expected form. */
export function loadConfig(): Promise<LoadedConfig> {
  return (loaded ??= load());
}

async function load(): Promise<LoadedConfig> {
  const origins = new Map<string, Origin>();
  const config: LoadedConfig['config'] = { connectionParams: {}, groups: {}, tools: {} };
  for (const file of configFiles()) {
    for (const [key, value] of Object.entries(await read(file))) {
      if (key === 'logLevel') {
        config.logLevel = value as LogLevel;
        origins.set(key, { key, value, file });
        continue;
      }
      Object.assign(config[key as 'groups'], value);
      for (const [name, part] of Object.entries(value as object))
        origins.set(`${key}.${name}`, { key: `${key}.${name}`, value: part as unknown, file });
    }
  }
  for (const { key, file } of origins.values()) {
    if (key.startsWith('groups.')) expandGroup(key.slice('groups.'.length), config.groups, file);
  }
  Object.assign(defaults.connectionParams, config.connectionParams);
  if (config.logLevel !== undefined && !process.env['ROOKERY_LOG'])
    configureLogger({ level: config.logLevel });
  const folders = Object.values(config.tools).map((path) => dirname(path));
  if (folders.length > 0)
    process.env['PATH'] = [...new Set(folders), process.env['PATH'] ?? ''].join(delimiter);
  return { config, origins: [...origins.values()] };
}

/** Puts their hosts in the place of `@name` and `!@name` in a host list expression. */
export function expandGroups(text: string, groups: LoadedConfig['config']['groups'], place = '-w'): string {
  return replaceGroups(text, (name) => expandGroup(name, groups, place));
}

function replaceGroups(text: string, hostsOf: (name: string) => string[]): string {
  return text.replace(/(?<=^|[\s,])(!?)@([\w.-]+)(?=$|[\s,])/g, (_, not: string, name: string) =>
    hostsOf(name)
      .map((host) => not + host)
      .join(','),
  );
}

function expandGroup(
  name: string,
  groups: LoadedConfig['config']['groups'],
  place: string,
  outer: readonly string[] = [],
): string[] {
  const group = Object.hasOwn(groups, name) ? groups[name] : undefined;
  if (group === undefined) {
    const known = Object.keys(groups);
    const there =
      known.length > 0 ? `there are ${known.map((one) => `@${one}`).join(', ')}` : 'no configuration has any';
    throw new InvalidArgument(`${place}: there is no group @${name}; ${there}`);
  }
  if (outer.includes(name))
    throw new InvalidArgument(
      `${place}: the group ${[...outer, name].map((one) => `@${one}`).join(' holds ')}`,
    );
  const text = replaceGroups([group].flat().join(','), (inner) =>
    expandGroup(inner, groups, place, [...outer, name]),
  );
  try {
    return hostList(text).map((host) => host.toString());
  } catch (cause) {
    throw new InvalidArgument(`${place}: group @${name}: ${messageOf(cause)}`, { cause });
  }
}
