import { readFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeConnections, Process, SshProcess, type HostSpec } from 'rookery';
import { peak } from './peak.js';

const { kind, host } = JSON.parse(readFileSync(0, 'utf8')) as {
  kind: 'local' | 'ssh2' | 'openssh';
  host: HostSpec;
};
const size = 1024 ** 3;
const folder = mkdtempSync(join(tmpdir(), 'rookery-bench-'));
const file = join(folder, 'out');
const command = `head -c ${size} /dev/zero`;
const options = { stdoutHandlers: file };
const p =
  kind === 'local'
    ? new Process(command, options)
    : new SshProcess(command, host, { ...options, connectionParams: { transport: kind } });
await p.run();
const written = statSync(file).size;
rmSync(folder, { recursive: true });
const right = p.truncated && written === size;
console.log(
  JSON.stringify({ peak: peak(), right, detail: `truncated: ${p.truncated}, ${written} bytes in the file` }),
);
await closeConnections();
