import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIPv4 } from 'node:net';
import { encode, type Bencodable } from './bencode.js';
import { NeighbourGraph } from './graph.js';

/** One who may take part. */
export interface Member {
  readonly id: string;
  /** Where its requests come from and where others reach it. */
  readonly address: string;
  /** The first source, which gets more neighbours. */
  readonly seeder?: boolean;
  /** What stands in its announce URL: 32 hexadecimal digits. Default: by lot. */
  readonly token?: string;
}

export interface TrackerOptions {
  /** Asked for torrents that it has not been told of; undefined for those that nobody knows. */
  readonly lookUp?: (infoHash: Buffer) => readonly Member[] | undefined;
}

interface Station extends Member {
  readonly token: string;
  port: number | undefined;
  peerId: Buffer;
  left: number;
  completed: boolean;
}

interface Torrent {
  readonly stations: ReadonlyMap<string, Station>;
  readonly graph: NeighbourGraph;
  downloaded: number;
}

/** What an announce says. */
export interface Announce {
  readonly port: number;
  readonly left: number;
  readonly peerId: Buffer;
  readonly event: string | undefined;
  /** The one who announces wants more neighbours than it has. */
  readonly lonely?: boolean;
}
export interface PeerAddress {
  readonly address: string;
  readonly port: number;
  readonly peerId: Buffer;
}

/** Seconds between two announces of a stock client. */
const interval = 15;
const longestUrl = 2048;

/**
 * An HTTP tracker (BEP 3, 23, 48) for known torrents and known members only. Each member has a token of its own in the path of
 * its announce URL, must come from its own address, and is given its neighbours of one random graph, not everybody.
 */
export class Tracker {
  readonly #torrents = new Map<string, Torrent>();
  readonly #servers: Server[] = [];
  readonly #lookUp: TrackerOptions['lookUp'];
  /** Requests that were refused. */
  refused = 0;

  constructor(options: TrackerOptions = {}) {
    this.#lookUp = options.lookUp;
  }

