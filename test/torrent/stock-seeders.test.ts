import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { encode } from '../../src/torrent/bencode.js';
import { Tracker } from '../../src/torrent/tracker.js';
import { temporaryFolder } from '../transfer/tree.js';
import { LoneAgent, peerJob, torrentOfFile, without } from './agent-support.js';

const stock = '127.77.3.1';
const ours = '127.77.3.2';

function aria2c(folder: string): string[] {
  return [
    ...['aria2c', '--no-conf', '--quiet', `--dir=${folder}`, `--interface=${stock}`, '--check-integrity'],
    ...[
      '--enable-dht=false',
      '--bt-enable-lpd=false',
      '--seed-ratio=0',
      `--stop-with-process=${process.pid}`,
    ],
    `${folder}/t.torrent`,
  ];
}
function transmission(folder: string): string[] {
  mkdirSync(`${folder}/config`);
  const settings = {
    ...{ 'bind-address-ipv4': stock, 'dht-enabled': false, 'lpd-enabled': false, 'utp-enabled': false },
    ...{ 'rpc-enabled': false, 'port-forwarding-enabled': false, 'peer-port-random-on-start': true },
  };
  writeFileSync(`${folder}/config/settings.json`, JSON.stringify(settings));
  return ['transmission-cli', '-g', `${folder}/config`, '-w', folder, '-M', '-v', `${folder}/t.torrent`];
}

const skip = without('aria2c', 'transmission-cli');

describe('stock clients as seeders of our agents', { skip }, () => {
  for (const command of [aria2c, transmission]) {
    it(`fetches everything from ${command.name}`, async () => {
      using folder = temporaryFolder();
      writeFileSync(`${folder.path}/data`, randomBytes(1_000_001));
      const torrent = torrentOfFile(`${folder.path}/data`);
      const { infoHash } = torrent.meta;
      const tracker = new Tracker();
      tracker.add(infoHash, [
        { id: 'stock', address: stock },
        { id: 'ours', address: ours },
      ]);
      const port = await tracker.listen('127.0.0.1');
      const url = (id: string) => `http://127.0.0.1:${port}${tracker.pathOf(infoHash, id)}`;
      const announce = encode({ announce: url('stock') }).subarray(0, -1);
      writeFileSync(`${folder.path}/t.torrent`, Buffer.concat([announce, torrent.bytes.subarray(1)]));
      const [program, ...words] = command(folder.path) as [string, ...string[]];
      const client = spawn(program, words, { stdio: 'ignore' });
      const closed = once(client, 'close');
      await using agent = new LoneAgent();
      const members = [{ address: stock }, { address: ours, peerId: '-RK0100-000000000001' }];
      const peerId = '-RK0100-000000000001';
      const job = { members, peerId, address: ours, announce: url('ours') };
      agent.order(peerJob(torrent, job, `${folder.path}/to`), { type: 'go' });
      try {
        await agent.said('placed');
        assert.deepEqual(readFileSync(`${folder.path}/to/data`), readFileSync(`${folder.path}/data`));
      } finally {
        client.kill('SIGKILL');
        await closed;
        await tracker.close();
      }
    });
  }
});
