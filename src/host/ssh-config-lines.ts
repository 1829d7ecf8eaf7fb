import { InvalidArgument, logger, nearest, show } from '../util/index.js';
import { shortPath } from './paths.js';
import { compilePatterns, type PatternList } from './patterns.js';

/** One `Keyword value …` of a configuration file, and where it stands. */
export interface Setting {
  /** In lower case. */
  readonly keyword: string;
  readonly args: readonly string[];
  /** The whole rest of the line, for commands. */
  readonly text: string;
  /** `~/.ssh/config line 12` */
  readonly place: string;
}

/** One condition of a `Match` line. */
export interface Criterion {
  readonly name: string;
  readonly negated: boolean;
  readonly patterns: PatternList;
}

/** A run of settings under one `Host` or `Match` line; the lines before the first of those are under none. */
export interface Section {
  readonly host: PatternList | undefined;
  readonly match: readonly Criterion[] | undefined;
  readonly place: string;
  readonly settings: Setting[];
}

/** ssh_config(5), OpenSSH 10, with what Debian and macOS add. */
const keywords = new Set(
  `addkeystoagent addressfamily batchmode bindaddress bindinterface canonicaldomains canonicalizefallbacklocal
  canonicalizehostname canonicalizemaxdots canonicalizepermittedcnames casignaturealgorithms certificatefile
  challengeresponseauthentication channeltimeout checkhostip cipher ciphers clearallforwardings compression compressionlevel
  connectionattempts connecttimeout controlmaster controlpath controlpersist dsaauthentication dynamicforward enableescapecommandline
  enablesshkeysign escapechar exitonforwardfailure fallbacktorsh fingerprinthash forkafterauthentication forwardagent
  forwardx11 forwardx11timeout forwardx11trusted gatewayports globalknownhostsfile gssapiauthentication
  gssapiclientidentity gssapidelegatecredentials gssapikexalgorithms gssapikeyexchange gssapirenewalforcesrekey
  gssapiserveridentity gssapitrustdns hashknownhosts host hostbasedacceptedalgorithms hostbasedauthentication
  hostbasedkeytypes hostkeyalgorithms hostkeyalias hostname identitiesonly identityagent identityfile ignoreunknown include
  ipqos kbdinteractiveauthentication kbdinteractivedevices kexalgorithms keychainintegration knownhostscommand localcommand
  localforward loglevel logverbose macs match nohostauthenticationforlocalhost numberofpasswordprompts
  obscurekeystroketiming passwordauthentication permitlocalcommand permitremoteopen pkcs11provider port
  preferredauthentications protocol proxycommand proxyjump proxyusefdpass pubkeyacceptedalgorithms
  pubkeyacceptedkeytypes pubkeyauthentication refuseconnection rekeylimit remotecommand remoteforward requesttty
  requiredrsasize revokedhostkeys rhostsrsaauthentication rsaauthentication securitykeyprovider sendenv
  serveralivecountmax serveraliveinterval sessiontype setenv skeyauthentication smartcarddevice stdinnull
  streamlocalbindmask streamlocalbindunlink stricthostkeychecking syslogfacility tag tcpkeepalive tunnel tunneldevice
  updatehostkeys usekeychain useprivilegedport user userknownhostsfile useroaming versionaddendum verifyhostkeydns
  visualhostkey warnweakcrypto xauthlocation`.split(/\s+/),
);

/** Keywords that take several values; for others a second one is a mistake. */
const severalArgs = new Set(
  `host match include globalknownhostsfile userknownhostsfile sendenv setenv ipqos rekeylimit canonicaldomains
  canonicalizepermittedcnames dynamicforward localforward remoteforward permitremoteopen logverbose addkeystoagent
  channeltimeout proxycommand knownhostscommand localcommand remotecommand`.split(/\s+/),
);
const commands = new Set(['proxycommand', 'knownhostscommand', 'localcommand', 'remotecommand']);

const matchWithValue = new Set(
  'exec host originalhost user localuser localnetwork tagged command sessiontype version'.split(' '),
);
const matchWithout = new Set(['all', 'final', 'canonical']);

/**
 * Sections of one file. The reader is our own because the conditions, the places of mistakes, comments behind values and quoting
 * must be those of `ssh`, which the tests compare it with.
 */
