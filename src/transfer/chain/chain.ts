import { createHash, randomBytes } from 'node:crypto';
import { logger, messageOf, RookeryError } from '../../util/index.js';
import type { TarSource } from '../tar-source.js';
import { Feed } from './feed.js';
import type { ChainProcess } from './chain-process.js';

/** Without a connection after this long, a host gets the files from here; ms. */
const linkPatience = 10_000;
/** Broken connections between the same two hosts after which they are not tried again, and feeds after which a host is given up. */
const [mostCuts, mostFeeds] = [2, 4];

/** The way on which one host gets its bytes: from the one before it, or from here. */
interface Link {
  readonly id: string;
  readonly from: ChainProcess | undefined;
  readonly to: ChainProcess;
  readonly token: string;
  readonly timer: NodeJS.Timeout;
  feed?: Feed;
}

interface Member {
  readonly process: ChainProcess;
  up: Link | undefined;
  down: Link | undefined;
  placed: boolean;
  finished: boolean;
  feeds: number;
  readonly cuts: Map<ChainProcess, number>;
}

/**
 * The hosts that get the same archive, in the order in which they became ready: the first gets it from here over SSH, each other one
 * from the host before it. Agents on the hosts only do as they are told, one line for each order or report, on their SSH session:
 *
 * - `size N`, `digest HEX`: what is to arrive. Nothing is put in its place before the digest of all of it is right.
 * - `listen ID PEER TOKEN` → `listening ID PORT HAVE` → `linked ID`: takes bytes, from HAVE on, from one connection that comes from
 *   that address and begins with the token; no other is let in.
 * - `feed ID TOKEN` → `feeding ID HAVE PIPE`: takes them from a named pipe in a folder of its own, which is filled over SSH.
 * - `send ID ADDRESS PORT TOKEN OFFSET`: connects to the next one and passes on what there is from OFFSET, and what comes.
 * - `have N`: how far it is, also said when nothing has changed: a host that falls silent is dead.
 * - `starved ID`, `cut ID`, `late ID`: the connection to the one before, or after, has ended; OFFSET lies too far back.
 * - `placed`, `corrupt`, `failed STATUS`: the end of it. Its input ends when nobody needs it any more.
 */
export class Chain {
  readonly #archive: TarSource;
  readonly #members: Member[] = [];
  readonly #hash = createHash('sha256');
  #hashed = 0;
  #digest: string | undefined;
  #links = 0;

  constructor(archive: TarSource) {
    this.#archive = archive;
  }

  get size(): number {
    return this.#archive.size;
  }

  /** A host is ready: it becomes the last of the chain. */
  join(process: ChainProcess): void {
    const member: Member = {
      ...{ process, up: undefined, down: undefined, placed: false, finished: false },
      ...{ feeds: 0, cuts: new Map<ChainProcess, number>() },
    };
    this.#members.push(member);
    process.order('size', this.size);
    if (this.#digest !== undefined) process.order('digest', this.#digest);
    this.#supply(member);
  }

  /** A host is gone, whatever the reason: the one after it is supplied by another. */
  leave(process: ChainProcess): void {
    const index = this.#members.findIndex((member) => member.process === process);
    const [member] = index < 0 ? [] : this.#members.splice(index, 1);
    if (!member) return;
    this.#drop(member.up);
    const next = this.#of(member.down?.to);
    if (next && next.up === member.down) this.#supply(next);
    this.#finishDone();
  }

  hear(process: ChainProcess, [verb = '', ...words]: readonly string[]): void {
    const member = this.#of(process);
    if (!member) return;
    const [id = ''] = words;
    const { up, down } = member;
    switch (verb) {
      case 'have':
        process.moved(Number(id));
        return this.#finishDone();
      case 'listening':
        if (up?.id === id && up.from)
          up.from.order('send', id, process.address, Number(words[1]), up.token, Number(words[2]));
        return;
      case 'feeding':
        if (up?.id === id) this.#feed(member, up, Number(words[1]), words.slice(2).join(' '));
        return;
      case 'linked':
        if (up?.id === id) clearTimeout(up.timer);
        return;
      case 'starved':
        if (up?.id === id) this.#broken(up, words.slice(1).join(' '));
        return;
      case 'cut':
        if (down?.id === id) this.#broken(down, words.slice(1).join(' '));
        return;
      case 'late':
        if (down?.id === id) this.#broken(down, 'what it lacks is not kept any more', mostCuts);
        return;
      case 'placed':
        member.placed = true;
        return this.#finishDone();
      case 'corrupt':
        return process.giveUp('ERR_VERIFY', 'the SHA-256 digest of what arrived differs');
      case 'failed':
        return process.giveUp('ERR_TRANSFER', undefined);
    }
  }

  #of(process: ChainProcess | undefined): Member | undefined {
    return this.#members.find((member) => member.process === process);
  }

