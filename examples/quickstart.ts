// Eight SSH hosts on this machine, one command on all of them, a server and a client, and what came of it.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cmd, Remote, Report, SshProcess, Testbed, TorrentPut } from 'rookery';

await using bed = await Testbed.start({ hosts: 8, backend: 'embedded' });

// One command, with arguments of its own for each host: the fourth host fails, the sixth takes too long.
const seconds = bed.hosts.map((_, i) => (i === 5 ? 30 : 0));
const codes = bed.hosts.map((_, i) => (i === 3 ? 7 : 0));
const hello = new Remote(cmd`echo hello from ${bed.hosts}; sleep ${seconds}; exit ${codes}`, bed.hosts, {
  timeout: '2s',
});
await hello.run();
for (const { host, stdout, ok } of hello.processes)
  console.log(`${host.address}: ${stdout.trim()} ${ok ? '' : '(failed)'}`);

// A server on one host, controlled while it runs and killed at the end, and a client on another.
const [one, two] = bed.hosts;
const server = new SshProcess('echo listening; exec sleep 1000', one!, { ignoreExitCode: true }).start();
await server.expect('listening', { timeout: '10s' });
const client = await new SshProcess('echo the client has run', two!).run();
console.log(client.stdout.trim());
await server.kill().wait();

// 16 MiB to all hosts by BitTorrent: each passes on what it has.
const build = join(bed.folder, 'build');
writeFileSync(build, randomBytes(16 * 1024 * 1024));
const fanout = await new TorrentPut(bed.hosts, build, `${bed.folder}/copies/{{{host}}}/`).run();

console.log(String(new Report([hello, server, client, fanout], { name: 'quickstart' })));
