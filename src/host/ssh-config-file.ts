import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { InvalidArgument, messageOf, show } from '../util/index.js';
import { expandPath, expandTokens, fileStamp, globFiles, localUser, shortPath } from './paths.js';
import { matchesPatterns } from './patterns.js';
import { parseSshConfig, type Criterion, type Section, type Setting } from './ssh-config-lines.js';

/** A section whose Include lines have been followed. */
interface LoadedSection extends Omit<Section, 'settings'> {
  readonly items: readonly (Setting | readonly LoadedSection[])[];
}
interface LoadedFile {
  readonly sections: readonly LoadedSection[];
  /** Every file and folder that it depends on, as it was. */
  readonly stamps: readonly (readonly [path: string, stamp: string | undefined])[];
}

/** What the configuration says about one host: for each keyword the first value, and all of those that add up. */
export class HostSettings {
  readonly #values = new Map<string, Setting[]>();
  /** Conditions that only the `ssh` program can decide. */
  readonly undecided: { readonly what: string; readonly place: string }[] = [];

  /** The setting that counts; its first argument is `args[0]`. */
  get(keyword: string): Setting | undefined {
    return this.#values.get(keyword)?.[0];
  }
  /** Whichever of these keywords was said first. */
  first(...keywords: readonly string[]): Setting | undefined {
    // A Map keeps the order of insertion.
    const keyword = [...this.#values.keys()].find((key) => keywords.includes(key));
    return keyword === undefined ? undefined : this.get(keyword);
  }
  /** All settings of a keyword that adds up (IdentityFile, CertificateFile). */
  all(keyword: string): readonly Setting[] {
    return this.#values.get(keyword) ?? [];
  }
  add(setting: Setting): void {
    // For ssh a time of `none` is one that is not set, so that a later line can set it.
    if (times.has(setting.keyword) && setting.args[0] === 'none') return;
    const known = this.#values.get(setting.keyword);
    if (!known) this.#values.set(setting.keyword, [setting]);
    else if (addsUp.has(setting.keyword) && !known.some((k) => k.args[0] === setting.args[0]))
      known.push(setting);
  }
}
const times = new Set(['connecttimeout', 'serveraliveinterval']);
const addsUp = new Set(['identityfile', 'certificatefile']);

/**
 * Settings for one host name as the user wrote it. `config` is a file to read alone, undefined for the user's and the
 * system's, false for none. Throws InvalidArgument, with file and line, for a line that cannot be understood.
 */
export function readHostSettings(
  alias: string,
  config: string | false | undefined,
  given: { readonly user?: string | undefined; readonly port?: number | undefined } = {},
): HostSettings {
  const settings = new HostSettings();
  if (config === false) return settings;
  const files = config === undefined ? defaultFiles() : [expandPath(config)];
  if (config !== undefined && !existsSync(expandPath(config))) {
    throw new InvalidArgument(`ssh configuration file ${show(config)} does not exist`);
  }
  const loaded = files.map(load);
  const pass = { settings, given, alias, host: alias, final: false, wantsFinal: false };
  for (const file of loaded) apply(file.sections, pass);
  if (pass.wantsFinal) {
    const host = hostNameSoFar(pass).toLowerCase();
    const second = { ...pass, host, final: true };
    for (const file of loaded) apply(file.sections, second);
  }
  return settings;
}

function defaultFiles(): string[] {
  return [join(homedir(), '.ssh/config'), '/etc/ssh/ssh_config'];
}

interface Pass {
  readonly settings: HostSettings;
  readonly given: { readonly user?: string | undefined; readonly port?: number | undefined };
  readonly alias: string;
  readonly host: string;
  readonly final: boolean;
  wantsFinal: boolean;
}

function apply(sections: readonly LoadedSection[], pass: Pass): void {
  for (const section of sections) {
    if (section.host && !matchesPatterns(section.host, pass.host)) continue;
    if (section.match && !matches(section.match, section.place, pass)) continue;
    for (const item of section.items) {
      if (!('keyword' in item)) apply(item, pass);
      // By the final pass ssh has made up its mind about the name.
      else if (!pass.final || item.keyword !== 'hostname') pass.settings.add(item);
    }
  }
}

function matches(criteria: readonly Criterion[], place: string, pass: Pass): boolean {
  let undecided: string | undefined;
  let holds = true;
  // All are looked at, since `final` asks for a second reading wherever it stands.
  for (const criterion of criteria) {
    const result = decide(criterion, pass);
    if (result === undefined) undecided ??= criterion.name;
    else if (result === criterion.negated) holds = false;
  }
  if (holds && undecided !== undefined) pass.settings.undecided.push({ what: `Match ${undecided}`, place });
  return holds && undecided === undefined;
}

/** Whether a criterion holds, or undefined when only `ssh` can tell: no program is run to read a configuration. */
function decide(criterion: Criterion, pass: Pass): boolean | undefined {
  const { patterns } = criterion;
  switch (criterion.name) {
    case 'all':
      return true;
    case 'final':
      pass.wantsFinal = true;
      return pass.final;
    case 'canonical':
      // For ssh it is the same second reading, only that it does not ask for one.
      return pass.final;
    case 'host':
      return matchesPatterns(patterns, hostNameSoFar(pass).toLowerCase());
    case 'originalhost':
      return matchesPatterns(patterns, pass.alias.toLowerCase());
    case 'user':
      return matchesPatterns(patterns, pass.given.user ?? pass.settings.get('user')?.args[0] ?? localUser());
    case 'localuser':
      return matchesPatterns(patterns, localUser());
    default:
      return undefined;
  }
}

function hostNameSoFar(pass: Pass): string {
  const setting = pass.final ? undefined : pass.settings.get('hostname');
  return setting ? expandHostName(setting, pass.alias) : pass.host;
}

/** HostName knows only `%h`, the name as it was written, and `%%`. */
export function expandHostName(setting: Setting, alias: string): string {
  const text = setting.args[0] ?? '';
  const bad = /%(?![h%])./.exec(text);
  if (bad) throw new InvalidArgument(`${setting.place}: HostName does not know the token ${bad[0]}`);
  return text.replace(/%([h%])/g, (_, token) => (token === 'h' ? alias : '%'));
}

const cache = new Map<string, LoadedFile>();

function load(file: string): LoadedFile {
  const known = cache.get(file);
  if (known?.stamps.every(([path, stamp]) => fileStamp(path) === stamp)) return known;
  const stamps: [string, string | undefined][] = [];
  const loaded = { sections: loadSections(file, stamps, 0), stamps };
  cache.set(file, loaded);
  return loaded;
}

function loadSections(file: string, stamps: [string, string | undefined][], depth: number): LoadedSection[] {
  if (depth > 16) throw new InvalidArgument(`${shortPath(file)}: Include is nested more than 16 times`);
  const stamp = fileStamp(file);
  stamps.push([file, stamp]);
  if (stamp === undefined) return [];
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    throw new InvalidArgument(`ssh configuration file ${show(file)} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return parseSshConfig(content, file).map(({ settings, ...section }) => ({
    ...section,
    items: settings.flatMap((setting): (Setting | readonly LoadedSection[])[] =>
      setting.keyword === 'include'
        ? setting.args.flatMap((path) => {
            const { files, folders } = globFiles(includePath(path, file, setting));
            for (const folder of folders) stamps.push([folder, fileStamp(folder)]);
            return files.map((included) => loadSections(included, stamps, depth + 1));
          })
        : [setting],
    ),
  }));
}

/** Relative names are looked up in `~/.ssh`, those of the system's files in `/etc/ssh`. */
function includePath(path: string, file: string, setting: Setting): string {
  const expanded = expandTokens(
    path,
    { host: '', alias: '', port: 22, user: '' },
    (problem) => new InvalidArgument(`${setting.place}: ${problem} in ${show(path)}`),
  );
  if (expanded.startsWith('/') || expanded.startsWith('~')) return expandPath(expanded);
  const system = dirname(file) === '/etc/ssh' || file.startsWith('/etc/ssh/');
  return join(system ? '/etc/ssh' : join(homedir(), '.ssh'), expanded);
}