  #supply(member: Member): void {
    const { process } = member;
    this.#drop(member.up);
    member.up = undefined;
    if (process.bytesDone >= this.size) return;
    const before = this.#members[this.#members.indexOf(member) - 1];
    const usable = before && !before.finished && (member.cuts.get(before.process) ?? 0) < mostCuts;
    const from = usable ? before : undefined;
    if (!from && ++member.feeds > mostFeeds)
      return process.giveUp(
        'ERR_TRANSFER',
        'it was sent the files several times, and always stopped taking them',
      );
    const id = `${++this.#links}`;
    const token = randomBytes(32).toString('hex');
    const timer = setTimeout(() => this.#broken(link, 'no connection was made', mostCuts), linkPatience);
    const link: Link = { id, from: from?.process, to: process, token, timer };
    member.up = link;
    if (!from) return process.order('feed', id, token);
    from.down = link;
    process.order('listen', id, from.process.address, token);
  }

  #drop(link: Link | undefined): void {
    clearTimeout(link?.timer);
    link?.feed?.stop();
  }

  #broken(link: Link, why: string, weight = 1): void {
    const member = this.#of(link.to);
    if (member?.up !== link || link.to.bytesDone >= this.size) return;
    if (link.from) {
      const cuts = (member.cuts.get(link.from) ?? 0) + weight;
      member.cuts.set(link.from, cuts);
      const between = `${link.from.host.toString()} and ${link.to.host.toString()}`;
      if (cuts >= mostCuts)
        logger.warn('transfer', `between ${between}: ${why}; the latter gets the files from here`);
    }
    this.#supply(member);
  }

  #feed(member: Member, link: Link, offset: number, pipe: string): void {
    const feed = (link.feed = new Feed(member.process, pipe, this.#archive, link.token));
    feed
      .run(offset, (at, chunk) => this.#sent(at, chunk))
      .catch((error: unknown) => {
        if (feed.stopped) return;
        if (error instanceof RookeryError && error.code === 'ERR_CONNECTION_LOST')
          this.#broken(link, error.message);
        else this.#fail(error);
      });
  }

  /** Every byte goes through the digest once, in its order, however often it is sent. */
  #sent(at: number, chunk: Buffer): void {
    if (this.#digest !== undefined || at > this.#hashed || at + chunk.length <= this.#hashed) return;
    this.#hash.update(chunk.subarray(this.#hashed - at));
    this.#hashed = at + chunk.length;
    if (this.#hashed < this.size) return;
    this.#digest = this.#hash.digest('hex');
    for (const { process } of this.#members) process.order('digest', this.#digest);
  }

  /** The files cannot be read: nobody who does not have them yet will. */
  #fail(error: unknown): void {
    const { code, message } =
      error instanceof RookeryError ? error : { code: 'ERR_TRANSFER' as const, message: messageOf(error) };
    for (const { process } of [...this.#members])
      if (process.bytesDone < this.size) process.giveUp(code, message);
  }

  /** Lets go of those whose files are in their place, and who are not needed by the one after them. */
  #finishDone(): void {
    for (const member of this.#members) {
      if (!member.placed || member.finished) continue;
      const next = this.#of(member.down?.to);
      if (next && next.up === member.down && next.process.bytesDone < this.size) continue;
      member.finished = true;
      member.process.finish();
    }
  }
}
