import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { parseStat } from '../util/index.js';

/** Who holds a combination, as it is written down for others. */
export interface Owner {
  /** Never the same for two. */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** Names the running system whose process numbers `pid` is one of; undefined where that cannot be told. */
  readonly machine: string | undefined;
  /** With `pid`, a process for ever. */
  readonly start: number | undefined;
  /** How long, in milliseconds, an owner on another machine may show no sign of life. */
  readonly lease: number;
}

export function newOwner(lease: number): Owner {
  const [pid, id] = [process.pid, randomBytes(8).toString('hex')];
  return { id, host: hostname(), pid, machine: thisMachine(), start: startOf(pid), lease };
}

/** Whether the process of an owner on this machine lives; undefined when it is on another, or cannot be told. */
export function livesHere({ machine, pid, start }: Owner): boolean | undefined {
  if (machine === undefined || start === undefined || machine !== thisMachine()) return undefined;
  return startOf(pid) === start;
}

/** Containers of one machine share its boot, but the same number is another process in each. */
function thisMachine(): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return undefined;
  }
}

/** Undefined for a process that does not live; a zombie is dead. */
function startOf(pid: number): number | undefined {
  try {
    const [entry] = parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    return entry?.zombie === false ? entry.start : undefined;
  } catch {
    return undefined;
  }
}
