// npm run soak [-- --steps=2000 --seed=20261]: a random mix of starts, kills, talks and lost connections, checked after every step.
import { spawnSync } from 'node:child_process';
import { build, installDependencies, installPrograms } from './setup.mjs';

installDependencies();
installPrograms();
build();
const args = ['--enable-source-maps', 'build/test/soak/soak.js', ...process.argv.slice(2)];
process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
