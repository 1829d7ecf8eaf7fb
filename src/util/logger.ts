import { inspect } from 'node:util';
import { InvalidArgument, show } from './errors.js';

/** How much is logged: each level includes those before it. */
export const logLevels = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

/** One line of the log, as handed to a {@link LogSink}. */
export interface LogEntry {
  readonly level: Exclude<LogLevel, 'silent'>;
  readonly date: Date;
  /** Which part speaks: `'process'`, `'pool'`, `'ssh2'`, … */
  readonly scope: string;
  readonly message: string;
}
export type LogSink = (entry: LogEntry) => void;

const toStderr: LogSink = (entry) => {
  process.stderr.write(
    `${entry.date.toISOString().slice(11, 23)} ${entry.level} ${entry.scope}: ${entry.message}\n`,
  );
};

let level: LogLevel = 'warn';
let sink: LogSink = toStderr;

/**
 * Sets how much is logged (default `'warn'`, or the environment variable ROOKERY_LOG) and where to (default: a line on stderr).
 * `'debug'` tells for each connection which transport was taken and why.
 */
export function configureLogger(options: { level?: LogLevel; sink?: LogSink | null }): void {
  if (options.level !== undefined) {
    if (!logLevels.includes(options.level)) {
      throw new InvalidArgument(
        `log level must be one of ${logLevels.join(', ')}, not ${show(options.level)}`,
      );
    }
    level = options.level;
  }
  if (options.sink !== undefined) sink = options.sink ?? toStderr;
}
const fromEnvironment = process.env['ROOKERY_LOG'] as LogLevel | undefined;
if (fromEnvironment && logLevels.includes(fromEnvironment)) level = fromEnvironment;

/** Messages are functions at level debug, so that they cost nothing when nobody listens. */
function log(at: LogEntry['level'], scope: string, message: string | (() => string)): void {
  if (logLevels.indexOf(at) > logLevels.indexOf(level)) return;
  sink({ level: at, date: new Date(), scope, message: typeof message === 'string' ? message : message() });
}
export const logger = {
  error: (scope: string, message: string) => log('error', scope, message),
  warn: (scope: string, message: string) => log('warn', scope, message),
  info: (scope: string, message: string | (() => string)) => log('info', scope, message),
  debug: (scope: string, message: string | (() => string)) => log('debug', scope, message),
};

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : typeof error === 'string' ? error : inspect(error);
}
