import { scanSources, type SourceEntry } from './source-tree.js';
import { contentPrefix, manifestName, removalsName, type Verification } from './put-script.js';
import { TarSource, type MadeEntry } from './tar-source.js';

/**
 * What the processes of one Put have in common: each set of local paths is looked at once, and each set of files is one
 * archive, whatever the number of hosts.
 */
export class PutPlan {
  readonly #verify: Verification;
  readonly #scans = new Map<string, Promise<SourceEntry[]>>();
  readonly #archives = new Map<string, TarSource>();

  constructor(verify: Verification) {
    this.#verify = verify;
  }

  sources(paths: readonly string[]): Promise<readonly SourceEntry[]> {
    const key = JSON.stringify(paths);
    let scan = this.#scans.get(key);
    if (!scan) this.#scans.set(key, (scan = scanSources(paths)));
    return scan;
  }

  /** The archive of these entries; `removals` are names, at the destination, that are to go. */
  archive(entries: readonly SourceEntry[], removals: readonly string[] = []): TarSource {
    const key = JSON.stringify([
      entries.map((entry) => `${entry.path.toString('latin1')}\0${entry.name}`),
      removals,
    ]);
    let archive = this.#archives.get(key);
    if (!archive) {
      const made = [...(removals.length > 0 ? [removalsEntry(removals)] : []), this.#manifest(entries)];
      archive = new TarSource(entries, made, contentPrefix, this.#verify === 'sha256');
      this.#archives.set(key, archive);
    }
    return archive;
  }

  /** Comes last in the archive, so that its arrival tells that everything has arrived. */
  #manifest(entries: readonly SourceEntry[]): MadeEntry {
    const files = entries.filter((entry) => entry.type === 'file');
    if (this.#verify === 'sha256') {
      const line = (file: SourceEntry, digest: string) => `${checkLine(file.name, digest)}\n`;
      const blank = '0'.repeat(64);
      return {
        name: manifestName,
        size: files.reduce((sum, file) => sum + line(file, blank).length, 0),
        make: (digests) =>
          Buffer.from(files.map((file) => line(file, digests.get(file) ?? blank)).join(''), 'latin1'),
      };
    }
    const text = `${files.length} ${files.reduce((sum, file) => sum + file.size, 0)}`;
    return { name: manifestName, size: text.length, make: () => Buffer.from(text) };
  }
}

function removalsEntry(names: readonly string[]): MadeEntry {
  const bytes = Buffer.from(names.map((name) => `./${name}\0`).join(''), 'latin1');
  return { name: removalsName, size: bytes.length, make: () => bytes };
}

/** A line that `sha256sum -c` reads; a name with a newline or a backslash is escaped, and the line begins with one. */
function checkLine(name: string, digest: string): string {
  const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `${escaped === name ? '' : '\\'}${digest}  ${escaped}`;
}
