import { randomBytes } from 'node:crypto';
import { isIP, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { Action, processOptions } from '../action/index.js';
import { checkConnectionParams, Host, toHosts, type HostListItem } from '../host/index.js';
import { checkVars, expandPlaceholders, type SshProcessOptions } from '../process/index.js';
import { checkOptions, InvalidArgument, logger, show } from '../util/index.js';
import { AgentProcess } from './agent-process.js';
import type { Job, Report } from './control.js';
import { torrentOf } from './manifest.js';
import { lengthOfPiece, parseMetainfo, type Metainfo } from './metainfo.js';
import { peerIdOf } from './secrets.js';
import {
  homeless,
  torrentPutChecks,
  type EngineChoice,
  type TorrentPutOptions,
} from './torrent-put-options.js';
import { Tracker } from './tracker.js';

/** After the first agent is ready, others are waited for this long before the swarm starts without them; ms. They join later. */
const startPatience = 5000;

interface Run {
  readonly tracker: Tracker;
  readonly jobKey: Buffer;
  /** Who is not ready yet. */
  readonly waiting: Set<AgentProcess>;
  /** Whose agent has ended. */
  readonly over: Set<AgentProcess>;
  readonly addresses: Map<AgentProcess, { own: string; controller: string }>;
  source: Extract<Report, { type: 'source' }> | undefined;
  meta: Metainfo | undefined;
  metainfo: string;
  prepared: boolean;
  started: boolean;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Copies files and folders to many hosts by BitTorrent: every host passes on what it has, so that the time hardly depends on
 * their number. One action like `Put`: one process for each host, verified by SHA-256, put in place by renames. The hosts need
 * Node ≥ 18, and must reach each other and this machine (or be reached by it).
 *
 * @example
 * (await new TorrentPut(hosts, 'build/', '/srv/app/').run()).orThrow();
 */
export class TorrentPut extends Action {
  /** The agent that has the files at first; not one of {@link processes}. */
  readonly seeder: AgentProcess;
  readonly #files: readonly string[];
  readonly #resume: boolean;
  readonly #places = new Map<
    AgentProcess,
    { readonly location: string; readonly previous: string | undefined }
  >();
  #run: Run | undefined;

  constructor(
    hosts: HostListItem,
    localFiles: string | readonly string[],
    remoteLocation = '.',
    options: TorrentPutOptions = {},
  ) {
    const what = 'new TorrentPut()';
    checkOptions(what, options, torrentPutChecks);
    if (options.connectionParams) checkConnectionParams(options.connectionParams);
    const files: readonly string[] = typeof localFiles === 'string' ? [localFiles] : localFiles;
    if (!isList(files) || files.length === 0)
      throw new InvalidArgument(`${what}: localFiles: there must be one path at least`);
    for (const path of [...files, remoteLocation]) {
      if (typeof path !== 'string' || path === '' || path.includes('\0'))
        throw new InvalidArgument(`${what}: a path must be text that is not empty, not ${show(path)}`);
    }
    super(options.name ?? `fan ${files.join(' ')} out to ${remoteLocation}`, options);
    this.#files = files;
    this.#resume = options.resume ?? false;
    const vars = options.vars ?? {};
    checkVars(vars, `${what}: option vars`);
    const { seeder, engine, resume: _r, previous: _p, ...own } = processOptions(options) as TorrentPutOptions;
    const shared = Object.freeze(own) as SshProcessOptions;
    const on = {
      report: (report: Report, process: AgentProcess) => this.#onReport(report, process),
      end: (process: AgentProcess) => this.#onEnd(process),
    };
    const words = ['torrent-put', ...files, remoteLocation];
    const choices = Array.isArray(engine) ? (engine as readonly EngineChoice[]) : [engine as EngineChoice];
    toHosts(hosts).forEach((host, index) => {
      const fill = (text: string) => expandPlaceholders(text, { host, index, vars });
      const process = this.adopt(new AgentProcess(host, words, shared, on, choices[index % choices.length]));
      const previous = options.previous === undefined ? undefined : homeless(fill(options.previous));
      this.#places.set(process, { location: homeless(fill(remoteLocation)), previous });
    });
    const from = seeder === undefined ? undefined : seeder instanceof Host ? seeder : new Host(seeder);
    this.seeder = new AgentProcess(from, ['torrent-put', 'seed', ...files], shared, on);
  }

  override get processes(): readonly AgentProcess[] {
    return this.ownProcesses as AgentProcess[];
  }
  /** Bytes of the files, and of those how many are there, over all hosts. */
  get bytesTotal(): number | undefined {
    const totals = this.processes.map((process) => process.bytesTotal);
    return totals.some((total) => total === undefined)
      ? undefined
      : totals.reduce<number>((a, b) => a + (b as number), 0);
  }
  get bytesDone(): number {
    return this.processes.reduce((sum, process) => sum + process.bytesDone, 0);
  }

  protected override async execute(): Promise<void> {
    const run: Run = (this.#run = {
      ...{
        tracker: new Tracker(),
        jobKey: randomBytes(32),
        waiting: new Set(this.processes),
        over: new Set(),
        addresses: new Map(),
      },
      ...{
        source: undefined,
        meta: undefined,
        metainfo: '',
        prepared: false,
        started: false,
        timer: undefined,
      },
    });
    if (this.seeder.state === 'ended') this.seeder.reset();
    this.seeder.start();
    for (const process of this.processes) if (process.state === 'created') process.start();
    await Promise.all([this.seeder, ...this.processes].map((process) => process.wait()));
    clearTimeout(run.timer);
    await run.tracker.close();
  }

  protected override stop(...args: Parameters<Action['stop']>): this {
    if (this.seeder.running) {
      if (args[0] === 'kill') this.seeder.kill(args[1], args[2]);
      else this.seeder.stop('timeout');
    }
    return super.stop(...args);
  }

  // ── what agents say ────────────────────────────────────────────────────────────────────────────────────────────

  #onReport(report: Report, process: AgentProcess): void {
    const run = this.#run as Run;
    if (this.#living.length === 0) return process.order({ type: 'end' });
    switch (report.type) {
      case 'hello': {
        const [controller = '', , own = ''] = report.connection.split(' ');
        run.addresses.set(process, {
          own: isIP(own) ? own : '',
          controller: isIP(controller) ? controller : '',
        });
        if (process === this.seeder) process.order({ type: 'scan', files: this.#files });
        return this.#prepareWhenKnown();
      }
      case 'source':
        run.source = report;
        return this.#prepareWhenKnown();
      case 'ready':
        process.bytesTotal = run.meta?.length ?? 0;
        run.waiting.delete(process);
        if (run.started) process.order({ type: 'go' });
        return this.#startWhenReady();
      case 'announce': {
        const { meta } = run;
        if (!meta) return;
        const { port, left, event, lonely } = report;
        const peerId = Buffer.from(this.#peerId(process), 'latin1');
        const peers = run.tracker.announce(meta.infoHash, this.#idOf(process), {
          port,
          left,
          event,
          lonely,
          peerId,
        });
        return process.order({ type: 'peers', peers: peers.map(({ address, port }) => ({ address, port })) });
      }
      case 'placed':
        return this.#endWhenDone();
      default:
        return;
    }
  }

  #onEnd(process: AgentProcess): void {
    const run = this.#run as Run;
    run.waiting.delete(process);
    run.over.add(process);
    if (process === this.seeder) this.#onSeederEnd(run);
    else if (run.meta && run.addresses.has(process)) run.tracker.drop(run.meta.infoHash, this.#idOf(process));
    this.#prepareWhenKnown();
    this.#startWhenReady();
    this.#endWhenDone();
  }

  /** Without the seeder those go on who have a whole copy among them; otherwise nobody can come to an end. */
  #onSeederEnd(run: Run): void {
    const out = run.started && this.seeder.counts?.notYetOut === 0;
    if (out || this.#allPlaced || this.stopReason) return;
    void this.seeder.wait().then(() => {
      const { error } = this.seeder;
      const why = error?.message ?? 'it was ended';
      const text = `the seeder failed before a whole copy was out: ${why}`;
      for (const process of this.processes)
        if (process.running) process.giveUp(error?.code ?? 'ERR_TRANSFER', text);
    });
  }

  get #living(): AgentProcess[] {
    return this.processes.filter((process) => !process.ended && !this.#run?.over.has(process));
  }
  get #allPlaced(): boolean {
    return this.#living.every((process) => process.placed);
  }

  /** When everybody who will be there has said where it is, each gets its job. */
  #prepareWhenKnown(): void {
    const run = this.#run as Run;
    if (!run.source || run.over.has(this.seeder)) return;
    if (run.prepared) return;
    const known = this.processes.filter((process) => run.addresses.has(process));
    if (known.length === 0) return;
    if (this.processes.every((process) => run.addresses.has(process) || !run.waiting.has(process)))
      return this.#prepare(run);
    run.timer ??= setTimeout(() => this.#prepare(run), startPatience);
  }

  #prepare(run: Run): void {
    if (run.prepared || !run.source) return;
    run.prepared = true;
    clearTimeout(run.timer);
    run.timer = undefined;
    this.#deal(run, run.source).catch((error: unknown) => {
      this.seeder.giveUp('ERR_TRANSFER', error instanceof Error ? error.message : String(error));
    });
  }

  async #deal(run: Run, source: NonNullable<Run['source']>): Promise<void> {
    const bytes = torrentOf(source);
    const meta = (run.meta = parseMetainfo(bytes));
    logger.debug(
      'torrent',
      () => `${meta.pieceCount} pieces, the last of ${lengthOfPiece(meta, meta.pieceCount - 1)} bytes`,
    );
    run.metainfo = bytes.toString('base64');
    const late = this.processes.filter((process) => run.waiting.has(process) && !run.addresses.has(process));
    for (const process of late)
      process.giveUp('ERR_TRANSFER', `the agent has not answered ${startPatience} ms after the others`);
    const taking = this.processes.filter((process) => run.addresses.has(process) && process.running);
    const controllers = [...new Set(taking.map((process) => run.addresses.get(process)?.controller ?? ''))];
    const local = new Set(
      Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)),
    );
    const reachable = (address: string) => local.has(address) || address.startsWith('127.');
    // The seeder has one address; hosts that see this machine under another one are met over the address they know.
    const seederAddress = this.seeder.host
      ? (run.addresses.get(this.seeder)?.own ?? '')
      : (controllers.find(reachable) ?? controllers[0] ?? '127.0.0.1');
    const place = (process: AgentProcess) =>
      process === this.seeder ? seederAddress : (run.addresses.get(process)?.own as string);
    const everybody = [this.seeder, ...taking];
    const ids = everybody.map((process) => ({
      id: this.#idOf(process),
      address: place(process),
      seeder: process === this.seeder,
    }));
    run.tracker.add(meta.infoHash, ids);
    const ports = new Map<string, number>();
    for (const address of controllers.filter(reachable)) {
      const port = await run.tracker.listen(address).catch(() => undefined);
      if (port !== undefined) ports.set(address, port);
    }
    // A stock client chooses its own peer id, and is known by its address alone.
    const members = everybody.map((process) => ({
      address: place(process),
      ...(process.engine === 'agent' ? { peerId: this.#peerId(process) } : {}),
    }));
    for (const process of everybody) {
      const controller = run.addresses.get(process)?.controller || seederAddress;
      const port = ports.get(controller);
      const path = run.tracker.pathOf(meta.infoHash, this.#idOf(process));
      const announce = port && `http://${isIPv6(controller) ? `[${controller}]` : controller}:${port}${path}`;
      if (process.engine !== 'agent' && !announce) {
        process.giveUp('ERR_TRANSFER', `${process.engine} cannot reach the tracker, which is here`);
        continue;
      }
      const job: Job = {
        ...{ type: 'job', metainfo: run.metainfo, manifest: source.manifest, members },
        ...{ peerId: this.#peerId(process), address: place(process) },
        ...(announce ? { announce } : {}),
        ...(process === this.seeder ? {} : { place: this.#placing(process) }),
      };
      process.order(job);
    }
    run.waiting.add(this.seeder);
  }

  #placing(process: AgentProcess): NonNullable<Job['place']> {
    const first = this.#files[0] as string;
    const { location, previous } = this.#places.get(process) as {
      location: string;
      previous: string | undefined;
    };
    return {
      destination: location,
      asNamed: this.#files.length === 1 && !first.endsWith('/') && !location.endsWith('/'),
      resume: this.#resume,
      ...(previous === undefined ? {} : { previous }),
    };
  }

  #startWhenReady(): void {
    const run = this.#run as Run;
    if (run.started || !run.meta) return;
    if (run.waiting.size > 0) {
      if (!run.waiting.has(this.seeder)) run.timer ??= setTimeout(() => this.#start(run), startPatience);
      return;
    }
    this.#start(run);
  }

  #start(run: Run): void {
    if (run.started) return;
    run.started = true;
    for (const process of [this.seeder, ...this.processes])
      if (!run.waiting.has(process)) process.order({ type: 'go' });
  }

  /** Whoever has its files serves the others until all have them. */
  #endWhenDone(): void {
    const living = this.#living;
    if (!living.every((process) => process.placed)) return;
    for (const process of [...living, this.seeder]) process.order({ type: 'end' });
  }

  #idOf(process: AgentProcess): string {
    return process === this.seeder ? 'seeder' : String(this.processes.indexOf(process));
  }

  #peerId(process: AgentProcess): string {
    return peerIdOf((this.#run as Run).jobKey, this.#idOf(process));
  }
}

function isList(value: readonly string[]): boolean {
  return Array.isArray(value);
}
