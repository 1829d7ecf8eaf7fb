import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { createClient } from 'redis';
import { ParamSweeper, RedisStore, sweep } from 'rookery';
import { until } from '../faults/support.js';
import { refuses } from '../host/helpers.js';
import { startRedis } from './redis-server.js';
import { sweeperContract } from './sweeper-contract.js';

describe('ParamSweeper on Redis', () => {
  let server: Awaited<ReturnType<typeof startRedis>>;
  before(async () => {
    server = await startRedis();
  });
  after(() => server.stop());
  let places = 0;
  const newName = () => `sweep${places++}`;
  sweeperContract(() => `${server.url}#${newName()}`);

  it('takes back what another machine held when its lease has passed', async () => {
    const [name, combinations] = [newName(), sweep({ a: [1] })];
    const client = createClient({ socket: { path: server.url.slice('unix:'.length), tls: false } });
    await client.connect();
    const owner = { id: 'elsewhere', host: 'far', pid: 1, machine: 'another', start: 1, lease: 500 };
    await using sweeper = new ParamSweeper(new RedisStore({ url: server.url, name }), combinations);
    assert.equal((await sweeper.getNextBatch(1)).length, 1);
    const base = `rookery:{${name}}:`;
    const [key] = (await client.hKeys(`${base}held`)) as [string];
    await client.set(`${base}owner:elsewhere`, JSON.stringify(owner), { PX: owner.lease });
    await client.hSet(`${base}held`, key, owner.id);
    client.destroy();
    assert.equal(await sweeper.done({ a: 1 }), false);
    await until('it is todo again', async () => (await sweeper.stats()).todo === 1);
    assert.deepEqual(await sweeper.getNext(), { a: 1 });
  });
  it('fails, and does not hang, when the server is gone', async () => {
    const short = await startRedis();
    const sweeper = new ParamSweeper(new RedisStore({ url: short.url, name: 'gone' }), sweep({ a: [1, 2] }));
    await sweeper.getNext();
    await short.stop();
    await assert.rejects(sweeper.getNext(), { code: 'ERR_STORE' });
    await assert.rejects(sweeper.close(), { code: 'ERR_STORE' });
  });
  it('loads its package only when it is used, and lets a program end that has not closed it', () => {
    const script = `
      const { ParamSweeper, RedisStore } = await import('rookery');
      const loaded = () => process.moduleLoadList.length && Object.keys(require.cache).some((name) => name.includes('/@redis/'));
      const { createRequire } = await import('node:module');
      const require = createRequire(import.meta.url);
      const sweeper = new ParamSweeper(new RedisStore({ url: process.argv[1], name: 'end' }), [{ a: 1 }]);
      console.log(loaded());
      await sweeper.getNext();
      console.log(loaded());`;
    const { stdout, status } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', script, server.url],
      { encoding: 'utf8', cwd: import.meta.dirname, timeout: 30_000 },
    );
    assert.equal(stdout, 'false\ntrue\n');
    assert.equal(status, 0);
  });
  it('refuses what makes no sense, and keeps a password to itself', () => {
    const make = (options: object) => () => new RedisStore(options as { url: string; name: string });
    refuses(make({ url: 'http://a:secret@host', name: 'x' }), /the url must be like/);
    assert.throws(
      make({ url: 'http://a:secret@host', name: 'x' }),
      (e: Error) => !e.message.includes('secret'),
    );
    refuses(make({ url: 'redis://host', name: 'a{b' }), /the name must be text without braces, not "a\{b"/);
    refuses(make({ url: 'redis://host', name: 'x', leese: 1 }), /did you mean 'lease'/);
  });
});
