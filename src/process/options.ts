import { Readable } from 'node:stream';
import type { ConnectionParams } from '../host/index.js';
import {
  checkOptions,
  InvalidArgument,
  isAnything,
  isBoolean,
  isCount,
  isEither,
  isFunction,
  isObject,
  isPositive,
  isRecordOf,
  isString,
  optionalDuration,
  parseDuration,
  show,
} from '../util/index.js';
import type { Check, Duration } from '../util/index.js';
import type { ProcessBase } from './base.js';
import { isHandler } from './handlers.js';
import type { OutputHandler } from './handlers.js';

/** Size and type of a pseudo-terminal. */
export interface PtyOptions {
  /** Columns. Default 80. */
  columns?: number;
  /** Rows. Default 24. */
  rows?: number;
  /** Value of TERM. Default `'xterm-256color'` locally, `'xterm'` remotely. */
  term?: string;
}

/**
 * Text or bytes sent and ended, a stream piped in, `'pipe'` (default: stays open for `write()` and `end()`) or
 * `'ignore'` (no input). The two words are never text: send them as bytes.
 */
export type StdinOption = string | Uint8Array | Readable;

/** Options of every kind of process. Durations are milliseconds or text such as `'10s'`. */
export interface ProcessOptions {
  /** Kills the process this long after its start, and sets `timedOut`. Default: none. */
  timeout?: Duration | false;
  /** How long after the first signal of a kill or timeout SIGKILL follows. Default `'5s'`. */
  killTimeout?: Duration;
  /** How long after the end of the process a quiet stream, held open by a child of it, is still waited for. Default `'200ms'`. */
  drainGrace?: Duration;
  /**
   * Locally: a command that is text runs in `/bin/sh`, a list runs directly; `true` or a path runs it in a shell.
   * Remotely: the login shell runs it; a path runs it in that shell.
   */
  shell?: boolean | string;
  /** Gives the process a terminal; merges stderr into stdout. Default false. */
  pty?: boolean | PtyOptions;
  /** Working directory. Default: the current one locally, the home folder remotely. */
  cwd?: string;
  /** Variables added to the environment; `undefined` removes one. */
  env?: Record<string, string | undefined>;
  /** What the process reads. Default `'pipe'`. A text is sent and ended. */
  stdin?: StdinOption | { file: string };
  /** The process outlives this program and lost connections. Default false: it ends with them. */
  detached?: boolean;
  /** Bytes of stdout and of stderr kept in memory, each; the last ones are kept. Default 4 MiB. */
  maxOutput?: number;
  /** Shown in logs and reports. Default: the command. */
  name?: string;
  /** An exit code other than 0, or a signal, is no failure. Default false; so are the next four. */
  ignoreExitCode?: boolean;
  ignoreTimeout?: boolean;
  ignoreError?: boolean;
  ignoreExpectFail?: boolean;
  ignoreWriteError?: boolean;
  /** Logs a warning for an exit code other than 0. Default true, unless ignored; so do the next four. */
  logExitCode?: boolean;
  logTimeout?: boolean;
  logError?: boolean;
  logExpectFail?: boolean;
  logWriteError?: boolean;
  /** Where stdout goes besides memory. */
  stdoutHandlers?: OutputHandler | readonly OutputHandler[];
  stderrHandlers?: OutputHandler | readonly OutputHandler[];
  /** Called at the events of that name. */
  on?: {
    start?: (process: ProcessBase) => void;
    end?: (process: ProcessBase) => void;
    reset?: (process: ProcessBase) => void;
  };
}

/** Options of a process on a remote host. */
export interface SshProcessOptions extends ProcessOptions {
  /** How to reach the host; stronger than what the host itself carries. */
  connectionParams?: ConnectionParams;
}

const isDuration: Check = (v) => {
  try {
    optionalDuration(v as Duration, 'a duration');
    return undefined;
  } catch {
    return "milliseconds ≥ 0 or text like '250ms', '10s', '5m' or '1:30:00'";
  }
};
const isStdin: Check = (v) =>
  typeof v === 'string' ||
  v instanceof Uint8Array ||
  v instanceof Readable ||
  (typeof v === 'object' && v !== null && 'file' in v && typeof v.file === 'string')
    ? undefined
    : "text, bytes, a readable stream, { file }, 'pipe' or 'ignore'";

