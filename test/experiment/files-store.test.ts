import assert from 'node:assert/strict';
import { linkSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FilesStore, ParamSweeper, sweep } from 'rookery';
import { until } from '../faults/support.js';
import { refuses, temporaryFolder } from '../host/helpers.js';
import { sweeperContract } from './sweeper-contract.js';

describe('ParamSweeper on files', () => {
  const folder = temporaryFolder();
  let places = 0;
  const newPlace = () => join(folder.path, `sweep${places++}`);
  sweeperContract(newPlace);

  it('is opened with a folder alone, and keeps to combinations whatever the order of their factors', async () => {
    const place = newPlace();
    await using sweeper = new ParamSweeper(place, [{ a: 1, b: 2 }]);
    assert.equal(await sweeper.done({ b: 2, a: 1 }), true);
    await using more = new ParamSweeper(place, [
      { b: 2, a: 1 },
      { b: 3, a: 1 },
    ]);
    assert.deepEqual(await more.list('todo'), [{ a: 1, b: 3 }]);
  });
  it('refuses what is not one of the combinations, and misuse', async () => {
    await using sweeper = new ParamSweeper<object>(newPlace(), sweep({ a: [1] }));
    await assert.rejects(sweeper.done({ a: 2 }), /\{"a":2\} is not one of the combinations/);
    await assert.rejects(sweeper.getNextBatch(0), /count must be a whole number ≥ 1, not 0/);
    await assert.rejects(sweeper.reset({ finished: true } as object), /unknown option "finished"/);
    refuses(() => new ParamSweeper('', []), /the folder must be a path, not ""/);
    refuses(() => new ParamSweeper('x', 5 as unknown as []), /list of combinations, not 5/);
    refuses(() => new FilesStore('x', { lease: 'soon' }), /lease must be milliseconds/);
    await sweeper.close();
    await assert.rejects(sweeper.getNext(), /has been closed/);
  });
  it('says what is wrong with its folder', async () => {
    const file = join(folder.path, 'file');
    writeFileSync(file, '');
    await using sweeper = new ParamSweeper(join(file, 'sub'), sweep({ a: [1] }));
    await assert.rejects(sweeper.getNext(), { code: 'ERR_STORE' });
  });
  it('takes back what another machine held when that shows no sign of life for the length of its lease', async () => {
    const place = newPlace();
    const combinations = sweep({ a: [1] });
    {
      await using sweeper = new ParamSweeper(place, combinations);
      await sweeper.getNext();
      const [claim] = readdirSync(join(place, 'claims')) as [string];
      const owner = JSON.parse(readFileSync(join(place, 'claims', claim), 'utf8')) as object;
      const elsewhere = { ...owner, id: 'elsewhere', machine: 'another', lease: 1000 };
      writeFileSync(join(place, 'owners/elsewhere.0'), JSON.stringify(elsewhere));
      await sweeper.close();
      linkSync(join(place, 'owners/elsewhere.0'), join(place, 'claims', claim.replace(/0$/, '2')));
    }
    await using sweeper = new ParamSweeper(place, combinations);
    assert.deepEqual(await sweeper.stats(), { total: 1, todo: 0, inProgress: 1, done: 0, skipped: 0 });
    for (let sign = 0; sign < 3; sign++) {
      utimesSync(join(place, 'owners/elsewhere.0'), sign, sign);
      assert.equal((await sweeper.stats()).inProgress, 1);
    }
    await until('it is todo again', async () => (await sweeper.stats()).todo === 1);
    assert.deepEqual(await sweeper.getNext(), { a: 1 });
  });
});
