// Starts a tracker and a seeder, says so, and waits to be killed.
import { Host, Murder } from 'rookery';

const { hosts, folder } = JSON.parse(process.argv[2] as string) as { hosts: Host[]; folder: string };
const [seeder, ...peer] = hosts.map((host) => new Host(host));
const murder = new Murder(
  { tracker: seeder!, seeder: seeder!, peer },
  { remoteMurderPath: `${folder}/code`, tempPath: `${folder}/temp`, trackerPort: 0, defaultTag: 'v1' },
);
(await murder.distributeFiles()).orThrow();
(await murder.startTracker()).orThrow();
(await murder.createTorrent(undefined, `${folder}/source`)).orThrow();
(await murder.startSeeding()).orThrow();
process.send?.('seeding');
setInterval(() => undefined, 1000);
