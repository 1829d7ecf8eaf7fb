import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Job, ManifestEntry, Order, Report } from '../../src/torrent/control.js';
import { encodeMetainfo, parseMetainfo, type Metainfo } from '../../src/torrent/metainfo.js';

const bundle = fileURLToPath(new URL('../../../dist/torrent/agent.cjs', import.meta.url));

/** An agent of its own, without a controller: orders in, reports out. */
export class LoneAgent {
  readonly #child = spawn(process.execPath, ['-e', 'require(process.argv[1]).run(Buffer.alloc(0))', bundle], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  readonly reports: Report[] = [];
  readonly #waiting = new Set<() => void>();
  readonly exited: Promise<number | null>;

  constructor() {
    this.#child.stdin.on('error', () => undefined);
    this.exited = new Promise((resolve) => this.#child.once('close', resolve));
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.reports.push(JSON.parse(line) as Report);
      for (const look of this.#waiting) look();
    });
    void this.exited.then(() => {
      for (const look of this.#waiting) look();
    });
  }
  get pid(): number {
    return this.#child.pid as number;
  }

  order(...orders: Order[]): void {
    for (const order of orders) this.#child.stdin.write(`${JSON.stringify(order)}\n`);
  }

  /** Resolves with the first report of that type that fits. */
  said<T extends Report['type']>(
    type: T,
    fits: (report: Extract<Report, { type: T }>) => boolean = () => true,
  ): Promise<Extract<Report, { type: T }>> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.reports.find(
          (report): report is Extract<Report, { type: T }> =>
            report.type === type && fits(report as Extract<Report, { type: T }>),
        );
        if (found) resolve(found);
        else if (this.#child.exitCode === null && this.#child.signalCode === null) return;
        else reject(new Error(`the agent has ended without ${type}: ${JSON.stringify(this.reports.at(-1))}`));
        this.#waiting.delete(look);
      };
      this.#waiting.add(look);
      look();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }
}

/** A torrent of one file, and what a job says of it. */
export function torrentOfFile(
  path: string,
  announce?: string,
): { bytes: Buffer; meta: Metainfo; manifest: ManifestEntry[] } {
  const content = readFileSync(path);
  const pieceLength = 16 * 1024;
  const pieces: Buffer[] = [];
  for (let at = 0; at < content.length; at += pieceLength)
    pieces.push(
      createHash('sha1')
        .update(content.subarray(at, at + pieceLength))
        .digest(),
    );
  const bytes = encodeMetainfo({
    ...{ name: 'data', single: true, files: [{ path: ['data'], length: content.length }], pieceLength },
    ...{ pieces: Buffer.concat(pieces), ...(announce === undefined ? {} : { announce }) },
  });
  const sha256 = createHash('sha256').update(content).digest('hex');
  const entry: ManifestEntry = {
    ...{
      name: 'data',
      type: 'file',
      mode: 0o644,
      mtime: '1000000000000000000',
      size: content.length,
      sha256,
    },
  };
  return { bytes, meta: parseMetainfo(bytes), manifest: [entry] };
}

/** The job of a peer that puts the file into a folder. */
export function peerJob(
  { bytes, manifest }: { bytes: Buffer; manifest: ManifestEntry[] },
  job: Pick<Job, 'members' | 'peerId' | 'address'> & { announce?: string },
  destination: string,
): Job {
  const place = { destination: `${destination}/`, asNamed: false, resume: false };
  return { type: 'job', metainfo: bytes.toString('base64'), manifest, place, ...job };
}

/** A reason to skip a test, when a program is not installed. */
export function without(...programs: string[]): string | false {
  const missing = programs.filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
  return missing.length > 0 && `needs ${missing.join(' and ')}`;
}
