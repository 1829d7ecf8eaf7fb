import { createHash, randomBytes } from 'node:crypto';
import type { Host } from '../host/index.js';
import { checkConnectionParams } from '../host/index.js';
import { checkVars, expandPlaceholders } from '../process/index.js';
import { InvalidArgument, parseDuration, show } from '../util/index.js';
import type { Action } from '../action/index.js';
import { agentCode } from './agent-code.js';
import type { Job } from './control.js';
import { parseMetainfo } from './metainfo.js';
import { MurderAction, type Ask, type Place } from './murder-action.js';
import type { MurderMember, MurderOrder, MurderRole, MurderTask, TorrentRecord } from './murder-control.js';
import {
  checkMurderOptions,
  checkTag,
  murderProcessOptions,
  resolveRoles,
  type MurderOptions,
  type MurderRoles,
} from './murder-options.js';
import { peerIdOf, tokenOf } from './secrets.js';
import { keepTorrent, keptTorrent, forgetTorrent } from './torrent-files.js';
import { homeless } from './torrent-put-options.js';

/** What is left of {@link agentCode} when its length is taken away. */
function zippedCode(): Buffer {
  const code = agentCode();
  return code.subarray(code.indexOf(10) + 1);
}

/**
 * The step by step interface of Twitter's Murder, for deploy tools: a tracker, a seeder and peers that are started and stopped one by
 * one, live on when the program that has started them is gone, and are found again by their tag. Each step resolves with an action
 * that has ended; failure is a value, as everywhere.
 *
 * @example
 * const murder = new Murder({ seeder: hosts[0], peer: hosts });
 * (await murder.distributeFiles()).orThrow();
 * (await murder.startTracker()).orThrow();
 * (await murder.createTorrent('v42', '/srv/builds/v42')).orThrow();
 * (await murder.startSeeding('v42')).orThrow();
 * (await murder.peer('v42', '/srv/app/releases')).orThrow();
 * await murder.stopSeeding('v42');
 * await murder.stopTracker();
 */
export class Murder {
  readonly tracker: Host;
  readonly seeder: Host;
  readonly peers: readonly Host[];
  readonly #options: MurderOptions;

  /** Options stand beside the roles, or in an object of their own. */
  constructor(roles: MurderRoles & MurderOptions, options: MurderOptions = {}) {
    const resolved = resolveRoles('new Murder()', roles);
    checkMurderOptions('new Murder()', options);
    ({ tracker: this.tracker, seeder: this.seeder, peers: this.peers } = resolved.roles);
    this.#options = Object.freeze({ ...resolved.rest, ...options });
    checkMurderOptions('new Murder()', this.#options);
    if (this.#options.connectionParams) checkConnectionParams(this.#options.connectionParams);
  }

  /** Every host, each once. */
  get hosts(): readonly Host[] {
    const all = [this.tracker, this.seeder, ...this.peers];
    return [...new Map(all.map((host) => [host.toString(), host])).values()];
  }

  /** Puts the code of long-running roles on all hosts; `remoteMurderPath` is cleared, if it looks like ours. */
  async distributeFiles(options: MurderOptions = {}): Promise<Action> {
    const settings = this.#settings('distributeFiles()', options);
    const code = zippedCode().toString('base64');
    return this.#run('distributeFiles', settings, async (ask) => {
      await ask(this.hosts, () => orderOf(settings, { type: 'distribute', code }));
    });
  }

