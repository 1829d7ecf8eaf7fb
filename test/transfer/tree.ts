import { execFileSync } from 'node:child_process';
import {
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  chmodSync,
  mkdirSync,
  linkSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A temporary folder that is gone with the block it is used in. */
export function temporaryFolder(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'rookery-transfer-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Files of every kind that a copy may stumble over. */
export function makeTree(folder: string): string {
  const at = (name: string) => join(folder, name);
  mkdirSync(at('a/b'), { recursive: true });
  mkdirSync(at('empty'), { mode: 0o700 });
  writeFileSync(at('a/x'), 'text\n', { mode: 0o751 });
  writeFileSync(at('a/b/private'), 'secret', { mode: 0o600 });
  writeFileSync(at('zero'), '');
  writeFileSync(at('.hidden'), 'h');
  writeFileSync(at('big'), Buffer.alloc(3_000_000, 'some content that repeats '));
  writeFileSync(at('-dash'), 'd');
  writeFileSync(at(`we "ird'\n $(touch canary) name\\`), 'w');
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe, 0x41])]), 'not UTF-8');
  mkdirSync(at('long/'.repeat(1) + 'd'.repeat(120)), { recursive: true });
  writeFileSync(at(`long/${'d'.repeat(120)}/${'n'.repeat(200)}`), 'long');
  symlinkSync('a/x', at('link'));
  symlinkSync(`/nowhere/${'l'.repeat(150)}`, at('dangling'));
  linkSync(at('a/x'), at('hard'));
  writeFileSync(at('sparse'), 'begin');
  truncateSync(at('sparse'), 20_000_000);
  utimesSync(at('zero'), 981173106, 981173106);
  chmodSync(at('a'), 0o750);
  utimesSync(at('a'), 981173106, 981173106);
  return folder;
}

/** What a tree consists of, one line for each member: name, mode, whole seconds of its time, size, target, content. */
export function describeTree(folder: string): string {
  const script = `find . -printf '%p %y %m %Ts %l\\n' | LC_ALL=C sort; find . -type f -exec sha256sum {} + | LC_ALL=C sort`;
  return execFileSync('/bin/sh', ['-c', script], { cwd: folder, encoding: 'latin1' });
}

/** Names in a folder, those that begin with a dot included. */
export function listing(folder: string): string {
  return execFileSync('ls', ['-A', folder], { encoding: 'utf8' });
}
