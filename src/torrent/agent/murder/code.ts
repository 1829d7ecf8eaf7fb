import { lstatSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { AgentError } from '../error.js';

/** Marks a folder as one that may be cleared. */
const marker = '.rookery-murder';
const ours = /^(\.rookery-murder|agent-[0-9a-f]{16}\.cjs)$/;

/**
 * Puts the code of long-running roles into a folder, which is cleared of other versions; one that holds anything else, or that we
 * have not made, is refused. Several hosts that share the folder may do this at the same time.
 */
export function distribute(folder: string, name: string, code: Buffer): void {
  const path = resolve(folder);
  mkdirSync(dirname(path), { recursive: true });
  try {
    mkdirSync(path, { mode: 0o755 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  if (!lstatSync(path).isDirectory()) throw refused(path, 'it is no folder');
  const there = readdirSync(path);
  const strange = there.find((entry) => !ours.test(entry) || !lstatOf(join(path, entry))?.isFile());
  // The marker comes first, so that whoever finds anything finds it.
  if (there.length > 0 && (strange !== undefined || !readdirSync(path).includes(marker)))
    throw refused(path, strange === undefined ? 'there is no mark of ours in it' : `it holds ${strange}`);
  writeFileSync(join(path, marker), 'Made by Rookery, and cleared by it: put nothing here.\n');
  const stage = mkdtempSync(`${path}.new-`);
  try {
    writeFileSync(join(stage, name), gunzipSync(code), { mode: 0o644 });
    for (const entry of there)
      if (entry !== marker && entry !== name) rmSync(join(path, entry), { force: true });
    renameSync(join(stage, name), join(path, name));
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** Another host that shares the folder may have removed it meanwhile: then it is nothing strange. */
function lstatOf(path: string): { isFile(): boolean } | undefined {
  return lstatSync(path, { throwIfNoEntry: false }) ?? { isFile: () => true };
}

function refused(path: string, why: string): AgentError {
  return new AgentError(
    'ERR_TRANSFER',
    `remoteMurderPath ${path} is not cleared, for it does not look like ours: ${why}`,
  );
}