  // ── the tracker ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Starts the tracker, which listens on the address at which its host is reached over SSH. */
  async startTracker(options: MurderOptions = {}): Promise<Action> {
    const settings = this.#settings('startTracker()', options);
    return this.#run('startTracker', settings, async (ask) => {
      const port = settings.trackerPort ?? 8998;
      await ask([this.tracker], (_, { address }) => {
        const task = { role: 'tracker' as const, address: address || '127.0.0.1', port };
        return orderOf(settings, { type: 'start', task, delete: false });
      });
    });
  }

  async stopTracker(options: MurderOptions = {}): Promise<Action> {
    return this.#stop('stopTracker', [this.tracker], 'tracker', undefined, options);
  }

  // ── the torrent ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Makes the torrent of what lies at `filesPath` on the seeder, tells the tracker of it and fetches it. Who may take part is decided
   * here: the peers of this Murder that can be reached.
   */
  async createTorrent(tag?: string, filesPath?: string, options: MurderOptions = {}): Promise<Action> {
    const settings = this.#settings('createTorrent()', options);
    const name = this.#tag('createTorrent()', tag, settings);
    const path = wanted('createTorrent()', 'filesPath', filesPath ?? settings.defaultSeederFilesPath);
    return this.#run(`createTorrent ${name}`, settings, async (ask) => {
      const members = await this.#findMembers(ask);
      if (!members) return;
      const task = {
        ...{ type: 'create' as const, tag: name, path: homeless(path), members },
        ...{ pathIsFile: settings.pathIsFile ?? false, jobKey: randomBytes(32).toString('base64') },
      };
      const [created] = await ask([this.seeder], () => orderOf(settings, task));
      if (!created?.torrent) return;
      const { torrent } = created;
      await ask([this.tracker], () => orderOf(settings, registration(torrent)));
      if (settings.doNotDownloadTorrent) forgetTorrent(settings, name);
      else keepTorrent(settings, torrent);
    });
  }

  /** Fetches the torrent from the seeder once more, to be given to peers. */
  async downloadTorrent(tag?: string, options: MurderOptions = {}): Promise<Action> {
    const settings = this.#settings('downloadTorrent()', options);
    const name = this.#tag('downloadTorrent()', tag, settings);
    return this.#run(`downloadTorrent ${name}`, settings, async (ask) => {
      const torrent = await this.#fetch(ask, settings, name);
      if (torrent) keepTorrent(settings, torrent);
    });
  }

  async #fetch(ask: Ask, settings: MurderOptions, tag: string): Promise<TorrentRecord | undefined> {
    const [found] = await ask([this.seeder], () => orderOf(settings, { type: 'torrent', tag }));
    return found?.torrent;
  }

  /** Undefined when the seeder cannot be reached: there is nothing to go on with. */
  async #findMembers(ask: Ask): Promise<MurderMember[] | undefined> {
    const hosts = [...new Set([this.seeder, ...this.peers])];
    const found = new Map((await ask(hosts, () => undefined)).map((one) => [one.host, one.place]));
    const member = (host: Host, role: 'seeder' | 'peer'): MurderMember[] => {
      const place = found.get(host);
      if (!place?.address) return [];
      return [{ id: memberId(role, place), address: place.address, seeder: role === 'seeder' }];
    };
    const [seeder] = member(this.seeder, 'seeder');
    return seeder && [seeder, ...this.peers.flatMap((host) => member(host, 'peer'))];
  }

  // ── seeding ──────────────────────────────────────────────────────────────────────────────────────────────────────

  async startSeeding(tag?: string, options: MurderOptions = {}): Promise<Action> {
    const settings = this.#settings('startSeeding()', options);
    const name = this.#tag('startSeeding()', tag, settings);
    return this.#run(`startSeeding ${name}`, settings, async (ask) => {
      const torrent = await this.#fetch(ask, settings, name);
      const tracker = torrent && (await this.#findTracker(ask, settings));
      if (!tracker) return;
      await ask([this.seeder], (_, place) => {
        const job = jobOf(torrent, memberId('seeder', place), tracker);
        if (!job) return notAMember(name);
        const { paths } = torrent;
        const task = { role: 'seeder' as const, tag: name, job, paths, seedAfter: 0 };
        return orderOf(settings, { type: 'start', task, delete: false });
      });
    });
  }

  async stopSeeding(tag?: string, options: MurderOptions = {}): Promise<Action> {
    return this.#stop('stopSeeding', [this.seeder], 'seeder', tag ?? null, options);
  }

  async stopAllSeeding(options: MurderOptions = {}): Promise<Action> {
    return this.#stop('stopAllSeeding', [this.seeder], 'seeder', undefined, options);
  }

  // ── peers ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Fetches the files on all peers, and resolves when all have them in their place, in `destinationPath`/`tag`, or have failed. Peers
   * serve others for `seedAfter` more, and do so whether this program lives or not.
   */
  async peer(tag?: string, destinationPath?: string, options: MurderOptions = {}): Promise<Action> {
    const settings = this.#settings('peer()', options);
    const name = this.#tag('peer()', tag, settings);
    const given = wanted('peer()', 'destinationPath', destinationPath ?? settings.defaultDestinationPath);
    const vars = settings.vars ?? {};
    checkVars(vars, 'peer(): option vars');
    const destinations = new Map(
      this.peers.map((host, index) => [host, homeless(expandPlaceholders(given, { host, index, vars }))]),
    );
    const seedAfter = parseDuration(settings.seedAfter ?? '30s');
    const kept = settings.doNotDownloadTorrent ? keptTorrent(settings, name) : undefined;
    return this.#run(`peer ${name}`, settings, async (ask) => {
      const torrent = kept ?? (await this.#fetch(ask, settings, name));
      const tracker = torrent && (await this.#findTracker(ask, settings));
      if (!tracker) return;
      await ask(this.peers, (host, where) => {
        const job = jobOf(torrent, memberId('peer', where), tracker);
        if (!job) return notAMember(name);
        const place = placing(torrent, destinations.get(host) as string, settings);
        const task = { role: 'peer' as const, tag: name, job: { ...job, place }, paths: [], seedAfter };
        const mayDelete = settings.unsafePleaseDelete ?? false;
        return orderOf(settings, { type: 'start', task, delete: mayDelete });
      });
    });
  }

  /** The same as {@link peer}. */
  async startPeering(tag?: string, destinationPath?: string, options: MurderOptions = {}): Promise<Action> {
    return this.peer(tag, destinationPath, options);
  }

  async stopPeering(tag?: string, options: MurderOptions = {}): Promise<Action> {
    return this.#stop('stopPeering', this.peers, 'peer', tag ?? null, options);
  }

  async stopAllPeering(options: MurderOptions = {}): Promise<Action> {
    return this.#stop('stopAllPeering', this.peers, 'peer', undefined, options);
  }

  /** Removes the torrent and the logs of a tag, here and on all hosts; not the files that peers have got. */
  async cleanTempFiles(tag?: string, options: MurderOptions = {}): Promise<Action> {
    const settings = this.#settings('cleanTempFiles()', options);
    const name = this.#tag('cleanTempFiles()', tag, settings);
    return this.#run(`cleanTempFiles ${name}`, settings, async (ask) => {
      const clean = (role: 'seeder' | 'peer') => orderOf(settings, { type: 'clean', role, tag: name });
      await ask(this.peers, () => clean('peer'));
      const [seeder] = await ask([this.seeder], () => clean('seeder'));
      if (!seeder) return;
      forgetTorrent(settings, name);
      const { infoHash } = seeder;
      if (infoHash === undefined) return;
      await ask([this.tracker], () => orderOf(settings, { type: 'forget', infoHash }));
    });
  }

  // ── what steps have in common ────────────────────────────────────────────────────────────────────────────────────

  #settings(what: string, options: MurderOptions): MurderOptions {
    checkMurderOptions(what, options);
    return { ...this.#options, ...options };
  }

  #tag(what: string, tag: string | undefined, { defaultTag }: MurderOptions): string {
    return checkTag(what, wanted(what, 'tag', tag ?? defaultTag));
  }

  #run(name: string, settings: MurderOptions, script: (ask: Ask) => Promise<void>): Promise<Action> {
    return new MurderAction(name, murderProcessOptions(settings), script).run();
  }

  /** `null` for a tag that is to be the default one, undefined for all tags. */
  #stop(
    name: string,
    hosts: readonly Host[],
    role: MurderRole,
    tag: string | null | undefined,
    options: MurderOptions,
  ): Promise<Action> {
    const settings = this.#settings(`${name}()`, options);
    const only = tag === undefined ? undefined : this.#tag(`${name}()`, tag ?? undefined, settings);
    const label = only === undefined ? name : `${name} ${only}`;
    return this.#run(label, settings, async (ask) => {
      await ask(hosts, () =>
        orderOf(settings, { type: 'stop', role, ...(only === undefined ? {} : { tag: only }) }),
      );
    });
  }

  async #findTracker(ask: Ask, settings: MurderOptions): Promise<string | undefined> {
    const [found] = await ask([this.tracker], () => orderOf(settings, { type: 'look' }));
    if (found?.port === undefined) return undefined;
    const { address: told } = found.place;
    const address = told.includes(':') ? `[${told}]` : told || '127.0.0.1';
    return `http://${address}:${found.port}`;
  }
}

