import { execFile } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { arch, hostname, release, type, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** What is needed to know later what was run; `experiment.json` has one for each time that the experiment was started. */
export interface RunRecord {
  started: string;
  ended?: string;
  outcome: 'running' | 'done' | 'failed' | 'interrupted';
  error?: string;
  /** The program and its arguments. */
  command: readonly string[];
  cwd: string;
  options: Readonly<Record<string, unknown>>;
  arguments: readonly string[];
  /** What is swept over. */
  parameters?: unknown;
  /** Where it was run from, and the hosts that it used. */
  controller: { host: string; user: string; system: string; pid: number };
  hosts: string[];
  /** Of Rookery, Node and what Node is made of, and the program `ssh`. */
  versions: Record<string, string>;
  /** Of the folder of the program; undefined when it is not in a repository. */
  git?: { commit: string; branch: string; changed: boolean };
}
export interface ExperimentRecord {
  name: string;
  runs: RunRecord[];
}

export async function newRunRecord(
  options: Record<string, unknown>,
  words: readonly string[],
): Promise<RunRecord> {
  const script = process.argv[1];
  const folder = script === undefined ? process.cwd() : dirname(resolve(script));
  const [ssh, git] = await Promise.all([ask('ssh', ['-V']), gitOf(folder)]);
  return {
    ...{ started: new Date().toISOString(), outcome: 'running', command: [...process.argv] },
    ...{ cwd: process.cwd(), options, arguments: words, hosts: [] },
    controller: {
      ...{ host: hostname(), user: userInfo().username, pid: process.pid },
      system: `${type()} ${release()} ${arch()}`,
    },
    versions: { rookery: ownVersion(), ...(process.versions as Record<string, string>), ...(ssh && { ssh }) },
    ...(git && { git }),
  };
}

async function gitOf(folder: string): Promise<RunRecord['git']> {
  const git = (...words: string[]) => ask('git', ['-C', folder, ...words]);
  const commit = await git('rev-parse', 'HEAD');
  if (commit === undefined) return undefined;
  const [branch, status] = [
    await git('rev-parse', '--abbrev-ref', 'HEAD'),
    await git('status', '--porcelain'),
  ];
  return { commit, branch: branch ?? '', changed: status !== '' };
}

/** What a program says; undefined when it fails or takes too long. `ssh -V` says it on stderr. */
function ask(program: string, words: readonly string[]): Promise<string | undefined> {
  return new Promise((settle) => {
    execFile(program, words, { timeout: 10_000 }, (error, stdout, stderr) => {
      settle(error ? undefined : (stdout || stderr).trim());
    });
  });
}

function ownVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

const fileIn = (directory: string): string => join(directory, 'experiment.json');

/** Undefined when the folder holds no experiment. */
export function readRecord(directory: string): ExperimentRecord | undefined {
  try {
    return JSON.parse(readFileSync(fileIn(directory), 'utf8')) as ExperimentRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export function writeRecord(directory: string, record: ExperimentRecord): void {
  const fresh = `${fileIn(directory)}.${process.pid}.new`;
  writeFileSync(fresh, `${JSON.stringify(record, undefined, 2)}\n`);
  renameSync(fresh, fileIn(directory));
}
