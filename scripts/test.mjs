// npm test [-- --node=24] [files...]: the whole suite, or some test files, on this Node or on another version of it.
import { spawnSync } from 'node:child_process';
import { build, installDependencies, installPrograms, nodeProgram, testFiles } from './setup.mjs';

const words = process.argv.slice(2);
const version = words.find((word) => word.startsWith('--node='))?.slice('--node='.length);
const chosen = words
  .filter((word) => !word.startsWith('--'))
  .map((file) => file.replace(/^(test\/.*)\.ts$/, 'build/$1.js'));

installDependencies();
installPrograms();
build();
const node = nodeProgram(version);
const options = [
  '--enable-source-maps',
  '--test',
  `--test-concurrency=${process.env.CI ? 1 : 2}`,
  '--test-timeout=300000',
];
const { status } = spawnSync(node, [...options, ...(chosen.length > 0 ? chosen : testFiles())], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
