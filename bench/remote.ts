import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostSpec } from 'rookery';
import {
  hasProgram,
  inFreshProcess,
  median,
  missing,
  ratio,
  runProgram,
  seconds,
  startBed,
  time,
  type Row,
} from './support.js';

const group = 'remote';
const python = '/usr/bin/python3';

interface Times {
  readonly cold: number;
  readonly warm: number;
}

/** `true` on 200 hosts of one bed: the first action, and one on the connections that are there; against peers. */
export async function remote(rounds: number, count = 200): Promise<Row[]> {
  const bed = await startBed(count, 'sshd');
  const folder = mkdtempSync(join(tmpdir(), 'rookery-bench-'));
  try {
    const ours: Times[] = [];
    const bare: Times[] = [];
    const peers: Record<string, number[]> = {};
    const python3: Times[] = [];
    const tools = peerTools(folder, bed.hosts);
    for (let round = 0; round < rounds; round++) {
      ours.push(inFreshProcess<Times>('remote-ours', bed.hosts));
      bare.push(inFreshProcess<Times>('remote-bare', bed.hosts));
      if (hasProgram(python)) {
        const times = inFreshProcess<Times | null>('remote-asyncssh', bed.hosts);
        if (times) python3.push(times);
      }
      for (const [name, run] of Object.entries(tools))
        if (hasProgram(name)) (peers[name] ??= []).push(await time(run));
    }
    const of = (list: readonly Times[], key: keyof Times) => median(list.map((times) => times[key]));
    const [cold, warm] = [of(ours, 'cold'), of(ours, 'warm')];
    const rows = [
      ratio(
        group,
        'first action / bare ssh2 loop',
        cold / of(bare, 'cold'),
        { atMost: 1.25 },
        `${seconds(cold)} / ${seconds(of(bare, 'cold'))}`,
      ),
      ratio(
        group,
        'second action / bare ssh2 loop',
        warm / of(bare, 'warm'),
        { atMost: 1.5 },
        `${seconds(warm)} / ${seconds(of(bare, 'warm'))}`,
      ),
    ];
    for (const name of ['clush', 'pdsh']) {
      const times = peers[name];
      if (!times) rows.push(missing(group, `${name} / first action`, name));
      else
        rows.push(
          ratio(
            group,
            `${name} / first action`,
            median(times) / cold,
            { atLeast: 4 },
            seconds(median(times)),
          ),
        );
    }
    if (peers['clush'])
      rows.push(
        ratio(
          group,
          'clush / second action',
          median(peers['clush']) / warm,
          { atLeast: 30 },
          seconds(median(peers['clush'])),
        ),
      );
    if (python3.length === 0) return [...rows, missing(group, 'asyncssh / ours', 'python3-asyncssh')];
    const [theirs, theirsWarm] = [of(python3, 'cold'), of(python3, 'warm')];
    rows.push(ratio(group, 'asyncssh / first action', theirs / cold, { atLeast: 1 }, seconds(theirs)));
    rows.push(
      ratio(group, 'asyncssh / second action', theirsWarm / warm, { atLeast: 1.3 }, seconds(theirsWarm)),
    );
    return rows;
  } finally {
    rmSync(folder, { recursive: true });
    await bed.stop();
  }
}

/** clush and pdsh through ssh, each with as many connections at once as there are hosts. */
function peerTools(folder: string, hosts: readonly HostSpec[]): Record<string, () => Promise<void>> {
  const [first] = hosts as [HostSpec];
  const config = join(folder, 'config');
  writeFileSync(
    config,
    `Host *\n  User ${first.user}\n  Port ${first.port}\n  IdentityFile ${String(first.keyfile)}\n  IdentitiesOnly yes\n` +
      `  UserKnownHostsFile ${String(first.knownHosts)}\n  StrictHostKeyChecking yes\n`,
  );
  const names = hosts.map((host) => host.address).join(',');
  return {
    clush: () => runProgram('clush', ['-f', '64', '-o', `-F ${config}`, '-w', names, 'true']),
    pdsh: () =>
      runProgram('pdsh', ['-R', 'ssh', '-f', '64', '-w', names, 'true'], {
        env: { ...process.env, PDSH_SSH_ARGS_APPEND: `-F ${config}` },
      }),
  };
}
