import { readFileSync, rmSync } from 'node:fs';
import { RookeryError } from '../util/index.js';
import { State } from './agent/murder/state.js';
import type { TorrentRecord } from './murder-control.js';
import type { MurderOptions } from './murder-options.js';

/** Where this machine keeps a torrent, between a step and the next. Like the others it holds what strangers must not know. */
function state({ tempPath = '/tmp' }: MurderOptions): State {
  return State.open(tempPath, '');
}
const nameOf = (tag: string) => `downloaded-${tag}.json`;

export function keepTorrent(settings: MurderOptions, torrent: TorrentRecord): void {
  state(settings).write(nameOf(torrent.tag), torrent);
}

export function keptTorrent(settings: MurderOptions, tag: string): TorrentRecord {
  try {
    return JSON.parse(readFileSync(state(settings).path(nameOf(tag)), 'utf8')) as TorrentRecord;
  } catch (cause) {
    throw new RookeryError(
      'ERR_TRANSFER',
      `the torrent ${tag} was not downloaded to this machine: downloadTorrent() first`,
      { cause },
    );
  }
}

export function forgetTorrent(settings: MurderOptions, tag: string): void {
  rmSync(state(settings).path(nameOf(tag)), { force: true });
}