export const processOptionChecks: { readonly [K in keyof Required<ProcessOptions>]: Check } = {
  timeout: isDuration,
  killTimeout: isDuration,
  drainGrace: isDuration,
  shell: isEither(isBoolean, isString),
  pty: isEither(isBoolean, isObject),
  cwd: isString,
  env: isRecordOf((v) => (v === undefined || typeof v === 'string' ? undefined : 'text')),
  stdin: isStdin,
  detached: isBoolean,
  maxOutput: isCount,
  name: isString,
  ignoreExitCode: isBoolean,
  ignoreTimeout: isBoolean,
  ignoreError: isBoolean,
  ignoreExpectFail: isBoolean,
  ignoreWriteError: isBoolean,
  logExitCode: isBoolean,
  logTimeout: isBoolean,
  logError: isBoolean,
  logExpectFail: isBoolean,
  logWriteError: isBoolean,
  stdoutHandlers: isHandler,
  stderrHandlers: isHandler,
  on: isRecordOf(isFunction),
};
export const sshProcessOptionChecks: { readonly [K in keyof Required<SshProcessOptions>]: Check } = {
  ...processOptionChecks,
  connectionParams: isAnything,
};

const ptyChecks: { readonly [K in keyof Required<PtyOptions>]: Check } = {
  columns: isPositive,
  rows: isPositive,
  term: isString,
};
const onChecks = { start: isFunction, end: isFunction, reset: isFunction };

/** Options with every default filled in and every duration in milliseconds; made once, frozen, passed on whole. */
export interface ResolvedOptions extends Omit<
  ProcessOptions,
  'timeout' | 'killTimeout' | 'drainGrace' | 'pty' | 'maxOutput' | 'stdoutHandlers' | 'stderrHandlers'
> {
  readonly timeout: number | undefined;
  readonly killTimeout: number;
  readonly drainGrace: number;
  readonly pty: PtyOptions | undefined;
  readonly maxOutput: number;
  readonly stdoutHandlers: readonly OutputHandler[];
  readonly stderrHandlers: readonly OutputHandler[];
}

const defaultMaxOutput = 4 * 1024 * 1024;

/** Checks and completes options; the same frozen object comes back for the same input, as an action passes one to all of its processes. */
export function resolveOptions(what: string, options: SshProcessOptions, remote: boolean): ResolvedOptions {
  const known = cache.get(options);
  if (known) return known;
  if (remote) checkOptions<SshProcessOptions>(what, options, sshProcessOptionChecks);
  else checkOptions<ProcessOptions>(what, options, processOptionChecks);
  if (typeof options.pty === 'object') checkOptions(`${what}: option pty`, options.pty, ptyChecks);
  if (options.on) checkOptions(`${what}: option on`, options.on, onChecks);
  for (const [key, value] of Object.entries(options.env ?? {})) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key))
      throw new InvalidArgument(`${what}: not a name for an environment variable: ${show(key)}`);
    if (value?.includes('\0'))
      throw new InvalidArgument(`${what}: the environment variable ${key} contains a NUL character`);
  }
  if (options.cwd !== undefined && (options.cwd === '' || options.cwd.includes('\0'))) {
    throw new InvalidArgument(`${what}: option cwd must be a path, not ${show(options.cwd)}`);
  }
  if (options.shell === '')
    throw new InvalidArgument(`${what}: option shell must be true, false or a path, not ""`);
  // They may hold secrets, and what is resolved here can be seen on the process.
  const { connectionParams: _, ...shown } = options;
  const resolved: ResolvedOptions = Object.freeze({
    ...shown,
    timeout: optionalDuration(options.timeout, `${what}: option timeout`),
    killTimeout: parseDuration(options.killTimeout ?? '5s', `${what}: option killTimeout`),
    drainGrace: parseDuration(options.drainGrace ?? '200ms', `${what}: option drainGrace`),
    pty: options.pty === true ? {} : options.pty || undefined,
    maxOutput: options.maxOutput ?? defaultMaxOutput,
    stdoutHandlers: toList(options.stdoutHandlers),
    stderrHandlers: toList(options.stderrHandlers),
  });
  if (Object.isFrozen(options)) cache.set(options, resolved);
  return resolved;
}
const cache = new WeakMap<object, ResolvedOptions>();

function toList(handlers: OutputHandler | readonly OutputHandler[] | undefined): readonly OutputHandler[] {
  if (handlers === undefined) return [];
  return Array.isArray(handlers) ? (handlers as readonly OutputHandler[]) : [handlers as OutputHandler];
}
