import type { ConnectionParams } from './connection-params.js';
import { certificateBeside, isSecurityKey } from './key-files.js';
import { shortPath } from './paths.js';
import type { HostSettings } from './ssh-config-file.js';
import type { Target, TransportName } from './target.js';

export interface TransportChoice {
  readonly transport: TransportName;
  readonly transportReason: string;
}

/** What the choice looks at. */
export interface TransportQuestion {
  readonly asked: ConnectionParams['transport'];
  readonly sshOptions: readonly string[];
  readonly settings: HostSettings;
  readonly keyfiles: readonly string[];
  readonly hops: readonly Target[];
  /** Where ProxyCommand is set, when it is in force. */
  readonly proxyCommand: string | undefined;
  /** Where a certificate authority is trusted for the host, when no plain key of it is known. */
  readonly certificateAuthority: string | undefined;
}

/** ssh2, unless something asks for what it cannot do. */
export function chooseTransport(question: TransportQuestion): TransportChoice {
  const { asked } = question;
  if (asked === 'ssh2' || asked === 'openssh') return { transport: asked, transportReason: 'asked for' };
  const reason = reasonForOpenssh(question);
  return reason === undefined
    ? { transport: 'ssh2', transportReason: 'nothing needs openssh' }
    : { transport: 'openssh', transportReason: reason };
}

/** Keywords that matter only when they say yes, or name something. */
const demands: readonly (readonly [keyword: string, name: string, holds: (value: string) => boolean])[] = [
  ['certificatefile', 'CertificateFile', isSet],
  ['pkcs11provider', 'PKCS11Provider', isSet],
  ['hostbasedauthentication', 'HostbasedAuthentication', isYes],
  ['kexalgorithms', 'KexAlgorithms without any that ssh2 knows', onlyUnknownKex],
  ['knownhostscommand', 'KnownHostsCommand', isSet],
  ['revokedhostkeys', 'RevokedHostKeys', isSet],
  ['canonicalizehostname', 'CanonicalizeHostname', (value) => isYes(value) || value === 'always'],
  ['bindaddress', 'BindAddress', isSet],
  ['bindinterface', 'BindInterface', isSet],
];

function reasonForOpenssh(question: TransportQuestion): string | undefined {
  const { settings, keyfiles, hops } = question;
  if (question.sshOptions.length > 0) return 'sshOptions are given';
  if (question.proxyCommand !== undefined) return `ProxyCommand in ${question.proxyCommand}`;
  for (const [keyword, name, holds] of demands) {
    const setting = settings.get(keyword);
    if (setting && holds(setting.args[0]?.toLowerCase() ?? '')) return `${name} in ${setting.place}`;
  }
  const gssapi = settings.get('gssapiauthentication');
  // Distributions switch it on for everybody; only a user's own line says that it is needed.
  if (gssapi && isYes(gssapi.args[0] ?? '') && !gssapi.place.startsWith('/etc/ssh/')) {
    return `GSSAPIAuthentication in ${gssapi.place}`;
  }
  for (const file of keyfiles) {
    const certificate = certificateBeside(file);
    if (certificate !== undefined) return `certificate ${shortPath(certificate)}`;
    if (isSecurityKey(file)) return `security key ${shortPath(file)}`;
  }
  const undecided = settings.undecided[0];
  if (undecided) return `${undecided.what} in ${undecided.place}`;
  if (question.certificateAuthority !== undefined)
    return `@cert-authority in ${question.certificateAuthority}`;
  const hop = hops.find((target) => target.transport === 'openssh');
  return hop && `jump host ${hop.alias}: ${hop.transportReason}`;
}

function isYes(value: string): boolean {
  return ['yes', 'true'].includes(value.toLowerCase());
}
function isSet(value: string): boolean {
  return value !== '' && value !== 'none';
}
/** A list that begins with +, - or ^ changes the defaults, which always have one in common with ssh2. */
function onlyUnknownKex(value: string): boolean {
  return (
    !/^[+^-]/.test(value) &&
    !value
      .split(',')
      .some((name) => /^(curve25519-sha256|ecdh-sha2-nistp|diffie-hellman-group|\*)/.test(name))
  );
}
