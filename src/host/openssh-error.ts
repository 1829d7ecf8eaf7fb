import { RookeryError } from '../util/index.js';
import type { ErrorCode } from '../util/index.js';
import { describe } from './connect-error.js';
import { refusedHostKey } from './openssh-host-keys.js';
import type { Target } from './target.js';

/** What ssh says when it cannot connect (its exit code is 255 for all of it), the most telling first. */
const sayings: readonly [RegExp, ErrorCode][] = [
  [/REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed/, 'ERR_HOST_KEY_CHANGED'],
  [/REVOKED HOST KEY|revoked/i, 'ERR_HOST_KEY_REVOKED'],
  [/No .* host key is known|Host key verification failed/, 'ERR_HOST_KEY_UNKNOWN'],
  [/Exceeded MaxStartups|Not allowed at this time/, 'ERR_SERVER_BUSY'],
  [
    /Permission denied|Too many authentication failures|No more authentication methods/,
    'ERR_AUTHENTICATION_FAILED',
  ],
  [/Could not resolve hostname/, 'ERR_HOST_NOT_FOUND'],
  [/Connection refused/, 'ERR_CONNECTION_REFUSED'],
  [/No route to host|Network is unreachable|Host is down/, 'ERR_HOST_UNREACHABLE'],
  [/timed out/i, 'ERR_CONNECT_TIMEOUT'],
  [
    /no matching .* found|Protocol major versions differ|[Ii]nvalid .*identification|banner line (contains invalid|too long)|Bad remote protocol|the server says/,
    'ERR_PROTOCOL',
  ],
  [/Connection (closed|reset)|Broken pipe|kex_exchange_identification/, 'ERR_CONNECTION_CLOSED'],
  [/not found/, 'ERR_SSH_BINARY'],
];

/** What ssh says for people: of its debugging lines only what the server said in the place of a banner. */
export function spoken(said: string): string {
  return said
    .split('\n')
    .map((line) =>
      line.trim().replace(/^debug1: kex_exchange_identification: banner line \d+: /, 'the server says: '),
    )
    .filter(
      (line) =>
        line !== '' &&
        !/^@+$/.test(line) &&
        !/^(debug\d: |sshconnect\.c:|Authenticated to |OpenSSH_|Transferred: |Bytes per second: )/.test(line),
    )
    .join(' ');
}

export function opensshError(target: Target, output: string): RookeryError {
  const said = spoken(output);
  const code = sayings.find(([pattern]) => pattern.test(said))?.[1] ?? 'ERR_SSH_BINARY';
  const refused = code.startsWith('ERR_HOST_KEY') ? refusedHostKey(target, output) : undefined;
  if (refused) return refused;
  const text = said.slice(0, 600) || 'ssh ended without a word';
  return new RookeryError(code, `cannot connect to ${describe(target)}: ${text}`, {
    host: target.host.address,
  });
}
