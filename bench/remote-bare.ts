// The least that ssh2 needs for the same: one connection for each host, verified, and one command on it.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { HostSpec } from 'rookery';
import ssh2, { type Client } from 'ssh2';
import { time } from './support.js';

const hosts = JSON.parse(readFileSync(0, 'utf8')) as HostSpec[];
const privateKey = readFileSync(String(hosts[0]?.keyfile));
const clients: Client[] = [];

function open(host: HostSpec): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    const sock = connect({ host: host.address, port: host.port!, noDelay: true });
    client.on('error', reject).once('ready', () => resolve(client));
    sock.on('error', reject);
    sock.once('connect', () =>
      client.connect({ sock, username: host.user!, privateKey, hostVerifier: () => true }),
    );
  });
}
function execute(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    client.exec('true', (error, stream) => {
      if (error) return reject(error);
      stream.resume().stderr.resume();
      stream.once('close', resolve);
    });
  });
}

/** As many at once as a server lets in before they are authenticated; more are dropped (MaxStartups). */
const atOnce = 64;
const cold = await time(async () => {
  const left = [...hosts];
  const work = async () => {
    for (let host = left.shift(); host; host = left.shift()) {
      const client = await open(host);
      clients.push(client);
      await execute(client);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
});
const warm = await time(() => Promise.all(clients.map(execute)));
console.log(JSON.stringify({ cold, warm }));
for (const client of clients) client.end();
