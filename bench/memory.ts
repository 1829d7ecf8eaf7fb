import { inFreshProcess, startBed, type Row } from './support.js';

interface Answer {
  readonly peak: number;
  readonly detail: string;
  readonly right: boolean;
}

/** The most memory that a controller takes: with 1,000 connections, and while 1 GiB of output comes. */
export async function memory(hosts = 1000): Promise<Row[]> {
  const rows: Row[] = [];
  const add = (what: string, limit: number, { peak, detail, right }: Answer) => {
    const value = peak / 1024 ** 2;
    rows.push({
      group: 'memory',
      what,
      value,
      unit: 'MiB',
      wanted: `≤ ${limit}`,
      met: right && value <= limit,
      detail,
    });
  };
  const crowd = await startBed(hosts, 'embedded');
  try {
    add(`${hosts} hosts connected`, 250, inFreshProcess<Answer>('memory-hosts', crowd.hosts));
  } finally {
    await crowd.stop();
  }
  const one = await startBed(1, 'sshd');
  try {
    for (const kind of ['local', 'ssh2', 'openssh'])
      add(
        `1 GiB of stdout, ${kind}`,
        150,
        inFreshProcess<Answer>('memory-output', { kind, host: one.hosts[0] }),
      );
  } finally {
    await one.stop();
  }
  return rows;
}
