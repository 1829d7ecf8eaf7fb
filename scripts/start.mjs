import { spawnSync } from 'node:child_process';
import { build, installDependencies } from './setup.mjs';

installDependencies();
build();
process.exitCode =
  spawnSync(process.execPath, ['--enable-source-maps', 'build/examples/quickstart.js'], { stdio: 'inherit' })
    .status ?? 1;
