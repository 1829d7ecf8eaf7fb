import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { getPort, sleep, sleepUntil, Timer } from 'rookery';

describe('waiting', () => {
  it('lasts at least as long as it was told to', async () => {
    const timer = new Timer();
    assert.ok((await sleep('20ms')) >= 20);
    await sleepUntil(Date.now() + 20);
    await sleepUntil(new Date(Date.now() + 20).toISOString());
    await timer.waitElapsed('80ms');
    assert.ok(timer.elapsed >= 80);
    assert.equal(await (await timer.waitElapsed(1)).waitElapsed(1), timer);
    await sleepUntil('2001-02-03T04:05:06Z');
    await sleep(0);
  });
  it('is given up by a signal', async () => {
    const abort = new AbortController();
    const waits = [
      sleep('1m30', { signal: abort.signal }),
      sleepUntil('23:59:59', { signal: abort.signal }),
      new Timer().waitElapsed('60 d', { signal: abort.signal }),
    ];
    abort.abort();
    for (const wait of waits) await assert.rejects(wait, { name: 'AbortError' });
  });
  it('refuses what is no duration and no date', async () => {
    await assert.rejects(sleep('soon'), /sleep\(\) must be milliseconds ≥ 0 .*not "soon"/);
    await assert.rejects(sleep(-1), /not -1/);
    for (const date of ['25:00', 'tomorrow', NaN])
      await assert.rejects(sleepUntil(date), { code: 'ERR_INVALID_ARGUMENT' });
    assert.throws(() => new Timer('later'), /Timer: timeout must be/);
  });
  it('knows what remains of a timeout', async () => {
    const timer = new Timer('15ms');
    assert.ok((timer.remaining as number) <= 15);
    await timer.waitElapsed(15);
    assert.equal(timer.remaining, 0);
    assert.equal(timer.expired, true);
    const forever = new Timer();
    assert.equal(forever.remaining, undefined);
    assert.equal(forever.expired, false);
    assert.ok(forever.startDate instanceof Date);
  });
});

describe('getPort', () => {
  it('gives ports on which one can listen, each only once', async () => {
    const ports = await Promise.all(Array.from({ length: 50 }, () => getPort()));
    assert.equal(new Set(ports).size, 50);
    const server = createServer().listen(ports[0], '127.0.0.1');
    await once(server, 'listening');
    server.close();
  });
  it('says when the address is not of this machine', async () => {
    await assert.rejects(getPort('192.0.2.1'), { code: 'EADDRNOTAVAIL' });
    await assert.rejects(getPort(''), /the address must be text/);
  });
});
