import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { simulate } from '../../bench/swarm-sim.js';

const options = { size: 8 * 1024 * 1024, rate: 80e6, latency: 0.2, seed: 7 };

describe('the policy on virtual time', () => {
  for (const [hosts, mebibytes] of [
    [1, 8],
    [2, 8],
    [8, 16],
    [32, 48],
  ] as const) {
    it(`gives everything to ${hosts} hosts near the bound, and hardly anything twice`, () => {
      const size = mebibytes * 1024 * 1024;
      const { worst, bound, copies, wasted } = simulate({ ...options, hosts, size });
      assert.ok(worst >= bound, 'nobody beats the bound');
      assert.ok(worst <= 1.2 * bound, `${worst / bound}`);
      assert.ok(copies >= 1 && copies <= 1.15, `${copies} copies`);
      assert.ok(wasted <= 0.02, `${wasted} in vain`);
    });
  }

  it('asks for hardly anything twice on links that take seconds for a piece', () => {
    const { worst, bound, wasted } = simulate({ ...options, hosts: 8, size: 32 * 1024 * 1024, rate: 1e6 });
    assert.ok(worst <= 1.4 * bound, `${worst / bound}`);
    assert.ok(wasted <= 0.05, `${wasted} in vain`);
  });

  it('comes out the same for the same seed', () => {
    assert.deepEqual(simulate({ ...options, hosts: 8 }), simulate({ ...options, hosts: 8 }));
  });
});
