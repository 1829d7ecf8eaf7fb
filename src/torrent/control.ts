// What the controller and an agent say to each other over SSH: one JSON object on each line, secrets included.
import type { ErrorCode } from '../util/index.js';
import type { MurderAnswer, MurderOrder } from './murder-control.js';

/** What can be the peer on a host: our agent, or a stock client that is installed there. */
export const engines = ['agent', 'aria2c', 'transmission-cli'] as const;
export type Engine = (typeof engines)[number];

/** A file, folder or symlink as it is to be at its destination; what torrents do not carry. */
export interface ManifestEntry {
  /** Relative to the destination; one character for each byte (latin1). */
  readonly name: string;
  readonly type: 'file' | 'directory' | 'symlink';
  readonly mode: number;
  /** Nanoseconds since 1970, as text. */
  readonly mtime: string;
  readonly size: number;
  readonly target?: string;
  /** Of a file that is not empty: SHA-256, in hexadecimal digits. */
  readonly sha256?: string;
}

/** One who may take part; without a peer id it is a stock client. */
export interface JobMember {
  readonly address: string;
  readonly peerId?: string;
}

/** What an agent is to do. Bytes are written in base64. */
export interface Job {
  readonly type: 'job';
  readonly metainfo: string;
  readonly manifest: readonly ManifestEntry[];
  readonly members: readonly JobMember[];
  /** Of this agent. */
  readonly peerId: string;
  /** To listen on, and to connect from. */
  readonly address: string;
  /** Announce URL, token included; without one announces go through the controller. */
  readonly announce?: string;
  /** Of a peer: where the files go. A seeder has them already. */
  readonly place?: Placing;
}

export interface Placing {
  readonly destination: string;
  /** A single thing may get the destination as its name, unless that is a folder. */
  readonly asNamed: boolean;
  /** Keep what has arrived when interrupted, and take up what is there. */
  readonly resume: boolean;
  /** A folder, or file, from which pieces are taken that are the same. */
  readonly previous?: string;
  /** What else is in the destination is deleted just before the files are put there. */
  readonly clear?: boolean;
}

export type Order =
  | Job
  | MurderOrder
  | { readonly type: 'scan'; readonly files: readonly string[] }
  | { readonly type: 'peers'; readonly peers: readonly { readonly address: string; readonly port: number }[] }
  | { readonly type: 'go' }
  | { readonly type: 'end' };

/** Numbers of one agent, since its start. */
export interface AgentCounts {
  /** Bytes of verified pieces that are there. */
  readonly done: number;
  /** Bytes of blocks sent and received, and of those received in vain. */
  readonly sent: number;
  readonly received: number;
  readonly wasted: number;
  readonly neighbours: number;
  /** Of a first source: pieces of which no copy is out yet. */
  readonly notYetOut?: number;
}

export type Report =
  | { readonly type: 'engine'; readonly name: Engine }
  | { readonly type: 'hello'; readonly connection: string; readonly version: string }
  | {
      readonly type: 'source';
      readonly manifest: readonly ManifestEntry[];
      readonly pieceLength: number;
      readonly pieces: string;
    }
  | { readonly type: 'ready'; readonly port: number; readonly done: number }
  | {
      readonly type: 'announce';
      readonly port: number;
      readonly left: number;
      readonly event?: string;
      readonly lonely: boolean;
    }
  | ({ readonly type: 'progress' } & AgentCounts)
  /** Every piece is there; milliseconds since `go`. */
  | ({ readonly type: 'complete'; readonly time: number } & AgentCounts)
  | { readonly type: 'placed'; readonly memory: number }
  | { readonly type: 'answer'; readonly answer: MurderAnswer }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string };
