// How long does a file take to reach hosts, by its size, by the tool, and by the number of hosts? Measures all combinations on SSH hosts of
// this machine, and draws them. Stop it by Ctrl-C, and go on with --continue.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChainPut, experiment, Put, Testbed, TorrentPut } from 'rookery';

const tools = { put: Put, chain: ChainPut, torrent: TorrentPut };

await experiment({ name: 'transfer-times', options: { mebibytes: '1,8', counts: '1,4' } }, async (ctx) => {
  const numbers = (list: string) => list.split(',').map(Number);
  const counts = numbers(ctx.options.counts);
  await using bed = await Testbed.start({ hosts: Math.max(...counts) });
  ctx.useHosts(bed.hosts);
  const sweeper = ctx.sweep({
    size: numbers(ctx.options.mebibytes),
    tool: ['put', 'chain', 'torrent'],
    hosts: counts,
  });
  for await (const combination of sweeper) {
    const { size, tool, hosts } = combination;
    const source = join(bed.folder, `${size}m.bin`);
    writeFileSync(source, Buffer.alloc(size * 1024 ** 2, 'rookery'));
    // The hosts of a testbed share one file system: each has a folder of its own in it.
    const chosen = bed.hosts.slice(0, hosts);
    for (const { address } of chosen) mkdirSync(join(bed.folder, tool, address), { recursive: true });
    const put = await new tools[tool](chosen, source, `${bed.folder}/${tool}/{{{host}}}`).run();
    put.orThrow();
    const seconds = (Number(put.endDate) - Number(put.startDate)) / 1000;
    await ctx.record({ ...combination, seconds });
    await sweeper.done(combination);
    ctx.log(`${size} MiB to ${hosts} hosts by ${tool}: ${seconds.toFixed(2)} s`);
  }
  const file = join(ctx.directory, 'plot.svg');
  writeFileSync(file, plot((await ctx.records()) as unknown as Row[]));
  console.log(file);
});

interface Row {
  readonly size: number;
  readonly tool: keyof typeof tools;
  readonly hosts: number;
  readonly seconds: number;
}

/** A bar for each combination, as long as it took. */
function plot(rows: readonly Row[]): string {
  const colors = { put: '#4878a8', chain: '#e08a3c', torrent: '#5a9e5a' };
  const longest = Math.max(...rows.map(({ seconds }) => seconds));
  const sorted = [...rows].sort(
    (a, b) => a.size - b.size || a.hosts - b.hosts || a.tool.localeCompare(b.tool),
  );
  const bars = sorted.map(({ size, tool, hosts, seconds }, i) => {
    const [y, width] = [i * 22, (seconds / longest) * 400];
    return `<text x="0" y="${y + 14}">${size} MiB, ${hosts} hosts, ${tool}</text>
<rect x="180" y="${y}" width="${width.toFixed(1)}" height="18" fill="${colors[tool]}"/>
<text x="${(186 + width).toFixed(1)}" y="${y + 14}">${seconds.toFixed(2)} s</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="660" height="${rows.length * 22}" font-family="sans-serif" font-size="12">
${bars.join('\n')}
</svg>
`;
}