export function parseSshConfig(content: string, file: string): Section[] {
  const name = shortPath(file);
  const section = (place: string, host?: PatternList, match?: readonly Criterion[]): Section => ({
    host,
    match,
    place,
    settings: [],
  });
  let current = section(name);
  const sections = [current];
  let ignored: PatternList = [];
  for (const [index, line] of content.split('\n').entries()) {
    const place = `${name} line ${index + 1}`;
    const setting = parseLine(line, place);
    if (!setting) continue;
    const { keyword, args } = setting;
    if (!keywords.has(keyword)) {
      if (!ignored.some((pattern) => pattern.matches(keyword))) complainAboutKeyword(keyword, place);
      continue;
    }
    if (args.length === 0) throw new InvalidArgument(`${place}: ${keyword} needs a value`);
    if (args.length > 1 && !severalArgs.has(keyword)) {
      throw new InvalidArgument(`${place}: ${keyword} takes one value, not ${show(args.join(' '))}`);
    }
    if (keyword === 'host') sections.push((current = section(place, compilePatterns(args))));
    else if (keyword === 'match')
      sections.push((current = section(place, undefined, parseMatch(args, place))));
    else current.settings.push(setting);
    if (keyword === 'ignoreunknown') ignored = compilePatterns((args[0] ?? '').toLowerCase().split(','));
  }
  return sections;
}

const complained = new Set<string>();
function complainAboutKeyword(keyword: string, place: string): void {
  const hint = nearest(keyword, [...keywords]);
  if (hint) throw new InvalidArgument(`${place}: unknown keyword ${show(keyword)}; did you mean '${hint}'?`);
  // Nothing like what we know: perhaps newer than this list, so `ssh` may know better.
  if (!complained.has(place))
    logger.warn('ssh-config', `${place}: unknown keyword ${show(keyword)} is ignored`);
  complained.add(place);
}

function parseLine(line: string, place: string): Setting | undefined {
  const match = /^[ \t]*([^\s="#][^\s="]*)[ \t]*=?[ \t]*(.*?)\s*$/s.exec(line);
  if (!match) {
    if (/^\s*(#.*)?$/s.test(line)) return undefined;
    throw new InvalidArgument(`${place}: expected 'Keyword value', not ${show(line.trim())}`);
  }
  const keyword = (match[1] ?? '').toLowerCase();
  const text = match[2] ?? '';
  // A command keeps its quotes for the shell that will run it.
  const args = commands.has(keyword) ? [text].filter((t) => t !== '') : splitArgs(text, place);
  return { keyword, args, text, place };
}

/** Words in single or double quotes, a backslash before a quote, a backslash or a space, and a comment that begins a word. */
function splitArgs(text: string, place: string): string[] {
  const args: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at] ?? '')) {
      at++;
      continue;
    }
    if (text[at] === '#') break;
    let word = '';
    let quote = '';
    for (; at < text.length; at++) {
      const char = text[at] ?? '';
      const next = text[at + 1] ?? '';
      if (char === '\\' && (/["'\\]/.test(next) || (next === ' ' && !quote))) {
        word += next;
        at++;
      } else if (!quote && /\s/.test(char)) break;
      else if (!quote && /["']/.test(char)) quote = char;
      else if (char === quote) quote = '';
      else word += char;
    }
    if (quote) throw new InvalidArgument(`${place}: a quote is not closed in ${show(text)}`);
    args.push(word);
  }
  return args;
}

function parseMatch(args: readonly string[], place: string): Criterion[] {
  const criteria: Criterion[] = [];
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const negated = word.startsWith('!');
    const bare = negated ? word.slice(1) : word;
    const equals = bare.indexOf('=');
    const name = (equals < 0 ? bare : bare.slice(0, equals)).toLowerCase();
    if (matchWithout.has(name)) {
      criteria.push({ name, negated, patterns: [] });
      continue;
    }
    if (!matchWithValue.has(name)) throw new InvalidArgument(`${place}: Match does not know ${show(word)}`);
    const value = equals < 0 ? rest.shift() : bare.slice(equals + 1);
    if (value === undefined || value === '')
      throw new InvalidArgument(`${place}: Match ${name} needs a value`);
    // Unlike a Host line, these two make no difference between small letters and capitals.
    const words = name === 'host' || name === 'originalhost' ? value.toLowerCase() : value;
    criteria.push({ name, negated, patterns: name === 'exec' ? [] : compilePatterns(words.split(',')) });
  }
  return criteria;
}
