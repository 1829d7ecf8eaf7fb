// Fans a file out, says which agents run when it is under way, and leaves what happens then to who has started it.
import { Host, TorrentPut } from 'rookery';

const { hosts, folder } = JSON.parse(process.argv[2] as string) as { hosts: Host[]; folder: string };
const [seeder, ...others] = hosts.map((host) => new Host(host));
const put = new TorrentPut(others, `${folder}/data`, `${folder}/{{{host}}}/`, { seeder: seeder! });
put.processes[0]?.once('progress', () =>
  process.send?.([put.seeder, ...put.processes].map((agent) => agent.pid)),
);
await put.run();
