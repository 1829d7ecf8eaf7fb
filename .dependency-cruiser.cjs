// Layers point downwards only, each is entered by its index.ts, and nothing imports itself in a circle.
const layers = [
  'util',
  'host',
  'process',
  'transfer',
  'action',
  'report',
  'testbed',
  'torrent',
  'experiment',
  'cli',
];
/** Layers that do not know each other although one is listed above the other. */
const strangers = { testbed: ['report', 'action', 'transfer', 'process'], experiment: ['torrent'] };

const forbidden = layers.flatMap((layer, rank) => [
  {
    name: `${layer}-points-downwards`,
    severity: 'error',
    from: { path: `^src/${layer}/` },
    to: { path: `^src/(${[...layers.slice(rank + 1), ...(strangers[layer] ?? [])].join('|') || '-'})/` },
  },
  {
    name: `${layer}-is-entered-by-its-index`,
    severity: 'error',
    from: { path: '^src/', pathNot: `^src/(${layer}/|index\\.ts$)` },
    to: { path: `^src/${layer}/`, pathNot: `^src/${layer}/index\\.ts$` },
  },
]);

module.exports = {
  forbidden: [
    ...forbidden,
    {
      name: 'no-circle',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'nothing-unused',
      severity: 'error',
      from: { orphan: true, path: '^src/' },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node'] },
  },
};
