import type { Duplex, Readable, Writable } from 'node:stream';
import type { RookeryError } from '../util/index.js';
import type { Target } from './target.js';

/** How the command of a channel ended, as far as the other side told. */
export type ChannelEnd =
  { readonly code: number } | { readonly signal: NodeJS.Signals } | { readonly error: RookeryError };

/** A command that runs at the other end of a connection. */
export interface Channel {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles at the exit of the command, or when the channel or connection is gone. Never rejects. */
  readonly exited: Promise<ChannelEnd>;
  /** Settles when the channel is gone and its session is free again. */
  readonly closed: Promise<void>;
  /** Asks the server to signal the command. No answer, and servers may refuse it: see Warden. */
  signal(name: NodeJS.Signals): void;
  close(): void;
}

export interface ChannelOptions {
  /** Written to stdin at once. */
  readonly input?: string;
  readonly pty?: { columns?: number; rows?: number; term?: string } | undefined;
}

/** One authenticated connection. */
export interface Connection {
  readonly target: Target;
  /** Why it is gone; undefined while it lives. */
  readonly lost: RookeryError | undefined;
  /** Settles when it is gone. */
  readonly closed: Promise<void>;
  /** Rejects with {@link SessionLimit} when the server allows no further session on this connection. */
  open(command: string, options?: ChannelOptions): Promise<Channel>;
  /** A stream to an address as seen from the other end (RFC 4254, section 7.2). */
  forward(address: string, port: number): Promise<Duplex>;
  /** Whether it keeps this program alive. */
  setActive(active: boolean): void;
  close(): void;
}

/** The server has no room for another session on a connection (MaxSessions in sshd_config(5)). */
export class SessionLimit extends Error {}
