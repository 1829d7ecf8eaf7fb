// Measures the bandwidth between two SSH hosts of this machine with iperf: from one to the other, then in both directions at once.
import { getPort, Remote, SshProcess, Testbed } from 'rookery';

await using bed = await Testbed.start({ hosts: 2, backend: 'embedded' });
const [server, client] = bed.hosts as [(typeof bed.hosts)[0], ...typeof bed.hosts];
const seconds = 1;

/** What iperf says about its whole run, in Mbit/s. */
const rate = (output: string) => /([\d.]+) Mbits\/sec\s*$/.exec(output)?.[1] ?? 'unknown';

// One direction: the server runs until it is killed, which it is to be, so that is no failure.
{
  const port = await getPort(server.address);
  const listen = `iperf -s -B ${server.address} -p ${port}`;
  await using listening = new SshProcess(listen, server, { logExitCode: false }).start();
  await listening.expect(/Server listening/, { timeout: '10s' });
  const measure = new SshProcess(`iperf -f m -c ${server.address} -p ${port} -t ${seconds}`, client!);
  (await measure.run()).orThrow();
  console.log(`one way: ${rate(measure.stdout)} Mbit/s`);
}

// Both directions: a server on each host, and a client on each whose target is the other.
{
  const ports = [await getPort(), await getPort()];
  const addresses = bed.hosts.map((host) => host.address);
  await using servers = new Remote('iperf -s -B {{own}} -p {{ports}}', bed.hosts, {
    vars: { own: addresses, ports: ports.map(String) },
    logExitCode: false,
  }).start();
  await servers.expect(/Server listening/, { timeout: '10s' });
  const clients = new Remote(`iperf -f m -c {{targets}} -p {{ports}} -t ${seconds}`, bed.hosts, {
    vars: { targets: addresses.toReversed(), ports: ports.toReversed().map(String) },
  });
  (await clients.run()).orThrow();
  clients.processes.forEach((process, i) => {
    console.log(`${i + 1} to ${2 - i}: ${rate(process.stdout)} Mbit/s`);
  });
}
