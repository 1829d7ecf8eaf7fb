import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closeConnections, TorrentPut } from 'rookery';
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
  return rows;
}

async function measure(count: number, rounds: number): Promise<Row[]> {
  const bed = await startNamespaces(count + 1, '80mbit');
  const [seeder, ...hosts] = bed.hosts;
  const source = join(bed.folder, 'file');
  writeFileSync(source, randomBytes(size));
  const runs: { swarm: number; whole: number; copies: number; wasted: number }[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const to = join(bed.folder, `to${round}`);
      mkdirSync(to);
      const put = new TorrentPut(hosts, source, `${to}/{{{host}}}`, { seeder: seeder! });
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
