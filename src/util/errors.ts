/**
 * Stable codes of what can go wrong. Scripts branch on `error.code`; messages may be reworded.
 */
export const errorCodes = [
  /** A wrong argument or option, thrown at construction. */
  'ERR_INVALID_ARGUMENT',
  /** The local command could not be started (not found, not executable, bad `cwd`). */
  'ERR_SPAWN',
  /** `timeout` passed before the process ended. */
  'ERR_TIMEOUT',
  /** No connection within `connectTimeout`. */
  'ERR_CONNECT_TIMEOUT',
  /** The port answered that nobody listens. */
  'ERR_CONNECTION_REFUSED',
  /** The host name is not known. */
  'ERR_HOST_NOT_FOUND',
  /** No route to the host or its network. */
  'ERR_HOST_UNREACHABLE',
  /** The server accepted the connection and closed it before the SSH handshake was done. */
  'ERR_CONNECTION_CLOSED',
  /** The server refused the connection because of its own limits (MaxStartups, PerSourcePenalties). */
  'ERR_SERVER_BUSY',
  /** What answered does not speak SSH, or no common algorithm exists. */
  'ERR_PROTOCOL',
  /** The host key is unknown, and the policy is strict. */
  'ERR_HOST_KEY_UNKNOWN',
  /** The host key differs from the known one. */
  'ERR_HOST_KEY_CHANGED',
  /** The host key is marked as revoked. */
  'ERR_HOST_KEY_REVOKED',
  /** The server accepted none of the credentials. */
  'ERR_AUTHENTICATION_FAILED',
  /** A private key cannot be read, parsed or decrypted. */
  'ERR_KEY_FILE',
  /** The connection was lost after it had been made; what ran on it may have been cut short. */
  'ERR_CONNECTION_LOST',
  /** The server refused to open a session or to run the command. */
  'ERR_CHANNEL_REFUSED',
  /** A jump host on the way failed; `cause` tells how. */
  'ERR_JUMP_HOST',
  /** The `ssh` program is needed and missing, or it failed in a way of its own. */
  'ERR_SSH_BINARY',
  /** `expect()` saw the end of the stream before a match. */
  'ERR_EXPECT_END',
  /** `expect()` saw no match in time. */
  'ERR_EXPECT_TIMEOUT',
  /** Not every byte written to stdin was taken by the process. */
  'ERR_WRITE_FAILED',
  /** An output handler threw, or its file or stream failed. */
  'ERR_OUTPUT_HANDLER',
  /** The process was killed before it was running, or nothing more may start because the program was interrupted. */
  'ERR_KILLED',
  /** `orThrow()` on processes or actions that are not ok. */
  'ERR_PROCESSES_FAILED',
  'ERR_ACTIONS_FAILED',
  /** A file could not be read, sent, received or put in its place. */
  'ERR_TRANSFER',
  /** A file changed while it was copied. */
  'ERR_SOURCE_CHANGED',
  /** What arrived is not what was sent. */
  'ERR_VERIFY',
  /** A testbed could not be started. */
  'ERR_TESTBED',
  /** What a ParamSweeper knows could not be read or written: its folder, or the server that keeps it. */
  'ERR_STORE',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** Every error that Rookery makes: a stable {@link code}, a message with reason first, and the `cause` where there is one. */
export class RookeryError extends Error {
  override name = 'RookeryError';
  readonly code: ErrorCode;
  /** Address of the host that failed, when it is about one. */
  readonly host: string | undefined;
  constructor(code: ErrorCode, message: string, options: { cause?: unknown; host?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.host = options.host;
  }
}

/** Misuse: thrown at construction, echoes the offending value. */
export class InvalidArgument extends RookeryError {
  override name = 'InvalidArgument';
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('ERR_INVALID_ARGUMENT', message, options);
  }
}

/** Shows a value in an error message: short, on one line, quoted when it is a string. */
export function show(value: unknown): string {
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`;
  let text: string;
  try {
    text =
      typeof value === 'bigint' || typeof value === 'symbol'
        ? String(value)
        : (JSON.stringify(value) ?? String(value));
  } catch {
    text = Object.prototype.toString.call(value);
  }
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
