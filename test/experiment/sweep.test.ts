import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { geom, igeom, sweep } from '../../src/experiment/index.js';
import { refuses } from '../host/helpers.js';

/** Fails to compile unless both types are the same. */
function sameType<A, B>(
  _: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false,
) {
  return undefined;
}

const names = ['a', 'b', 'c', 'd', 'e'];
const parameters = fc
  .array(fc.uniqueArray(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((lists) => Object.fromEntries(lists.map((list, i) => [names[i] as string, list])));
/** The same, in which the first level of the first factor has the factors x and y. */
const nested = parameters.map(({ a, ...rest }) => ({
  ...rest,
  a: new Map(a!.map((level, i) => [level, i === 0 ? { x: [1, 2], y: [1, 2, 3] } : null])),
}));

describe('sweep', () => {
  it('is the full product, the last factor fastest', () => {
    const all = sweep({ size: [1, 2], tool: ['put', 'torrent'] });
    sameType<(typeof all)[number], { readonly size: 1 | 2; readonly tool: 'put' | 'torrent' }>(true);
    assert.deepEqual(all, [
      { size: 1, tool: 'put' },
      { size: 1, tool: 'torrent' },
      { size: 2, tool: 'put' },
      { size: 2, tool: 'torrent' },
    ]);
  });
  it('gives levels factors of their own, and tells so in the type', () => {
    const all = sweep({
      tool: { put: null, torrent: { piece: [64, 256], mode: { fast: { n: [1] }, slow: {} } } },
    });
    type One =
      | { readonly tool: 'put' }
      | { readonly tool: 'torrent'; readonly piece: 64 | 256; readonly mode: 'fast'; readonly n: 1 }
      | { readonly tool: 'torrent'; readonly piece: 64 | 256; readonly mode: 'slow' };
    sameType<(typeof all)[number], One>(true);
    assert.deepEqual(all, [
      { tool: 'put' },
      { tool: 'torrent', piece: 64, mode: 'fast', n: 1 },
      { tool: 'torrent', piece: 64, mode: 'slow' },
      { tool: 'torrent', piece: 256, mode: 'fast', n: 1 },
      { tool: 'torrent', piece: 256, mode: 'slow' },
    ]);
    const numbers = sweep({ hosts: new Map([[4, { spread: [true, false] }]]), size: igeom(1, 4, 3) });
    sameType<
      (typeof numbers)[number],
      { readonly hosts: number; readonly spread: boolean; readonly size: number }
    >(true);
    assert.equal(numbers.length, 6);
    assert.deepEqual(numbers[5], { hosts: 4, spread: false, size: 4 });
  });
  it('counts a level once, and gives one empty combination for no factors', () => {
    assert.deepEqual(sweep({ n: [1, 1, 2] }), [{ n: 1 }, { n: 2 }]);
    assert.deepEqual(sweep({}), [{}]);
  });
  it('takes different combinations of the product at random, the same for the same seed', () => {
    fc.assert(
      fc.property(nested, fc.integer({ min: 1, max: 40 }), fc.string(), (space, samples, seed) => {
        const all = sweep(space).map((one) => JSON.stringify(one));
        const some = sweep(space, { design: 'random', samples, seed }).map((one) => JSON.stringify(one));
        assert.equal(new Set(some).size, Math.min(samples, all.length));
        for (const one of some) assert.ok(all.includes(one), one);
        assert.deepEqual(
          sweep(space, { design: 'random', samples, seed }).map((one) => JSON.stringify(one)),
          some,
        );
      }),
    );
  });
  it('takes some out of more than can be listed', () => {
    const wide = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`f${i}`, [0, 1]]));
    refuses(() => sweep(wide), 'too many');
    assert.equal(new Set(sweep(wide, { design: 'random', samples: 50 }).map(String)).size, 1);
    assert.equal(sweep(wide, { design: 'random', samples: 50 }).length, 50);
    assert.ok(sweep(wide, { design: 'pairwise' }).length < 20);
  });
  it('has every level equally often in a latin hypercube', () => {
    fc.assert(
      fc.property(parameters, fc.integer({ min: 1, max: 40 }), fc.integer(), (space, samples, seed) => {
        const rows = sweep(space, { design: 'latin-hypercube', samples, seed });
        assert.equal(rows.length, samples);
        for (const [name, levels] of Object.entries(space)) {
          for (const level of levels) {
            const count = rows.filter((row) => row[name] === level).length;
            assert.ok(Math.abs(count - samples / levels.length) < 1, `${count} of ${samples}`);
          }
        }
      }),
    );
  });
  it('spreads the factors of a level over the samples that have it', () => {
    const rows = sweep(
      { tool: { put: null, torrent: { piece: [1, 2, 3] } } },
      { design: 'latin-hypercube', samples: 12, seed: 7 },
    );
    const pieces = rows.flatMap((row) => (row.tool === 'torrent' ? [row.piece] : []));
    assert.deepEqual(pieces.sort(), [1, 1, 2, 2, 3, 3]);
  });
  it('lets every two levels meet in a pairwise design', () => {
    fc.assert(
      fc.property(nested, fc.integer(), (space, seed) => {
        const pairs = (rows: object[]) =>
          new Set(
            rows.flatMap((row) =>
              Object.entries(row).flatMap((a, i, all) =>
                all.slice(i).map((b) => JSON.stringify([a, b].sort())),
              ),
            ),
          );
        const all = sweep(space);
        const some = sweep(space, { design: 'pairwise', seed });
        assert.deepEqual([...pairs(some)].sort(), [...pairs(all)].sort());
        const known = new Set(all.map((one) => JSON.stringify(one)));
        for (const one of some) assert.ok(known.has(JSON.stringify(one)));
      }),
    );
    const four = { a: [1, 2, 3], b: [1, 2, 3], c: [1, 2, 3], d: [1, 2, 3] };
    assert.ok(sweep(four, { design: 'pairwise' }).length <= 13, 'of 81; 9 is the least');
  });
  it('refuses what makes no sense', () => {
    refuses(() => sweep({ n: 3 } as never), 'n', 'a list of values');
    refuses(() => sweep({ n: [] }), 'no values');
    refuses(() => sweep({ n: [NaN] }), 'finite');
    refuses(() => sweep({ n: { a: { n: [1] } } }), 'same name');
    refuses(() => sweep({ n: [1] }, { design: 'random' }), 'needs samples');
    refuses(() => sweep({ n: [1] }, { samples: 3 }), 'takes no samples');
    refuses(() => sweep({ n: [1] }, { sead: 3 } as never), "did you mean 'seed'");
  });
});

describe('progressions', () => {
  it('multiply by the same factor, and hit both bounds', () => {
    assert.deepEqual(
      geom(1, 1000, 4).map((n) => Math.round(n * 1e9) / 1e9),
      [1, 10, 100, 1000],
    );
    assert.deepEqual(igeom(1, 10, 6), [1, 2, 3, 4, 6, 10]);
    assert.deepEqual(igeom(1, 3, 9), [1, 2, 3]);
    assert.deepEqual(geom(100, 1, 1), [100]);
    refuses(() => geom(0, 1, 2), '> 0');
    refuses(() => igeom(1, 2, 0), '≥ 1');
  });
});
