import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { foldHosts, Host } from '../host/index.js';
import { Testbed, type TestbedOptions } from '../testbed/index.js';
import { InvalidArgument, quotePosix } from '../util/index.js';
import { painter } from './colors.js';
import { exitCodes, signalCodes } from './exit-codes.js';
import { toCount } from './hosts.js';

export interface TestbedCommandOptions {
  readonly number?: string;
  readonly backend?: string;
  readonly rate?: string;
  readonly user?: string;
}

const signals = Object.keys(signalCodes) as (keyof typeof signalCodes)[];

/** `rookery testbed`: resolves with the exit code, that of the command if there is one. */
export async function testbed(words: readonly string[], options: TestbedCommandOptions): Promise<number> {
  const { number, backend, rate, user } = options;
  const hosts = number === undefined ? 8 : toCount('--number', number);
  if (hosts === 0) throw new InvalidArgument('--number must be 1 or more');
  await using bed = await Testbed.start({
    hosts,
    ...(backend === undefined ? {} : { backend: backend as NonNullable<TestbedOptions['backend']> }),
    ...(rate === undefined ? {} : { link: { rate } }),
    ...(user === undefined ? {} : { user }),
  });
  const names = bed.hosts.map((_, i) => `host${i + 1}`);
  const folded = foldHosts(names.map((name) => new Host(name)));
  const hostsFile = join(bed.folder, 'hosts.txt');
  writeFileSync(hostsFile, names.map((name) => `${name}\n`).join(''));
  if (words.length > 0) return await runInside(bed, words, hostsFile, folded);
  const paint = painter(process.stdout);
  const config = quotePosix(bed.sshConfigFile);
  const list = quotePosix(folded);
  const row = (name: string, value: string) => `${paint('bold', name.padEnd(11))} ${value}\n`;
  process.stdout.write(
    [
      row('ssh_config', bed.sshConfigFile),
      row('hosts', folded),
      row('hosts file', hostsFile),
      row('addresses', foldHosts(bed.hosts.map(({ address }) => new Host(address)))),
      `\n  rookery run -F ${config} -w ${list} -- uptime\n`,
      `  ssh -F ${config} host1\n`,
      `  clush -o '-F ${config}' -w ${list} uptime\n`,
      `\n${bed.hosts.length} hosts (${bed.backend}) are up until Ctrl-C.\n`,
    ].join(''),
  );
  const signal = await nextSignal();
  return signal === 'SIGINT' ? exitCodes.ok : signalCodes[signal];
}

/** The first of the signals that ask for an end; nothing else keeps this program. */
async function nextSignal(): Promise<keyof typeof signalCodes> {
  const stay = setInterval(() => undefined, 2 ** 30);
  const listeners = new Map<string, () => void>();
  try {
    return await new Promise((resolve) => {
      for (const signal of signals) {
        const listener = () => resolve(signal);
        listeners.set(signal, listener);
        process.on(signal, listener);
      }
    });
  } finally {
    clearInterval(stay);
    for (const [signal, listener] of listeners) process.off(signal, listener);
  }
}

/** Runs a command that finds the hosts: `ssh`, `scp` and `sftp` know them, and so does what is built on these, and Rookery. */
async function runInside(
  bed: Testbed,
  words: readonly string[],
  hostsFile: string,
  list: string,
): Promise<number> {
  const folder = join(bed.folder, 'bin');
  const path = process.env['PATH'] ?? '';
  mkdirSync(folder);
  for (const name of ['ssh', 'scp', 'sftp']) {
    const file = join(folder, name);
    // The one that would be found without us, whatever the command itself does to PATH.
    writeFileSync(
      file,
      `#!/bin/sh\nPATH=${quotePosix(path)} exec ${name} -F ${quotePosix(bed.sshConfigFile)} "$@"\n`,
    );
    chmodSync(file, 0o755);
  }
  const [first, ...rest] = words as [string, ...string[]];
  const child = spawn(first, rest, {
    shell: rest.length === 0,
    stdio: 'inherit',
    env: {
      ...process.env,
      PATH: `${folder}${delimiter}${path}`,
      ROOKERY_SSH_CONFIG: bed.sshConfigFile,
      ROOKERY_HOSTS: list,
      ROOKERY_HOSTS_FILE: hostsFile,
    },
  });
  // A Ctrl-C reaches the command too, which decides what comes of it; other signals are for us alone, and are passed on.
  const onSignal = (signal: NodeJS.Signals) => {
    if (signal !== 'SIGINT') child.kill(signal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + (signal ? constants.signals[signal] : 0);
  } catch (error) {
    process.stderr.write(`rookery: ${first}: ${error instanceof Error ? error.message : String(error)}\n`);
    return exitCodes.internal;
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}
