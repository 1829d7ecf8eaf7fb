import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MurderRole } from '../../murder-control.js';
import { AgentError } from '../error.js';
import { identify, isSame, type Identity } from './identity.js';

/** A role that runs, or ran, as a process of its own. */
export interface RoleRecord extends Identity {
  readonly role: MurderRole;
  /** Of a seeder or peer. */
  readonly tag?: string;
  /** Of a tracker: where it listens. */
  readonly port?: number;
}

/**
 * What Murder keeps on a host between two steps: one folder of mode 0700 for each account, and in it one for each address, since
 * several hosts may share a file system.
 */
export class State {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static open(temp: string, connection = process.env['SSH_CONNECTION'] ?? ''): State {
    const root = join(temp, `rookery-murder-${process.getuid?.() ?? 0}`);
    mkdirSync(temp, { recursive: true });
    mkdirSync(root, { recursive: true, mode: 0o700 });
    const there = lstatSync(root);
    // Anybody may write to /tmp: a folder that another account has put there would learn our keys.
    if (!there.isDirectory() || there.uid !== process.getuid?.() || (there.mode & 0o077) !== 0)
      throw new AgentError('ERR_TRANSFER', `${root} is not a folder of ours that only we can read`);
    const own = connection.split(' ').slice(2, 4).join('-');
    const folder = join(root, own.replace(/[^0-9a-fA-F.:-]/g, '') || 'local');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return new State(folder);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, value: unknown): void {
    const path = this.path(name);
    const fresh = `${path}.${process.pid}.new`;
    writeFileSync(fresh, JSON.stringify(value), { mode: 0o600 });
    renameSync(fresh, path);
  }

  read<T>(name: string): T | undefined {
    try {
      return JSON.parse(readFileSync(this.path(name), 'utf8')) as T;
    } catch {
      return undefined;
    }
  }

  remove(name: string): void {
    rmSync(this.path(name), { force: true });
  }

  // ── roles ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The roles of that kind that live; records of those that do not are removed. */
  living(role: MurderRole, tag?: string): RoleRecord[] {
    const names = readdirSync(this.folder).filter((name) => name.startsWith(`run-${role}`));
    return names.flatMap((name) => {
      const record = this.read<RoleRecord>(name);
      if (!record) return [];
      if (!isSame(record)) {
        this.remove(name);
        return [];
      }
      return record.role === role && (tag === undefined || record.tag === tag) ? [record] : [];
    });
  }

  /** Called by the role itself: it is found by this from now on. Fails when there is one already. */
  enter(role: MurderRole, more: { tag?: string; port?: number }): void {
    const record: RoleRecord = { ...identify(process.pid), role, ...more };
    const name = nameOf(record);
    const [other] = this.living(role, more.tag);
    if (other && other.pid !== process.pid)
      throw new AgentError('ERR_TRANSFER', `there is a ${role} already${forTag(more.tag)}: stop it first`);
    this.write(name, record);
  }

  leave(record: Pick<RoleRecord, 'role' | 'tag'>, pid: number): void {
    const name = nameOf(record);
    // It may have been stopped and started anew meanwhile.
    if (this.read<RoleRecord>(name)?.pid === pid) this.remove(name);
  }
}

export function forTag(tag: string | undefined): string {
  return tag === undefined ? '' : ` of ${tag}`;
}

function nameOf({ role, tag }: Pick<RoleRecord, 'role' | 'tag'>): string {
  return tag === undefined ? `run-${role}.json` : `run-${role}-${tag}.json`;
}
