import { execa } from 'execa';
import pLimit from 'p-limit';
import { Local } from 'rookery';
import { median, ratio, seconds, time, type Row } from './support.js';

/** 1,000 local `true`, 16 at a time, against execa alone. */
export async function local(rounds: number): Promise<Row[]> {
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const commands = Array.from({ length: 1000 }, () => ['true']);
    ours.push(await time(async () => (await new Local(commands, { concurrency: 16 }).run()).orThrow()));
    const limit = pLimit(16);
    theirs.push(await time(() => Promise.all(commands.map(() => limit(() => execa('true'))))));
  }
  const [a, b] = [median(ours), median(theirs)];
  return [
    ratio('local', '1,000 × true / bare execa', a / b, { atMost: 1.3 }, `${seconds(a)} / ${seconds(b)}`),
  ];
}
