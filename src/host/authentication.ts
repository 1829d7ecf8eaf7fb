import ssh2 from 'ssh2';
import type {
  AnyAuthMethod,
  AuthenticationType,
  AuthHandlerMiddleware,
  BaseAgent,
  ParsedKey,
  ServerHostKeyAlgorithm,
} from 'ssh2';
import { knownKeyTypes } from './known-hosts.js';
import { loadPrivateKeys, loadPublicKeys } from './private-keys.js';
import type { Target } from './target.js';

/** What ssh2 is told to offer and in which order; nothing with SHA-1, and the ciphers first that Node does natively. */
export function algorithms(target: Target): ssh2.Algorithms {
  return {
    kex: [
      'curve25519-sha256',
      'curve25519-sha256@libssh.org',
      'ecdh-sha2-nistp256',
      'ecdh-sha2-nistp384',
      'ecdh-sha2-nistp521',
      'diffie-hellman-group-exchange-sha256',
      'diffie-hellman-group14-sha256',
      'diffie-hellman-group16-sha512',
      'diffie-hellman-group18-sha512',
    ],
    cipher: [
      'aes128-gcm@openssh.com',
      'aes256-gcm@openssh.com',
      'chacha20-poly1305@openssh.com',
      'aes128-ctr',
      'aes192-ctr',
      'aes256-ctr',
    ],
    hmac: [
      'hmac-sha2-256-etm@openssh.com',
      'hmac-sha2-512-etm@openssh.com',
      'hmac-sha2-256',
      'hmac-sha2-512',
    ],
    serverHostKey: hostKeyAlgorithms(target),
    compress: ['none'],
  };
}

/** The types that known_hosts has for the host come first, so that the server shows a key that can be compared. */
function hostKeyAlgorithms(target: Target): ServerHostKeyAlgorithm[] {
  const all: ServerHostKeyAlgorithm[] = [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
  ];
  const known = knownKeyTypes(target);
  return [...all.filter((type) => known.includes(type)), ...all.filter((type) => !known.includes(type))];
}

/**
 * Credentials in the order in which they are offered: keys, the agent's keys, password, keyboard-interactive.
 * @param onRefused called when the server has refused one of them
 */
export function authentication(target: Target, onRefused: () => void): AuthHandlerMiddleware {
  const { user: username, password } = target;
  const methods: AnyAuthMethod[] = [];
  const keys = loadPrivateKeys(target);
  for (const { key } of keys) methods.push({ type: 'publickey', username, key });
  if (target.agent !== undefined) {
    const agent = target.identitiesOnly ? limitedAgent(target) : target.agent;
    if (agent !== undefined) methods.push({ type: 'agent', username, agent });
  }
  if (password !== undefined) {
    methods.push({ type: 'password', username, password });
    methods.push({
      type: 'keyboard-interactive',
      username,
      prompt: (_name, _instructions, _language, prompts, finish) => finish(prompts.map(() => password)),
    });
  }
  let at = 0;
  return (left: AuthenticationType[] | null, _partial, next) => {
    if (left && at > 0) onRefused();
    // `left` is null at first, then what the server is willing to continue with (RFC 4252, section 5.1).
    let method = methods[at++];
    while (method && left && !left.includes(method.type === 'agent' ? 'publickey' : method.type))
      method = methods[at++];
    // `false` says that there is nothing more to offer; the type declarations do not know of it.
    next(method ?? (false as unknown as AuthenticationType));
  };
}

/** With IdentitiesOnly, of the agent's keys only those whose public half lies in or beside a configured key file. */
function limitedAgent(target: Target): BaseAgent | undefined {
  const allowed = new Set(loadPublicKeys(target).map((blob) => blob.toString('base64')));
  if (allowed.size === 0 || target.agent === undefined) return undefined;
  const agent = ssh2.createAgent(target.agent);
  const getIdentities = agent.getIdentities.bind(agent);
  agent.getIdentities = (callback: (error?: Error, keys?: ParsedKey[]) => void) => {
    getIdentities((error?: Error | null, keys?: readonly unknown[]) => {
      const kept = (keys as ParsedKey[] | undefined)?.filter((key) =>
        allowed.has(key.getPublicSSH().toString('base64')),
      );
      callback(error ?? undefined, kept);
    });
  };
  return agent;
}
