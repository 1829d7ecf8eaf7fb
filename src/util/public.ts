export { formatDuration, parseDuration, type Duration } from './duration.js';
export { errorCodes, InvalidArgument, RookeryError, type ErrorCode } from './errors.js';
export { configureLogger, type LogEntry, type LogLevel, type LogSink } from './logger.js';
