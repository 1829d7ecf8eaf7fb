import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

describe('the package, installed elsewhere', () => {
  let folder: string;
  let files: string[];
  const run = (file: string, ...args: string[]) =>
    execFileSync(file, args, { cwd: folder, encoding: 'utf8' });

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-install-'));
    const packed = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: root,
      encoding: 'utf8',
    });
    const [pack] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
    files = pack.files.map((file) => file.path);
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'user', type: 'module', private: true }),
    );
    run(
      'npm',
      'install',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      join(folder, pack.filename),
    );
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('ships code, declarations, source maps and documents, and nothing else', () => {
    for (const name of [
      'README.md',
      'LICENSE',
      'package.json',
      'dist/index.js',
      'dist/index.d.ts',
      'dist/index.js.map',
    ])
      assert.ok(files.includes(name), name);
    const stray = files.filter(
      (name) => !/^(dist|src|docs|examples)\/|^(README\.md|LICENSE|package\.json)$/.test(name),
    );
    assert.deepEqual(stray, []);
    const modules = files.filter((name) => name.startsWith('dist/') && name.endsWith('.js'));
    assert.ok(modules.length > 50);
    for (const name of modules) {
      assert.ok(files.includes(name.replace(/\.js$/, '.d.ts')), name);
      const map = JSON.parse(readFileSync(join(folder, 'node_modules/rookery', `${name}.map`), 'utf8')) as {
        sources: string[];
      };
      for (const source of map.sources)
        assert.ok(
          existsSync(join(folder, 'node_modules/rookery', dirname(name), source)),
          `${name}: ${source}`,
        );
    }
  });

  it('is typed under strict, and runs', () => {
    writeFileSync(
      join(folder, 'user.ts'),
      `import { cmd, Host, Process, Remote, Report, Testbed, type ReportJSON } from 'rookery';
       await using bed = await Testbed.start({ hosts: 2, backend: 'embedded' });
       const action = await new Remote(cmd\`echo \${['a', 'b']}\`, bed.hosts, { timeout: '1m' }).run();
       const outputs: string[] = action.processes.map((p) => p.stdout.trim());
       const process = await new Process(['true'], { on: { end: (p) => console.log(p.name) } }).run();
       const code: number | undefined = process.exitCode;
       const json: ReportJSON = new Report([action, process]).toJSON();
       console.log(outputs.join(), code, new Host('me@node:2222').port, json.stats.ok);
       // @ts-expect-error: no such option
       const unused = () => new Process('true', { timeuot: 3 });\n`,
    );
    const options = [
      '--strict',
      '--target',
      'es2022',
      '--lib',
      'es2022,esnext.disposable',
      '--module',
      'nodenext',
      '--outDir',
      'out',
    ];
    // Nothing but Node's own types, which everybody who writes TypeScript for Node has.
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
    run(process.execPath, join(root, 'node_modules/typescript/bin/tsc'), ...options, ...types, 'user.ts');
    assert.equal(run(process.execPath, 'out/user.js'), 'true\na,b 0 2222 3\n');
  });
});
