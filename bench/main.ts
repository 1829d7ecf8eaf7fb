// npm run bench [-- remote local memory] [--rounds=3]: each figure as a ratio to a peer in the same run.
import Table from 'cli-table3';
import { chain } from './chain.js';
import { fanout } from './fanout.js';
import { local } from './local.js';
import { memory } from './memory.js';
import { remote } from './remote.js';
import { sweeper } from './sweeper.js';
import type { Row } from './support.js';

const words = process.argv.slice(2);
const rounds = Number(words.find((word) => word.startsWith('--rounds='))?.slice(9) ?? 3);
const groups: Record<string, () => Promise<Row[]>> = {
  remote: () => remote(rounds),
  local: () => local(rounds),
  memory: () => memory(),
  fanout: () => fanout(rounds),
  chain: () => chain(rounds),
  sweeper: () => sweeper(),
};
const chosen = words.filter((word) => !word.startsWith('--'));
const unknown = chosen.find((name) => !Object.hasOwn(groups, name));
if (unknown !== undefined)
  throw new Error(`there is no group ${unknown}; there are ${Object.keys(groups).join(', ')}`);

const table = new Table({
  head: ['group', 'what', 'measured', 'wanted', 'met', 'detail'],
  style: { head: [], border: [], compact: true },
});
for (const [name, run] of Object.entries(groups)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  for (const { group, what, value, unit, wanted, met, detail } of await run()) {
    const measured = value === undefined ? '-' : `${value.toFixed(unit === 'MiB' ? 0 : 2)} ${unit}`;
    table.push([group, what, measured, wanted, met === undefined ? '-' : met ? 'yes' : 'no', detail]);
  }
}
console.log(table.toString());
