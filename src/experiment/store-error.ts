import { messageOf, RookeryError } from '../util/index.js';

export function hasCode(error: unknown, code: string): boolean {
  return (error as { code?: unknown } | null)?.code === code;
}

/** An error of a store; what is one already stays as it is. */
export function storeError(where: string, error: unknown): RookeryError {
  if (error instanceof RookeryError) return error;
  const unable = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].some((code) => hasCode(error, code));
  const hint = unable ? '; its file system must have hard links, and let this account make them' : '';
  return new RookeryError('ERR_STORE', `${where}: ${messageOf(error)}${hint}`, { cause: error });
}
