// Eight SSH hosts on this machine, one command on all of them, a server and a client, and what came of it.
import { cmd, closeConnections, Remote, SshProcess, Testbed } from 'rookery';

await using bed = await Testbed.start({ hosts: 8, backend: 'embedded' });

// A command with arguments of its own for each host; host 3 fails, host 5 takes too long.
const sleeps = bed.hosts.map((_, i) => (i === 5 ? 30 : 0));
const exits = bed.hosts.map((_, i) => (i === 3 ? 7 : 0));
const hello = new Remote(cmd`echo hello from ${bed.hosts}; sleep ${sleeps}; exit ${exits}`, bed.hosts, {
  timeout: '2s',
});
await hello.run();
for (const p of hello.processes) console.log(String(p), '|', p.stdout.trim());

// A server on one host, controlled while it runs, and a client on another.
const [one, two] = bed.hosts;
const server = new SshProcess('echo listening; exec cat', one!).start();
await server.expect(/listening/, { timeout: '10s' });
const client = await new SshProcess('echo the client has run', two!).run();
console.log(client.stdout.trim());
await server.kill().wait();
console.log(String(server));

const { start: _start, end: _end, failures, ...counts } = hello.stats();
console.table([counts], ['total', 'started', 'ended', 'timeouts', 'nonZeroExits', 'ok', 'finishedOk']);
console.log(failures);
await closeConnections();
