/** What the exit code of `rookery` says. Where several apply, the highest of those up to `unreachable` is taken. */
export const exitCodes = {
  /** Everything is ok on all hosts. */
  ok: 0,
  /** On some host the command ended with an exit code other than 0, or by a signal; a file could not be copied. */
  failed: 1,
  /** A wrong option, argument, host list or configuration file; nothing was started. */
  usage: 2,
  /** On some host the command took longer than `--timeout`. */
  timeout: 3,
  /** Some host could not be connected to, refused us, or was lost. */
  unreachable: 4,
  /** `rookery` itself failed: a file that it cannot write, a testbed that cannot be started, a bug. */
  internal: 70,
  interrupted: 130,
  brokenPipe: 141,
} as const;

/** 128 + the number of the signal, as shells count. */
export const signalCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
