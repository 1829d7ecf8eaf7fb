// A random mix of what processes can go through, checked after every step. The same seed gives the same steps.
import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { closeConnections, Process, SshProcess, Testbed } from 'rookery';
import { isAlive, living, quiet, until } from '../faults/support.js';

const { values } = parseArgs({
  options: { steps: { type: 'string', default: '2000' }, seed: { type: 'string', default: '20261' } },
});
const steps = Number(values.steps);
const seed = Number(values.seed);
if (!Number.isInteger(steps) || steps < 1 || !Number.isInteger(seed))
  throw new Error('usage: npm run soak -- [--steps=NUMBER] [--seed=NUMBER]');

/** Mulberry32: small, and the same everywhere. */
let state = seed;
function random(limit: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * limit);
}
const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;

/** One process of the mix, with what must become of it. */
interface Subject {
  readonly process: Process | SshProcess;
  readonly tag: string;
  readonly host: number | undefined;
  /** Exit code when nothing interferes; undefined for one that runs until it is ended. */
  readonly code: number | undefined;
  readonly talks: boolean;
  runs: number;
  ends: number;
  /** It was killed, or its connection was cut, in this run. */
  disturbed: boolean;
  /** Its connection was cut at some time: the host then ends what ran there, which takes it some seconds. */
  wasCut: boolean;
}

const kinds = [
  { text: (tag: string) => `sleep ${tag}`, code: undefined },
  { text: (tag: string) => `setsid sleep ${tag} & sleep ${tag}`, code: undefined },
  {
    text: (tag: string) => `trap '' TERM; while :; do sleep ${tag}; done`,
    code: undefined,
    options: { killTimeout: 100 },
  },
  { text: (tag: string) => `sleep ${tag}`, code: undefined, options: { timeout: 80 } },
  {
    text: (tag: string) => `while read -r line; do echo "$line ${tag}"; done; exit 6`,
    code: undefined,
    talks: true,
  },
  { text: () => 'echo out; echo err >&2; exit 3', code: 3 },
  { text: () => 'seq 20000', code: 0, options: { maxOutput: 1000 } },
  { text: () => 'exit 255', code: 255 },
] as const;

await using bed = await Testbed.start({ hosts: 4, backend: 'sshd', hostsPerServer: 1 });
const subjects: Subject[] = [];
const counts: Record<string, number> = {};
let made = 0;
const cutAt: number[] = [];
const base = readdirSync('/proc/self/fd').length;

function make(): Subject {
  const kind = pick(kinds);
  const tag = `${2000 + process.pid}.${seed}${String(++made).padStart(6, '0')}`;
  const where = pick(['local', 'ssh2', 'ssh2', 'openssh'] as const);
  const host = where === 'local' ? undefined : random(bed.hosts.length);
  const options = { ...quiet, ...('options' in kind ? kind.options : {}) };
  const command = kind.text(tag);
  const process_ =
    host === undefined
      ? new Process(command, options)
      : new SshProcess(command, bed.hosts[host]!, {
          ...options,
          connectionParams: { transport: where as 'ssh2', keepalive: '5s' },
        });
  const subject: Subject = {
    ...{ process: process_, tag, host, code: kind.code, talks: 'talks' in kind },
    ...{ runs: 0, ends: 0, disturbed: false, wasCut: false },
  };
  process_.on('end', () => subject.ends++);
  subjects.push(subject);
  return subject;
}

function start(subject: Subject): void {
  subject.runs++;
  // A connection that was just cut may not be known to be lost yet; what is started on it is lost too.
  subject.disturbed = subject.host !== undefined && Date.now() - (cutAt[subject.host] ?? 0) < 2_000;
  subject.wasCut ||= subject.disturbed;
  subject.process.start();
}

