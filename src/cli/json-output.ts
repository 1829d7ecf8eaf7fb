import type { ProcessBase } from '../process/index.js';

/** What `--json` tells of a host, on one line; what does not apply is left out. */
export function toJSONLine(p: ProcessBase): string {
  const { host, ok, reason, exitCode, signal, error, stdout, stderr, truncated, startDate, endDate } = p;
  return JSON.stringify({
    host: host?.toString(),
    ok,
    reason,
    exitCode,
    signal,
    error: error && { code: error.code, message: error.message },
    start: startDate?.toISOString(),
    length: startDate && endDate && endDate.getTime() - startDate.getTime(),
    stdout,
    stderr,
    ...(truncated ? { truncated } : {}),
  });
}
