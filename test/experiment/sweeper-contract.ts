import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ParamSweeper, sweep } from 'rookery';
import { storeFor } from './stores.js';

const combinations = sweep({ size: [1, 2, 3], tool: ['put', 'torrent'] });
type One = (typeof combinations)[number];
const [first, second, third] = combinations as [One, One, One];
const all = { total: 6, todo: 6, inProgress: 0, done: 0, skipped: 0 };
const worker = fileURLToPath(new URL('fixtures/sweep-worker.js', import.meta.url));

/** What every store must do; each test has a place of its own. */
export function sweeperContract(newPlace: () => string): void {
  const open = (place: string) => new ParamSweeper(storeFor(place), combinations);

  it('gives out each combination once, in order, and remembers what became of it', async () => {
    const place = newPlace();
    {
      await using sweeper = open(place);
      assert.deepEqual(await sweeper.stats(), all);
      assert.deepEqual(await sweeper.getNext(), first);
      assert.deepEqual(await sweeper.getNextBatch(2), [second, third]);
      assert.deepEqual(await sweeper.stats(), { ...all, todo: 3, inProgress: 3 });
      assert.equal(await sweeper.done(first), true);
      assert.equal(await sweeper.done(first), false);
      assert.equal(await sweeper.skip(second), true);
      assert.deepEqual(await sweeper.list('skipped'), [second]);
      assert.deepEqual(await sweeper.list('in progress'), [third]);
    }
    await using again = open(place);
    assert.deepEqual(await again.stats(), { ...all, todo: 4, done: 1, skipped: 1 });
    assert.deepEqual(await again.list('done'), [first]);
    assert.equal((await again.getNextBatch(10)).length, 4);
    assert.equal(await again.getNext(), undefined);
  });

  it('takes the next that a filter lets through', async () => {
    await using sweeper = open(newPlace());
    const torrents = await sweeper.getNextBatch(2, ({ tool }) => tool === 'torrent');
    assert.deepEqual(
      torrents.map(({ size, tool }) => `${tool} ${size}`),
      ['torrent 1', 'torrent 2'],
    );
    assert.deepEqual(await sweeper.getNext(), first);
    assert.equal(await sweeper.getNext(({ size }) => size > 3), undefined);
  });

  it('gives a cancelled combination out again, after the others', async () => {
    await using sweeper = open(newPlace());
    assert.deepEqual(await sweeper.getNext(), first);
    assert.equal(await sweeper.cancel(first), true);
    assert.equal(await sweeper.cancel(first), false);
    const rest = await sweeper.getNextBatch(6);
    assert.deepEqual(rest.at(-1), first);
    assert.equal(rest.length, 6);
  });

  it('is iterated until nothing is todo', async () => {
    await using sweeper = open(newPlace());
    const seen: unknown[] = [];
    for await (const combination of sweeper) {
      seen.push(combination);
      await sweeper.done(combination);
    }
    assert.deepEqual(seen, combinations);
    assert.deepEqual(await sweeper.stats(), { ...all, todo: 0, done: 6 });
  });

  it('gives nothing to two owners, and lets neither end what the other holds', async () => {
    const place = newPlace();
    await using a = open(place);
    await using b = open(place);
    await Promise.all([a.open(), b.open()]);
    const [ofA, ofB] = await Promise.all([a.getNextBatch(3), b.getNextBatch(3)]);
    assert.equal(new Set([...ofA, ...ofB]).size, 6);
    const mine = ofA[0]!;
    await b.stats();
    assert.equal(await b.done(mine), false);
    assert.equal(await b.cancel(mine), false);
    assert.equal(await a.cancel(mine), true);
    assert.deepEqual(await b.getNext(), mine);
    assert.equal(await a.done(mine), false);
    assert.equal(await b.done(mine), true);
  });

  it('gives nothing twice to those who ask at the same time', async () => {
    await using sweeper = open(newPlace());
    const got = await Promise.all(Array.from({ length: 8 }, () => sweeper.getNext()));
    assert.equal(new Set(got).size, 7);
    assert.equal(got.filter((one) => one === undefined).length, 2);
  });

  it('resets what was skipped, and what is done or in progress when asked', async () => {
    const place = newPlace();
    await using sweeper = open(place);
    await using other = open(place);
    await sweeper.getNextBatch(3);
    await sweeper.done(first);
    await sweeper.skip(second);
    await sweeper.reset();
    assert.deepEqual(await sweeper.stats(), { ...all, todo: 4, inProgress: 1, done: 1 });
    await other.reset({ inProgress: true });
    assert.deepEqual(await sweeper.stats(), { ...all, todo: 5, done: 1 });
    assert.equal(await sweeper.done(third), false);
    await sweeper.reset({ done: true });
    assert.deepEqual(await sweeper.stats(), all);
    assert.equal((await other.getNextBatch(7)).length, 6);
  });

  it('loses nothing and does nothing twice when workers are killed at any moment', async () => {
    const place = newPlace();
    const [count, done, undone] = [300, new Set<string>(), [] as number[]];
    /** Runs one worker; it is killed after so many lines, or ends by itself. */
    const run = async (lines: number) => {
      const child: ChildProcess = spawn(process.execPath, [worker, place, String(count)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const inHand = new Set<string>();
      let seen = 0;
      const closed = once(child, 'close');
      for await (const line of createInterface({ input: child.stdout! })) {
        const [what, n] = line.split(' ') as [string, string];
        if (what === 'begin') inHand.add(n);
        else {
          assert.ok(!done.has(n), `${n} is done twice`);
          done.add(n);
          inHand.delete(n);
        }
        if (++seen === lines) child.kill('SIGKILL');
      }
      await closed;
      undone.push(inHand.size);
    };
    const fleet = async (seed: number) => {
      for (let i = 0; i < 3; i++) await run(1 + ((seed * 7 + i * 13) % 23));
    };
    await Promise.all([fleet(1), fleet(2), fleet(3)]);
    await Promise.all([run(Infinity), run(Infinity)]);
    // One that is killed while another comes to its end is given back after it.
    assert.ok(undone.every((inHand) => inHand <= 1));
    const numbers = sweep({ n: Array.from({ length: count }, (_, i) => i) });
    await using sweeper = new ParamSweeper(storeFor(place), numbers);
    assert.deepEqual(await sweeper.stats(), {
      total: count,
      todo: 0,
      inProgress: 0,
      done: count,
      skipped: 0,
    });
  });
}
