// A build farm: C files are compiled on whichever SSH host is free, two at a time on each, and linked and run when all are there.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cmd, Process, SshProcess, Testbed } from 'rookery';

await using bed = await Testbed.start({ hosts: 3, backend: 'embedded' });
const folder = join(bed.folder, 'project');
mkdirSync(folder);

const parts = Array.from({ length: 12 }, (_, i) => `part${i}`);
for (const [i, part] of parts.entries())
  writeFileSync(join(folder, `${part}.c`), `int ${part}(void) { return ${i}; }\n`);
const calls = parts.map((part) => `${part}()`).join(' + ');
writeFileSync(
  join(folder, 'main.c'),
  `#include <stdio.h>\n${parts.map((part) => `int ${part}(void);`).join('\n')}
int main(void) { printf("the sum is %d\\n", ${calls}); return 0; }\n`,
);

// Jobs are started without waiting for one another; a slot that has become free takes the next one.
const jobs = ['main', ...parts];
const failed: SshProcess[] = [];
async function work(host: (typeof bed.hosts)[number]): Promise<void> {
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    const compile = new SshProcess(cmd`cc -c ${job}.c -o ${job}.o`, host, { cwd: folder, timeout: '1m' });
    compile.on('end', () => console.log(`${job}: ${compile.ok ? 'compiled' : 'failed'} on ${host.address}`));
    await compile.run();
    if (!compile.ok) failed.push(compile);
  }
}
await Promise.all([...bed.hosts, ...bed.hosts].map(work));
for (const { stderr } of failed) console.error(stderr);

const program = await new Process(['sh', '-c', 'cc -o sum *.o && ./sum'], { cwd: folder }).run();
program.orThrow();
console.log(program.stdout.trim());
