import { RookeryError, messageOf } from '../util/index.js';
import type { ErrorCode } from '../util/index.js';
import type { Target } from './target.js';

const systemCodes: Record<string, [ErrorCode, string]> = {
  ECONNREFUSED: ['ERR_CONNECTION_REFUSED', 'connection refused: nothing listens there'],
  ENOTFOUND: ['ERR_HOST_NOT_FOUND', 'unknown host name'],
  EAI_AGAIN: ['ERR_HOST_NOT_FOUND', 'the name could not be looked up (no answer from the name server)'],
  EHOSTUNREACH: ['ERR_HOST_UNREACHABLE', 'no route to the host'],
  ENETUNREACH: ['ERR_HOST_UNREACHABLE', 'its network is unreachable'],
  EHOSTDOWN: ['ERR_HOST_UNREACHABLE', 'the host is down'],
  ETIMEDOUT: ['ERR_CONNECT_TIMEOUT', 'no answer'],
  ECONNRESET: ['ERR_CONNECTION_CLOSED', 'the server closed the connection during the handshake'],
  EPIPE: ['ERR_CONNECTION_CLOSED', 'the server closed the connection during the handshake'],
};

/** Real texts of sshd's refusal: the first up to 9.7, the second from 9.8 on. */
const busyTexts = /Exceeded MaxStartups|Not allowed at this time/;

/** What is known of an attempt to connect that failed. */
export interface Attempt {
  /** What the server sent first, as Latin-1; its identification line, or what it sent instead (RFC 4253, section 4.2). */
  readonly greeting: string;
  /** The verdict on the host key, when that is what ended the attempt. */
  readonly hostKeyError: RookeryError | undefined;
  readonly authenticating: boolean;
  /** The server has refused one of the credentials. */
  readonly refused?: boolean;
}

/** Finds the one cause of a failed attempt, with a stable code. */
export function connectError(target: Target, error: unknown, attempt: Attempt): RookeryError {
  const { greeting, hostKeyError, authenticating, refused } = attempt;
  if (hostKeyError) return hostKeyError;
  if (error instanceof RookeryError) return error;
  const make = (code: ErrorCode, text: string) =>
    new RookeryError(code, `cannot connect to ${describe(target)}: ${text}`, {
      cause: error,
      host: target.host.address,
    });
  const system = systemCodes[(error as NodeJS.ErrnoException | undefined)?.code ?? ''];
  const level = (error as { level?: string } | undefined)?.level;
  const speaksSsh = /(^|\n)SSH-/.test(greeting);
  if (!speaksSsh && busyTexts.test(greeting)) {
    return make('ERR_SERVER_BUSY', `the server takes no more connections now (“${shorten(greeting)}”)`);
  }
  if (!speaksSsh && greeting !== '') {
    return make('ERR_PROTOCOL', `what answers there is not an SSH server (it sent “${shorten(greeting)}”)`);
  }
  if (level === 'client-authentication') {
    return make(
      'ERR_AUTHENTICATION_FAILED',
      `the server accepted none of the credentials (${offered(target)})`,
    );
  }
  // Servers close the connection after too many tries (MaxAuthTries), and ban those who come again at once. One that has refused
  // nothing, and says nothing, was cut off.
  if (authenticating && (refused || (error !== undefined && !system))) {
    return make(
      'ERR_AUTHENTICATION_FAILED',
      `the server closed the connection during authentication (${offered(target)})`,
    );
  }
  if (system) return make(...system);
  if (level === 'handshake' && speaksSsh) return make('ERR_PROTOCOL', messageOf(error));
  return make('ERR_CONNECTION_CLOSED', 'the server closed the connection before the handshake was done');
}

/** Failures of a server that was too busy to let us in; no command can have started. */
export function isWorthRetrying(error: RookeryError): boolean {
  return error.code === 'ERR_SERVER_BUSY' || error.code === 'ERR_CONNECTION_CLOSED';
}

export function describe(target: Target): string {
  const shown = target.alias === target.address ? '' : `${target.alias} = `;
  return `${shown}${target.user}@${target.address}:${target.port}`;
}

function offered(target: Target): string {
  const list = [...target.keyfiles];
  if (target.agent !== undefined) list.push('the keys of the agent');
  if (target.password !== undefined) list.push('a password');
  return list.length > 0
    ? `offered: ${list.join(', ')}`
    : 'there was nothing to offer: no key file, agent or password';
}

function shorten(text: string): string {
  const line = text.trim().replace(/[^\x20-\x7e]+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 57)}...` : line;
}
