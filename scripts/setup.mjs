// What the other scripts share: dependencies, build, and the programs that tests run against.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const run = (file, ...args) => execFileSync(file, args, { stdio: ['ignore', 2, 2] });

export function installDependencies() {
  const stamp = 'node_modules/.package-lock.json';
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= statSync('package-lock.json').mtimeMs) return;
  run('npm', 'ci', '--no-audit', '--no-fund');
}

export function build() {
  run('npx', 'tsc', '-p', 'tsconfig.build.json');
  run('node', 'scripts/bundle-agent.mjs');
  run('npx', 'tsc', '-p', 'tsconfig.json');
}

/** Debian packages that the tests need, by a program of each. */
const needed = {
  ...{ sshd: 'openssh-server', ssh: 'openssh-client', ps: 'procps', tcsh: 'tcsh', fish: 'fish' },
  ...{ 'redis-server': 'redis-server', iperf: 'iperf', cc: 'gcc' },
};

export function installPrograms(more = {}, required = true) {
  const path = `${process.env.PATH}:/usr/sbin:/sbin`;
  const missing = Object.entries({ ...needed, ...more }).filter(
    ([program]) => !path.split(':').some((dir) => existsSync(join(dir, program))),
  );
  if (missing.length === 0) return;
  const packages = missing.map(([, name]) => name);
  if (process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0) {
    run('apt-get', 'update', '-q');
    run(
      'env',
      'DEBIAN_FRONTEND=noninteractive',
      'apt-get',
      'install',
      '-qy',
      '--no-install-recommends',
      ...packages,
    );
    return;
  }
  const message = `missing: ${packages.join(' ')} (apt-get install ${packages.join(' ')})`;
  if (process.env.CI && required) throw new Error(message);
  console.error(`${message}; the tests that need them are skipped or fail`);
}

export function testFiles(folder = 'build/test') {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((name) => name.endsWith('.test.js'))
    .sort();
}

/** The program of another version of Node. It is fetched in a folder apart: our .npmrc forbids the script that puts it in place. */
export function nodeProgram(version) {
  const major = (text) => text.replace(/^v/, '').split('.')[0];
  if (version === undefined || major(version) === major(process.version)) return process.execPath;
  const cwd = mkdtempSync(join(tmpdir(), 'rookery-node-'));
  try {
    const env = { ...process.env, npm_config_ignore_scripts: 'false' };
    delete env.npm_config_local_prefix;
    const found = execFileSync('npx', ['-y', '-p', `node@${version}`, 'node', '-p', 'process.execPath'], {
      cwd,
      env,
      encoding: 'utf8',
    });
    const program = found.trim();
    const running = execFileSync(program, ['--version'], { encoding: 'utf8' }).trim();
    if (major(running) !== major(version)) throw new Error(`asked for Node ${version}, got ${running}`);
    console.log(`Node ${running}`);
    return program;
  } finally {
    rmSync(cwd, { recursive: true });
  }
}
