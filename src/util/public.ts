export { formatDuration, parseDuration, type Duration } from './duration.js';
export { errorCodes, InvalidArgument, RookeryError, type ErrorCode } from './errors.js';
export { configureLogger, type LogEntry, type LogLevel, type LogSink } from './logger.js';
export { sleep, sleepUntil, Timer, type SleepOptions } from './time.js';
export { getPort } from './get-port.js';