let codeName: string | undefined;

function orderOf(settings: MurderOptions, task: MurderTask): MurderOrder {
  codeName ??= `agent-${createHash('sha256').update(zippedCode()).digest('hex').slice(0, 16)}.cjs`;
  return {
    ...{ type: 'murder', task, codeName },
    codeFolder: homeless(settings.remoteMurderPath ?? '.rookery/murder'),
    temp: homeless(settings.tempPath ?? '/tmp'),
  };
}

function memberId(role: 'seeder' | 'peer', { key }: Place): string {
  return `${role} ${key}`;
}

function notAMember(tag: string): string {
  return `this host was not a member when ${tag} was created, or not reached then: createTorrent() anew`;
}

function registration({ metainfo, jobKey, members }: TorrentRecord): MurderTask {
  const { infoHash } = parseMetainfo(Buffer.from(metainfo, 'base64'));
  const key = Buffer.from(jobKey, 'base64');
  const registered = members.map((member) => ({ ...member, token: tokenOf(key, member.id) }));
  return { type: 'register', registration: { infoHash: infoHash.toString('hex'), members: registered } };
}

/** What one member is to do; undefined for who is none. */
function jobOf(torrent: TorrentRecord, id: string, tracker: string): Job | undefined {
  const own = torrent.members.find((member) => member.id === id);
  if (!own) return undefined;
  const key = Buffer.from(torrent.jobKey, 'base64');
  const { metainfo, manifest } = torrent;
  return {
    ...{ type: 'job', metainfo, manifest, address: own.address, peerId: peerIdOf(key, id) },
    members: torrent.members.map((member) => ({ address: member.address, peerId: peerIdOf(key, member.id) })),
    announce: `${tracker}/${tokenOf(key, id)}/announce`,
  };
}

function placing(
  { tag, pathIsFile }: TorrentRecord,
  destination: string,
  { noTagDirectory, unsafePleaseDelete }: MurderOptions,
): NonNullable<Job['place']> {
  if (pathIsFile) return { destination, asNamed: !destination.endsWith('/'), resume: false };
  const folder = noTagDirectory ? destination : `${destination.replace(/(?<=.)\/+$/, '')}/${tag}`;
  return {
    ...{ destination: folder, asNamed: false, resume: false },
    clear: unsafePleaseDelete ?? false,
  };
}

function wanted(what: string, name: string, value: string | undefined): string {
  if (typeof value === 'string' && value !== '' && !value.includes('\0')) return value;
  throw new InvalidArgument(
    value === undefined
      ? `${what}: there is no ${name}, and no default for it`
      : `${what}: ${name} must be text that is not empty, not ${show(value)}`,
  );
}
