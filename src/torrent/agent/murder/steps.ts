import { rmSync, statSync } from 'node:fs';
import { readdir, realpath, lstat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { resolve, sep } from 'node:path';
import type { Report } from '../../control.js';
import { torrentOf } from '../../manifest.js';
import { parseMetainfo } from '../../metainfo.js';
import type { MurderAnswer, MurderOrder, MurderTask, TorrentRecord } from '../../murder-control.js';
import { AgentError } from '../error.js';
import { readSource } from '../source.js';
import { distribute } from './code.js';
import { end } from './identity.js';
import { startRole } from './role.js';
import { forTag, State } from './state.js';

const torrentName = (tag: string) => `tag-${tag}.json`;

/** One step of Murder on this host. */
export async function runStep(order: MurderOrder, say: (report: Report) => void): Promise<MurderAnswer> {
  const { task } = order;
  if (task.type === 'distribute') {
    distribute(order.codeFolder, order.codeName, Buffer.from(task.code, 'base64'));
    return {};
  }
  const state = State.open(order.temp);
  switch (task.type) {
    case 'look': {
      const [tracker] = state.living('tracker');
      if (tracker?.port === undefined)
        throw new AgentError('ERR_TRANSFER', 'the tracker does not run: startTracker() first');
      return { port: tracker.port };
    }
    case 'start':
      return start(order, task, state, say);
    case 'stop': {
      const roles = state.living(task.role, task.tag);
      await Promise.all(roles.map((role) => end(role)));
      for (const role of roles) state.leave(role, role.pid);
      return { stopped: roles.length };
    }
    case 'create':
      return { torrent: await create(task, state) };
    case 'torrent': {
      const torrent = state.read<TorrentRecord>(torrentName(task.tag));
      if (!torrent)
        throw new AgentError('ERR_TRANSFER', `there is no torrent ${task.tag} here: createTorrent() first`);
      return { torrent };
    }
    case 'register':
      state.write(`torrent-${task.registration.infoHash}.json`, task.registration);
      return {};
    case 'clean':
      return clean(task, state);
    case 'forget':
      state.remove(`torrent-${task.infoHash}.json`);
      for (const { pid } of state.living('tracker')) process.kill(pid, 'SIGHUP');
      return {};
  }
}

async function start(
  order: MurderOrder,
  { task, delete: mayDelete }: Extract<MurderTask, { type: 'start' }>,
  state: State,
  say: (report: Report) => void,
): Promise<MurderAnswer> {
  const tag = 'tag' in task ? task.tag : undefined;
  if (state.living(task.role, tag).length > 0)
    throw new AgentError('ERR_TRANSFER', `there is a ${task.role} already${forTag(tag)}: stop it first`);
  const place = 'job' in task ? task.job.place : undefined;
  if (place) await checkDestination(place.destination, place.asNamed, mayDelete, order);
  const report = await startRole(order, task, task.role === 'peer' ? 'placed' : 'ready', say);
  if (report.type === 'placed') say(report);
  return report.type === 'ready' ? { port: report.port } : {};
}

/** Nothing that is there may be lost unless that was asked for, and some things not even then. */
async function checkDestination(
  destination: string,
  asNamed: boolean,
  mayDelete: boolean,
  { codeFolder, temp }: MurderOrder,
): Promise<void> {
  const there = await lstat(destination.replace(/(?<=.)\/+$/, '')).catch(() => undefined);
  if (!there) return;
  if (asNamed && !there.isDirectory()) {
    if (!mayDelete) throw new AgentError('ERR_TRANSFER', `the destination ${destination} exists`);
    return;
  }
  const path = await realpath(destination);
  const entries = await readdir(path);
  if (entries.length === 0 || asNamed) return;
  if (!mayDelete)
    throw new AgentError(
      'ERR_TRANSFER',
      `the destination ${destination} is not empty: with unsafePleaseDelete what is in it is deleted`,
    );
  const needed = [homedir(), resolve(codeFolder), resolve(temp)];
  if (needed.some((other) => `${other}/`.startsWith(path === sep ? sep : `${path}/`)))
    throw new AgentError('ERR_TRANSFER', `the destination ${path} is not one that can be cleared`);
}

async function create(
  { tag, path, pathIsFile, members, jobKey }: Extract<MurderTask, { type: 'create' }>,
  state: State,
): Promise<TorrentRecord> {
  if (state.living('seeder', tag).length > 0)
    throw new AgentError('ERR_TRANSFER', `${tag} is being seeded: stopSeeding() first`);
  const there = statSync(path, { throwIfNoEntry: false });
  if (!there) throw new AgentError('ERR_TRANSFER', `there is no ${path} on the seeder`);
  if (there.isFile() !== pathIsFile)
    throw new AgentError(
      'ERR_TRANSFER',
      pathIsFile ? `${path} is no file, but pathIsFile is set` : `${path} is a file: set pathIsFile`,
    );
  const source = await readSource([pathIsFile ? path : `${path.replace(/\/+$/, '')}/`]);
  const pieces = source.pieces.toString('base64');
  const torrent: TorrentRecord = {
    ...{ tag, members, jobKey, pathIsFile, manifest: source.manifest },
    metainfo: torrentOf({ ...source, pieces }).toString('base64'),
    paths: source.paths.map((file) => resolved(file).toString('base64')),
  };
  state.write(torrentName(tag), torrent);
  return torrent;
}

/** Absolute: who seeds them may start elsewhere. */
function resolved(path: Buffer): Buffer {
  return path[0] === 0x2f ? path : Buffer.concat([Buffer.from(`${process.cwd()}/`), path]);
}

function clean({ role, tag }: Extract<MurderTask, { type: 'clean' }>, state: State): MurderAnswer {
  if (state.living(role, tag).length > 0)
    throw new AgentError('ERR_TRANSFER', `the ${role} of ${tag} runs: stop it first`);
  const torrent = state.read<TorrentRecord>(torrentName(tag));
  if (role === 'seeder') state.remove(torrentName(tag));
  rmSync(state.path(`log-${role}-${tag}`), { force: true });
  if (!torrent) return {};
  return { infoHash: parseMetainfo(Buffer.from(torrent.metainfo, 'base64')).infoHash.toString('hex') };
}
