// A fan-out on virtual time: the policy is that of the agent, only links and clock are made up. Says what to expect of more hosts
// and bytes than there are here: node build/bench/swarm-sim.js --hosts 32,1000 --size 64MiB,1GiB --rate 80mbit --latency 0.2
import { parseArgs } from 'node:util';
import { NeighbourGraph } from '../src/torrent/graph.js';
import { pieceLengthFor } from '../src/torrent/metainfo.js';
import { Bitfield } from '../src/torrent/swarm/bitfield.js';
import type { PeerPort, SwarmPeer } from '../src/torrent/swarm/peer.js';
import { Swarm } from '../src/torrent/swarm/swarm.js';
import type { Message } from '../src/torrent/wire.js';
import { runFanouts } from './fanout.js';
import { median } from './support.js';
import { EventQueue, seededRandom } from './virtual-time.js';

export interface SimulationOptions {
  /** Without the seeder. */
  readonly hosts: number;
  /** Bytes. */
  readonly size: number;
  /** Of every link, each way; bits per second. */
  readonly rate: number;
  /** Of the way from one host to another; ms. */
  readonly latency: number;
  readonly seed: number;
  /**
   * How many times as large blocks and pieces are than they would be, and links slower than they are, so that fewer events stand for
   * the same transfer. What is below the size of a block is seen less sharply. Default 1.
   */
  readonly coarse?: number;
}

export interface SimulationResult {
  /** Milliseconds until the last host, and half of them, had everything. */
  readonly worst: number;
  readonly median: number;
  /** Of bytes over rate: no way is faster. */
  readonly bound: number;
  /** Copies that the seeder has sent, and bytes that came in vain as a share of all. */
  readonly copies: number;
  readonly wasted: number;
  readonly events: number;
}

/** Bytes on an Ethernet for each byte of a stream, in full packets of 1,448. */
const overhead = 1514 / 1448;
/** As in the agent: what is new is told after this long, or with the next message; ms. */
const haveDelay = 8;
const tickTime = 250;

class SimulatedHost {
  readonly swarm: Swarm;
  /** When the link is free again, each way; ms. */
  upFree = 0;
  downFree = 0;
  doneAt: number | undefined;

  constructor(
    queue: EventQueue,
    have: Bitfield,
    first: boolean,
    size: number,
    pieceLength: number,
    random: () => number,
  ) {
    this.swarm = new Swarm({
      ...{ have, first, pieceLength, length: size, random, now: () => queue.now },
      onPiece: (piece) => {
        this.swarm.verified(piece, true);
        if (this.swarm.complete) this.doneAt ??= queue.now;
      },
    });
  }
}

/** One direction of a connection: what one host sends to another. */
class SimulatedLink implements PeerPort {
  /** How the receiver knows the sender. */
  sender!: SwarmPeer;
  #waiting: Message[] = [];
  #timed = false;

  constructor(
    private readonly queue: EventQueue,
    private readonly from: SimulatedHost,
    private readonly to: SimulatedHost,
    private readonly msPerByte: number,
    private readonly latency: number,
  ) {}

