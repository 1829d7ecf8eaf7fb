import type { Readable, Writable } from 'node:stream';
import type { RookeryError } from '../util/index.js';

/** How a process ended by itself, or why it cannot be known. */
export type Ending =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'error'; readonly error: RookeryError };

/**
 * A command that a launcher has started. It is the whole difference between a local process, an ssh2 channel and the
 * `ssh` program; the life cycle above it is written once, in ProcessBase.
 */
export interface Launched {
  /** Process id on its machine, and leader of its process group; undefined where it cannot be known. */
  readonly pid: number | undefined;
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  /** Undefined with a pty, which merges both. */
  readonly stderr: Readable | undefined;
  /** Settles at the end of the process itself, though a child of it may keep the streams open. Never rejects. */
  readonly exited: Promise<Ending>;
  /** Sends a signal (`'SIGTERM'`) to every process of the tree. Never rejects. */
  signal(name: NodeJS.Signals): Promise<void>;
  /** Process ids of the tree that are alive; undefined where nobody can tell. Never rejects. */
  survivors(): Promise<readonly number[] | undefined>;
  /** Called once, last: closes the streams, gives the channel back. */
  release(): void;
}

/** Starts the command; rejects with a RookeryError. Aborting the signal gives up an attempt under way. */
export type Launch = (signal: AbortSignal) => Promise<Launched>;