/** What a step may do; undefined when there is nothing to do it to. */
const operations: Record<string, () => Promise<void> | void | undefined> = {
  start: () => start(make()),
  finish: async () => {
    const some = subjects.filter((s) => s.process.running && s.code !== undefined);
    if (some.length > 0) await pick(some).process.wait();
  },
  kill: () => {
    const some = subjects.filter((s) => s.process.running);
    if (some.length === 0) return;
    const subject = pick(some);
    subject.disturbed = true;
    subject.process.kill(pick(['SIGTERM', 'SIGINT', 'SIGKILL']));
  },
  'kill and wait': async () => {
    const some = subjects.filter((s) => s.process.running);
    if (some.length === 0) return;
    const subject = pick(some);
    subject.disturbed = true;
    await subject.process.kill().wait();
    check(subject);
  },
  talk: async () => {
    const some = subjects.filter((s) => s.talks && s.process.running && !s.disturbed);
    if (some.length === 0) return;
    const subject = pick(some);
    const word = `w${random(1_000_000)}`;
    subject.process.write(`${word}\n`);
    await subject.process.expect(`${word} ${subject.tag}`, { timeout: '30s' }).catch((error: unknown) => {
      // Only a connection that was cut may be the reason.
      if (!subject.disturbed) fail(subject, String(error));
    });
  },
  again: () => {
    const some = subjects.filter((s) => s.process.ended);
    if (some.length === 0) return;
    const subject = pick(some);
    subject.process.reset();
    start(subject);
  },
  cut: () => {
    if (random(4) > 0) return;
    const host = random(bed.hosts.length);
    cutAt[host] = Date.now();
    for (const subject of subjects) if (subject.host === host) subject.disturbed = subject.wasCut = true;
    for (const pid of bed.connections(bed.hosts[host])) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  },
  'forget the ended': () => {
    for (let i = subjects.length; i-- > 0;)
      if (subjects[i]!.process.ended && subjects.length > 8) subjects.splice(i, 1);
  },
};

function fail(subject: Subject, what: string): never {
  throw new Error(`seed ${seed}: ${what}: ${String(subject.process)}\n${subject.process.dump()}`);
}

/** What must be true of every process at every moment. */
function check(subject: Subject): void {
  const { process: p, runs, ends, code, disturbed, tag } = subject;
  if (ends !== (p.ended ? runs : runs - 1)) fail(subject, `${runs} runs and ${ends} ends`);
  if (p.eventNames().length > 1) fail(subject, `listeners for ${p.eventNames().join()}`);
  if (!p.ended) return;
  if (!(p.endDate! >= p.startDate!)) fail(subject, 'it ended before it began');
  const causes = [p.exitCode, p.signal, p.error].filter((cause) => cause !== undefined).length;
  if (causes > 1 || (causes === 0 && !p.killed && !p.timedOut)) fail(subject, `${causes} causes`);
  if (p.killConfirmed && !subject.wasCut && living(` ${tag}`).length > 0)
    fail(subject, 'what was confirmed to be gone lives');
  if (disturbed) return;
  if (code !== undefined && p.exitCode !== code) fail(subject, `exit ${code} was expected`);
  if (code === 3 && (p.stdout !== 'out\n' || p.stderr !== 'err\n')) fail(subject, 'output is missing');
  if (code === 0 && !p.stdout.endsWith('\n20000\n')) fail(subject, 'output is missing');
  if (code === undefined && !p.timedOut) fail(subject, 'it ended by itself');
}

const begin = performance.now();
for (let step = 1; step <= steps; step++) {
  const running = subjects.filter((s) => s.process.running).length;
  const name =
    running >= 12 ? pick(['kill', 'kill and wait', 'finish', 'cut']) : pick(Object.keys(operations));
  counts[name] = (counts[name] ?? 0) + 1;
  await operations[name]!();
  for (const subject of subjects) check(subject);
  const descriptors = readdirSync('/proc/self/fd').length;
  if (descriptors > base + 250)
    throw new Error(`seed ${seed}, step ${step}: ${descriptors} descriptors are open`);
}
for (const subject of subjects) if (subject.process.running) subject.disturbed = true;
await Promise.all(subjects.filter((s) => s.process.running).map((s) => s.process.kill().wait()));
for (const subject of subjects) check(subject);
await closeConnections();
await until('nothing that was started is left', () => living(`${2000 + process.pid}.${seed}`).length === 0);
await until('the descriptors are given back', () => readdirSync('/proc/self/fd').length <= base + 4);
const seconds = ((performance.now() - begin) / 1000).toFixed(1);
console.log(`soak: seed ${seed}, ${steps} steps in ${seconds} s, ${made} processes; every check held`);
console.log(
  Object.entries(counts)
    .map(([name, count]) => `${count} × ${name}`)
    .join(', '),
);