  send(message: Message, urgent = message.type !== 'have'): void {
    this.#waiting.push(message);
    if (urgent) {
      // What is sent in one turn goes together.
      if (this.#waiting.length === 1 || this.#timed) this.queue.in(0, () => this.#flush());
      this.#timed = false;
    } else if (this.#waiting.length === 1) {
      this.#timed = true;
      this.queue.in(haveDelay, () => this.#flush());
    }
  }

  #flush(): void {
    const messages = this.#waiting;
    if (messages.length === 0) return;
    this.#waiting = [];
    this.#timed = false;
    this.queue.in(this.latency, () => {
      for (const message of messages) this.to.swarm.onMessage(this.sender, message);
    });
  }

  /** A link takes one block after the other, as they come. */
  sendBlock(piece: number, begin: number, length: number): void {
    this.#flush();
    const time = length * this.msPerByte;
    const { queue, from, to } = this;
    from.upFree = Math.max(queue.now, from.upFree) + time;
    queue.at(from.upFree, () => {
      from.swarm.uploads.sent(length);
      to.downFree = Math.max(queue.now + this.latency, to.downFree + time);
      queue.at(to.downFree, () => {
        const kept = to.swarm.wants(piece, begin, length);
        to.swarm.bytes(this.sender, length);
        to.swarm.block(this.sender, piece, begin, length, kept);
      });
    });
  }

  close(reason: string): void {
    throw new Error(`a simulated peer was refused: ${reason}`);
  }
}

export function simulate(options: SimulationOptions): SimulationResult {
  const { hosts: count, latency, seed, coarse = 1 } = options;
  const size = Math.ceil(options.size / coarse);
  const rate = options.rate / coarse;
  const queue = new EventQueue();
  const random = seededRandom(seed);
  const pieceLength = Math.max(16 * 1024, pieceLengthFor(options.size) / coarse);
  const pieces = Math.ceil(size / pieceLength);
  const msPerByte = (8000 / rate) * overhead;

  const ids = Array.from({ length: count }, (_, i) => String(i));
  const graph = new NeighbourGraph(ids, ['seeder'], random);
  const hosts = new Map(
    ['seeder', ...ids].map((id) => {
      const have = new Bitfield(pieces);
      const first = id === 'seeder';
      return [id, new SimulatedHost(queue, first ? have.fill() : have, first, size, pieceLength, random)];
    }),
  );
  for (const [id, from] of hosts) {
    for (const other of graph.of(id)) {
      if (other < id) continue;
      const to = hosts.get(other) as SimulatedHost;
      const there = new SimulatedLink(queue, from, to, msPerByte, latency);
      const back = new SimulatedLink(queue, to, from, msPerByte, latency);
      const traits = { own: true, fast: true };
      back.sender = from.swarm.add(there, traits);
      there.sender = to.swarm.add(back, traits);
    }
  }
  const all = [...hosts.values()];
  for (const host of all) {
    host.swarm.start();
    const tick = () => {
      host.swarm.tick();
      if (host.doneAt === undefined) queue.in(tickTime, tick);
    };
    queue.in(tickTime * random(), tick);
  }
  const seeder = hosts.get('seeder') as SimulatedHost;
  const peers = all.filter((host) => host !== seeder);
  let missing = peers.length;
  seeder.doneAt = 0;
  const isMissing = (host: SimulatedHost) => host.doneAt === undefined;
  while (missing > 0) {
    if (!queue.step() && peers.some(isMissing))
      throw new Error('nothing happens any more, and not all hosts have everything');
    if ((queue.steps & 1023) === 0 || queue.idle) missing = peers.filter(isMissing).length;
    if (queue.now > 3_600_000 * 24) throw new Error('this takes longer than a day');
  }
  const times = peers.map((host) => host.doneAt as number).sort((a, b) => a - b);
  const received = peers.reduce((sum, { swarm }) => sum + swarm.received, 0);
  return {
    worst: times.at(-1) as number,
    median: times[times.length >> 1] as number,
    bound: (options.size * 8000) / options.rate,
    copies: seeder.swarm.uploads.bytes / size,
    wasted: received / (count * size) - 1,
    events: queue.steps,
  };
}

function bytesOf(text: string): number {
  const match = /^(\d+)(KiB|MiB|GiB)$/.exec(text);
  if (!match) throw new Error(`a size is written as 64MiB, and not ${text}`);
  return Number(match[1]) * { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }[match[2] as 'KiB' | 'MiB' | 'GiB'];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      hosts: { type: 'string', default: '4,16,32,128' },
      size: { type: 'string', default: '64MiB' },
      rate: { type: 'string', default: '80mbit' },
      latency: { type: 'string', default: '0.2' },
      coarse: { type: 'string', default: '1' },
      seed: { type: 'string', default: '1' },
      // Also on real hosts, in network namespaces of this machine.
      measure: { type: 'boolean', default: false },
    },
  });
  const rate = Number(/^(\d+)mbit$/.exec(values.rate)?.[1]) * 1e6;
  console.log('  hosts      size  × bound   median   copies   wasted   events      took');
  for (const size of values.size.split(',')) {
    for (const hosts of values.hosts.split(',').map(Number)) {
      const began = performance.now();
      const result = simulate({
        ...{ hosts, rate, size: bytesOf(size), latency: Number(values.latency), seed: Number(values.seed) },
        coarse: Number(values.coarse),
      });
      const cells = [
        ...[
          String(hosts).padStart(7),
          size.padStart(9),
          (result.worst / result.bound).toFixed(3).padStart(8),
        ],
        ...[(result.median / result.bound).toFixed(3).padStart(8), result.copies.toFixed(3).padStart(8)],
        `${(100 * result.wasted).toFixed(2)} %`.padStart(8),
        `${(result.events / 1e6).toFixed(1)} M`.padStart(8),
        `${((performance.now() - began) / 1000).toFixed(0)} s`.padStart(9),
      ];
      if (values.measure) {
        const runs = await runFanouts(hosts, 3, { size: bytesOf(size), rate: values.rate });
        cells.push(`  measured × ${(median(runs.map((run) => run.swarm)) / result.bound).toFixed(3)}`);
      }
      console.log(cells.join(' '));
    }
  }
}

if (process.argv[1]?.endsWith('swarm-sim.js')) await main();
