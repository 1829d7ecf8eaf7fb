import type { ErrorCode } from '../../util/index.js';

/** A failure that the controller is told of, by its code. */
export class AgentError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}