  /** Takes on a torrent. */
  add(infoHash: Buffer, members: readonly Member[]): void {
    const peers = members.filter((member) => !member.seeder).map((member) => member.id);
    const hubs = members.filter((member) => member.seeder).map((member) => member.id);
    const station = (member: Member): Station => ({
      ...member,
      ...{
        token: member.token ?? randomBytes(16).toString('hex'),
        port: undefined,
        peerId: Buffer.alloc(20),
        left: 1,
        completed: false,
      },
    });
    this.#torrents.set(infoHash.toString('hex'), {
      stations: new Map(members.map((member) => [member.id, station(member)])),
      graph: new NeighbourGraph(peers, hubs),
      downloaded: 0,
    });
  }

  /** The path of a member's announce URL; a secret. */
  pathOf(infoHash: Buffer, id: string): string {
    return `/${this.#station(infoHash, id).token}/announce`;
  }

  /** Forgets all torrents but those that are still wanted. */
  keep(isWanted: (infoHash: Buffer) => boolean): void {
    for (const key of this.#torrents.keys())
      if (!isWanted(Buffer.from(key, 'hex'))) this.#torrents.delete(key);
  }

  #find(infoHash: Buffer): Torrent | undefined {
    const key = infoHash.toString('hex');
    if (this.#lookUp && infoHash.length === 20 && !this.#torrents.has(key)) {
      const members = this.#lookUp(infoHash);
      if (members) this.add(infoHash, members);
    }
    return this.#torrents.get(key);
  }

  /** A member is out, by death or failure: its neighbours get others at their next announce. */
  drop(infoHash: Buffer, id: string): void {
    const torrent = this.#torrents.get(infoHash.toString('hex'));
    const station = torrent?.stations.get(id);
    if (!torrent || !station) return;
    station.port = undefined;
    torrent.graph.remove(id);
  }

  /** Takes in what a member says and tells its neighbours. Also for those whose announces come over SSH. */
  announce(infoHash: Buffer, id: string, said: Announce): PeerAddress[] {
    const torrent = this.#torrents.get(infoHash.toString('hex'));
    const station = this.#station(infoHash, id);
    if (!torrent) return [];
    if (said.event === 'stopped') {
      station.port = undefined;
      return [];
    }
    if (said.event === 'completed' && !station.completed) {
      station.completed = true;
      torrent.downloaded++;
    }
    station.port = said.port;
    station.left = said.left;
    station.peerId = said.peerId;
    // One more, if there is one who is not its neighbour yet.
    if (said.lonely) torrent.graph.replace(id, (other) => torrent.stations.get(other)?.port !== undefined);
    return [...torrent.graph.of(id)].flatMap((other) => {
      const { address, port, peerId } = torrent.stations.get(other) as Station;
      return port === undefined ? [] : [{ address, port, peerId }];
    });
  }

  #station(infoHash: Buffer, id: string): Station {
    const station = this.#torrents.get(infoHash.toString('hex'))?.stations.get(id);
    if (!station) throw new Error(`no member ${id} of this torrent`);
    return station;
  }

  // ── HTTP ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Listens; resolves with the port. */
  listen(address: string, port = 0): Promise<number> {
    const server = createServer((request, response) => this.#answer(request, response));
    server.headersTimeout = 5000;
    server.requestTimeout = 5000;
    server.maxHeadersCount = 50;
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, address, () => {
        server.off('error', reject);
        server.on('error', () => undefined);
        resolve((server.address() as { port: number }).port);
      });
    });
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#servers.splice(0).map((server) => {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        return closed;
      }),
    );
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const refuse = (status: number, why: string) => {
      this.refused++;
      // Clients of all kinds show what stands there.
      const body = encode({ 'failure reason': why });
      const headers = { 'content-type': 'text/plain', 'content-length': body.length, connection: 'close' };
      response.writeHead(status, headers).end(body);
    };
    const url = request.url ?? '';
    const match = /^\/([0-9a-f]{32})\/(announce|scrape)\?(.*)$/.exec(url);
    if (url.length > longestUrl || request.method !== 'GET' || !match)
      return refuse(404, 'this is no announce URL');
    const query = parseQuery(match[3] as string);
    const infoHash = query.get('info_hash');
    const torrent = infoHash && this.#find(infoHash);
    const station = torrent && withToken(torrent.stations.values(), match[1] as string);
    // Neither the address that a client gives for itself (ip=) nor a header of a proxy counts.
    if (!station || plain(request.socket.remoteAddress) !== station.address)
      return refuse(403, 'only members of the torrent are told anything');
    const answer = match[2] === 'scrape' ? scrape(infoHash, torrent) : this.#tell(infoHash, station, query);
    if (!answer) return refuse(400, 'port, left and peer_id are needed');
    const body = encode(answer);
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length }).end(body);
  }

  #tell(infoHash: Buffer, station: Station, query: Map<string, Buffer>): Bencodable | undefined {
    const number = (key: string) => Number(query.get(key)?.toString('latin1') ?? NaN);
    const [port, left] = [number('port'), number('left')];
    const peerId = query.get('peer_id');
    if (!(port >= 1 && port <= 65535) || !(left >= 0) || peerId?.length !== 20) return undefined;
    const event = query.get('event')?.toString('latin1');
    const lonely = query.has('lonely');
    const peers = this.announce(infoHash, station.id, { port, left, peerId, event, lonely });
    return { interval, 'min interval': 1, ...this.#counts(infoHash), ...encodePeers(peers, query) };
  }

  #counts(infoHash: Buffer): { complete: number; incomplete: number } {
    const stations = [...(this.#torrents.get(infoHash.toString('hex'))?.stations.values() ?? [])];
    const there = stations.filter((station) => station.port !== undefined);
    const complete = there.filter((station) => station.left === 0).length;
    return { complete, incomplete: there.length - complete };
  }
}

function scrape(infoHash: Buffer, torrent: Torrent): Bencodable {
  const there = [...torrent.stations.values()].filter((station) => station.port !== undefined);
  const complete = there.filter((station) => station.left === 0).length;
  const counts = { complete, downloaded: torrent.downloaded, incomplete: there.length - complete };
  return { files: { [infoHash.toString('latin1')]: counts } };
}

/** Compact, six bytes each (BEP 23), unless a client asks for the long form or an address is no IPv4. */
function encodePeers(
  peers: readonly PeerAddress[],
  query: Map<string, Buffer>,
): { readonly [key: string]: Bencodable } {
  const compact =
    query.get('compact')?.toString('latin1') !== '0' && peers.every(({ address }) => isIPv4(address));
  if (!compact)
    return { peers: peers.map(({ address, port, peerId }) => ({ ip: address, port, 'peer id': peerId })) };
  return {
    peers: Buffer.concat(
      peers.map(({ address, port }) =>
        Buffer.from([...address.split('.').map(Number), port >> 8, port & 255]),
      ),
    ),
  };
}

function withToken(stations: Iterable<Station>, token: string): Station | undefined {
  const given = Buffer.from(token);
  let found: Station | undefined;
  for (const station of stations) if (timingSafeEqual(Buffer.from(station.token), given)) found = station;
  return found;
}

/** Bytes that are percent-encoded: URLSearchParams would take them for UTF-8. */
function parseQuery(text: string): Map<string, Buffer> {
  const query = new Map<string, Buffer>();
  for (const pair of text.split('&')) {
    const at = pair.indexOf('=');
    if (at < 0) continue;
    const value = pair
      .slice(at + 1)
      .replaceAll('+', ' ')
      .replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
    query.set(pair.slice(0, at), Buffer.from(value, 'latin1'));
  }
  return query;
}

/** An IPv4 address as such, also where a socket shows it as a part of IPv6. */
export function plain(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/, '');
}
