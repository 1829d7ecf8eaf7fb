// npm run bench [-- GROUP...] [--rounds=N]: see docs/performance.md.
import { spawnSync } from 'node:child_process';
import { build, installDependencies, installPrograms } from './setup.mjs';

installDependencies();
installPrograms({ clush: 'clustershell', pdsh: 'pdsh' }, false);
build();
const args = ['build/bench/main.js', ...process.argv.slice(2)];
process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
