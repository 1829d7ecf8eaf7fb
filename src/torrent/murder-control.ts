// What the steps of Murder ask of a host, and what they are told. Goes over SSH like all orders, secrets included.
import type { Job, ManifestEntry } from './control.js';

export type MurderRole = 'tracker' | 'seeder' | 'peer';

/** One who may take part in the transfer of a torrent. */
export interface MurderMember {
  readonly id: string;
  readonly address: string;
  readonly seeder: boolean;
}

/** What is kept of a torrent, on the seeder and by the controller. Whoever knows it can take part. */
export interface TorrentRecord {
  readonly tag: string;
  /** In base64, as are `jobKey` and `paths`. */
  readonly metainfo: string;
  readonly manifest: readonly ManifestEntry[];
  readonly jobKey: string;
  readonly members: readonly MurderMember[];
  /** It is one file, not the content of a folder. */
  readonly pathIsFile: boolean;
  /** Where its files lie on the seeder. */
  readonly paths: readonly string[];
}

/** What the tracker is told of a torrent. */
export interface Registration {
  /** In hexadecimal digits. */
  readonly infoHash: string;
  readonly members: readonly (MurderMember & { readonly token: string })[];
}

/** What a role of its own process is started with. */
export type RoleTask =
  | { readonly role: 'tracker'; readonly address: string; readonly port: number }
  | {
      readonly role: 'seeder' | 'peer';
      readonly tag: string;
      readonly job: Job;
      readonly paths: readonly string[];
      /** How long a peer serves others when it has everything; ms. */
      readonly seedAfter: number;
    };

export type MurderTask =
  | { readonly type: 'look' }
  /** The code of the agent, zipped, in base64. */
  | { readonly type: 'distribute'; readonly code: string }
  | { readonly type: 'start'; readonly task: RoleTask; readonly delete: boolean }
  /** Without a tag: all of that role. */
  | { readonly type: 'stop'; readonly role: MurderRole; readonly tag?: string }
  | {
      readonly type: 'create';
      readonly tag: string;
      readonly path: string;
      readonly pathIsFile: boolean;
      readonly members: readonly MurderMember[];
      readonly jobKey: string;
    }
  | { readonly type: 'torrent'; readonly tag: string }
  | { readonly type: 'register'; readonly registration: Registration }
  | { readonly type: 'clean'; readonly role: 'seeder' | 'peer'; readonly tag: string }
  | { readonly type: 'forget'; readonly infoHash: string };

export interface MurderOrder {
  readonly type: 'murder';
  readonly task: MurderTask;
  /** Where the code of long-running roles lies, and its name, which changes with every version. */
  readonly codeFolder: string;
  readonly codeName: string;
  readonly temp: string;
}

export interface MurderAnswer {
  /** Of a tracker. */
  readonly port?: number;
  readonly torrent?: TorrentRecord;
  /** How many were stopped. */
  readonly stopped?: number;
  /** Info hash of a torrent whose files were removed. */
  readonly infoHash?: string;
}
