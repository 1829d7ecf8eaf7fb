import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closeConnections, TorrentPut, type TorrentPutOptions } from 'rookery';
import { startNamespaces } from './netns.js';
import { hasProgram, median, missing, ratio, seconds, time, type Row } from './support.js';

const size = 64 * 1024 * 1024;
const rate = 80e6 / 8;
/** No way to give a file to any number of hosts is faster when every link has this rate. */
const bound = (size / rate) * 1000;

/** 64 MiB from one host to others, all behind links of 80 Mbit/s: as a ratio to the time that one link needs for it. */
export async function fanout(rounds: number): Promise<Row[]> {
  if (process.getuid?.() !== 0 || !hasProgram('ip') || !hasProgram('tc') || !hasProgram('/usr/sbin/sshd'))
    return [missing('fanout', '64 MiB to N hosts', 'root with ip, tc and sshd')];
  const rows: Row[] = [];
  for (const count of [4, 16, 32]) rows.push(...(await measure(count, rounds)));
  rows.push(...(await compare(16)));
  return rows;
}

export interface FanoutRun {
  /** Milliseconds: the swarm, and everything from the connections on. */
  readonly swarm: number;
  readonly whole: number;
  /** Copies that the seeder has sent, and that each host has received. */
  readonly copies: number;
  readonly wasted: number;
}

/** Fan-outs to hosts in network namespaces, one after the other. */
export async function runFanouts(
  count: number,
  rounds: number,
  options: { size: number; rate: string; engine?: TorrentPutOptions['engine'] },
): Promise<FanoutRun[]> {
  const { size, rate, engine } = options;
  const bed = await startNamespaces(count + 1, rate);
  const [seeder, ...hosts] = bed.hosts;
  const source = join(bed.folder, 'file');
  writeFileSync(source, randomBytes(size));
  const runs: FanoutRun[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const to = join(bed.folder, `to${round}`);
      mkdirSync(to);
      const put = new TorrentPut(hosts, source, `${to}/{{{host}}}`, { seeder: seeder!, engine });
      // What is measured includes the connections.
      await closeConnections();
      const whole = await time(() => put.run());
      put.orThrow();
      const received = put.processes.reduce((sum, { counts }) => sum + (counts?.received ?? 0), 0);
      runs.push({
        swarm: Math.max(...put.processes.map((process) => process.swarmTime as number)),
        ...{ whole, copies: (put.seeder.counts?.sent ?? 0) / size },
        wasted: received / (count * size),
      });
    }
  } finally {
    await closeConnections();
    await bed.stop();
  }
  return runs;
}

async function measure(count: number, rounds: number): Promise<Row[]> {
  const runs = await runFanouts(count, rounds, { size, rate: '80mbit' });
  const of = (key: keyof (typeof runs)[number]) => median(runs.map((one) => one[key]));
  const what = `64 MiB to ${count} hosts`;
  return [
    ratio(
      'fanout',
      `${what}: swarm`,
      of('swarm') / bound,
      { atMost: 1.2 },
      `${seconds(of('swarm'))}, bound ${seconds(bound)}`,
    ),
    ratio('fanout', `${what}: all`, of('whole') / bound, { atMost: 1.5 }, seconds(of('whole'))),
    ratio('fanout', `${what}: copies sent by the seeder`, of('copies'), { atMost: 1.15 }, ''),
    ratio('fanout', `${what}: bytes received`, of('wasted'), { atMost: 1.02 }, 'of each host, in copies'),
  ];
}

/** Against stock clients on the same bed, which are given the same tracker and seeder: one round, for they take their time. */
async function compare(count: number): Promise<Row[]> {
  const run = async (engine: TorrentPutOptions['engine']) =>
    (await runFanouts(count, 1, { size, rate: '80mbit', engine }))[0] as FanoutRun;
  const own = await run('agent');
  const rows: Row[] = [];
  for (const engine of ['aria2c', 'transmission-cli'] as const) {
    const what = `64 MiB to ${count} hosts: times as fast as ${engine}`;
    if (!hasProgram(engine)) rows.push(missing('fanout', what, engine));
    else {
      const stock = await run(engine);
      const detail = `${seconds(own.whole)} and ${seconds(stock.whole)}`;
      rows.push(ratio('fanout', what, stock.whole / own.whole, { atLeast: 2 }, detail));
    }
  }
  return rows;
}
