// Deploys two versions of a folder to SSH hosts on this machine by BitTorrent, makes each the current one, and goes back to the first.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cmd, Murder, Remote, Testbed } from 'rookery';

await using bed = await Testbed.start({ hosts: 4, backend: 'embedded' });

// Builds, as they would lie on a build server: here that is the first host.
const builds = join(bed.folder, 'builds');
for (const version of ['v1', 'v2']) {
  mkdirSync(join(builds, version, 'assets'), { recursive: true });
  writeFileSync(join(builds, version, 'VERSION'), `${version}\n`);
  writeFileSync(join(builds, version, 'assets', 'data'), Buffer.alloc(2_000_000, version));
}

const app = join(bed.folder, 'app');
const murder = new Murder(
  { tracker: bed.hosts[0]!, seeder: bed.hosts[0]!, peer: bed.hosts },
  {
    remoteMurderPath: join(bed.folder, 'murder'),
    tempPath: join(bed.folder, 'temp'),
    // The hosts of a testbed share one file system: real ones need no name of their own in it.
    defaultDestinationPath: `${app}/{{{host}}}/releases`,
    trackerPort: 0,
    seedAfter: '1s',
  },
);

/** Puts a version beside those that are there; nothing that runs notices. */
async function deploy(version: string): Promise<void> {
  (await murder.createTorrent(version, join(builds, version))).orThrow();
  (await murder.startSeeding(version)).orThrow();
  (await murder.peer(version)).orThrow();
  (await murder.stopSeeding(version)).orThrow();
  (await murder.stopPeering(version)).orThrow();
  (await murder.cleanTempFiles(version)).orThrow();
}

/** A rename: there is no moment without a current version. */
async function switchTo(version: string): Promise<void> {
  const folders = bed.hosts.map(({ address }) => join(app, address));
  const link = cmd`cd ${folders} && ln -sfn releases/${version} current.new && mv -T current.new current`;
  (await new Remote(link, bed.hosts, { name: `switch to ${version}` }).run()).orThrow();
  const current = new Remote(cmd`cat ${folders.map((folder) => `${folder}/current/VERSION`)}`, bed.hosts);
  for (const { host, stdout } of (await current.run()).orThrow().processes)
    console.log(`${host?.address}: current is ${stdout.trim()}`);
}

(await murder.distributeFiles()).orThrow();
(await murder.startTracker()).orThrow();
try {
  await deploy('v1');
  await switchTo('v1');
  await deploy('v2');
  await switchTo('v2');
  // Something is wrong with it: the first version is still there.
  await switchTo('v1');
} finally {
  await murder.stopAllPeering();
  await murder.stopAllSeeding();
  await murder.stopTracker();
}
