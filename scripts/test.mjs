import { spawnSync } from 'node:child_process';
import { build, installDependencies, installPrograms, testFiles } from './setup.mjs';

installDependencies();
installPrograms();
build();
const args = [
  '--enable-source-maps',
  '--test',
  '--test-concurrency=2',
  '--test-timeout=120000',
  ...testFiles(),
];
process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
