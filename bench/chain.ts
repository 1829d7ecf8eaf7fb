import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChainPut, closeConnections, Put } from 'rookery';
import { startNamespaces } from './netns.js';
import { hasProgram, median, missing, ratio, seconds, time, type Row } from './support.js';

const size = 64 * 1024 * 1024;
const count = 32;

/** 64 MiB to 32 hosts behind links of 80 Mbit/s each way, from host to host: as a ratio to a Put to one of them. */
export async function chain(rounds: number): Promise<Row[]> {
  const what = `64 MiB to ${count} hosts`;
  if (process.getuid?.() !== 0 || !hasProgram('ip') || !hasProgram('tc') || !hasProgram('/usr/sbin/sshd'))
    return [missing('chain', what, 'root with ip, tc and sshd')];
  const bed = await startNamespaces(count, '80mbit');
  const source = join(bed.folder, 'file');
  writeFileSync(source, randomBytes(size));
  const one: number[] = [];
  const all: number[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const to = join(bed.folder, `to${round}`);
      for (const [times, make] of [
        [one, () => new Put(bed.hosts[0]!, source, `${to}-one/`)],
        [all, () => new ChainPut(bed.hosts, source, `${to}/{{{host}}}/`)],
      ] as const) {
        // What is measured includes the connections.
        await closeConnections();
        const action = make();
        times.push(await time(() => action.run()));
        action.orThrow();
      }
    }
    const died = new ChainPut(bed.hosts, source, `${bed.folder}/died/{{{host}}}/`);
    const victim = died.processes[count / 2]!;
    victim.on('progress', () => victim.bytesDone < size / 2 || victim.kill('SIGKILL'));
    const healed = await time(() => died.run());
    const survivors = died.processes.filter((process) => process.ok).length;
    return [
      ratio(
        'chain',
        what,
        median(all) / median(one),
        { atMost: 1.15 },
        `${seconds(median(all))}, one copy ${seconds(median(one))}`,
      ),
      ratio(
        'chain',
        `${what}, one killed: others that have it`,
        survivors / (count - 1),
        { atLeast: 1 },
        seconds(healed),
      ),
    ];
  } finally {
    await closeConnections();
    await bed.stop();
  }
}
