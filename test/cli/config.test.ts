import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Testbed } from 'rookery';
import { rookery } from './rookery.js';

describe('the configuration', () => {
  let bed: Testbed;
  let home: string;
  let projects = 0;
  before(async () => {
    home = mkdtempSync(join(tmpdir(), 'rookery-config-'));
    bed = await Testbed.start({ hosts: 3, backend: 'embedded' });
  });
  after(async () => {
    await bed.stop();
    rmSync(home, { recursive: true });
  });
  const project = (name: string, text: string): string => {
    const folder = join(home, `project${++projects}`);
    mkdirSync(join(folder, 'below'), { recursive: true });
    writeFileSync(join(folder, name), text);
    return folder;
  };
  const within = (cwd: string) => ({ cwd, env: { HOME: home, XDG_CONFIG_HOME: '' } });

  it('gives defaults and groups, from JSON, JavaScript and TypeScript, the project before the person', async () => {
    mkdirSync(join(home, '.config/rookery'), { recursive: true });
    const mine = {
      connectionParams: { sshConfig: bed.sshConfigFile, password: 'hush-hush' },
      groups: { two: ['host1', 'host2'] },
    };
    writeFileSync(join(home, '.config/rookery/rookery.config.json'), JSON.stringify(mine));
    const value =
      "{ connectionParams: { retries: 1 }, groups: { all: ['@two', 'host3'] }, logLevel: 'error' }";
    for (const [name, text] of [
      ['rookery.config.json', '{"groups": {"all": "@two,host3"}, "connectionParams": {"retries": 1}}'],
      ['rookery.config.js', `module.exports = ${value};`],
      [
        'rookery.config.ts',
        `interface Shape { logLevel: string }\nexport default ${value} satisfies Shape & object;`,
      ],
    ] as const) {
      const cwd = join(project(name, text), 'below');
      const ran = await rookery(['run', '-w', '@all,!@two', '--', 'echo here'], within(cwd));
      assert.deepEqual(ran, { code: 0, stdout: 'host3: here\n', stderr: '' }, name);
      const { stdout } = await rookery(['config'], within(cwd));
      assert.match(stdout, new RegExp(`connectionParams.retries +1 +${join(cwd, '..')}/${name}\n`));
      assert.match(
        stdout,
        /connectionParams.password +\(hidden\) .*\.config\/rookery\/rookery\.config\.json/,
      );
      assert.doesNotMatch(stdout + (await rookery(['config', '--json'], within(cwd))).stdout, /hush/);
    }
  });

  it('reports a mistake with file, key and expected form', async () => {
    for (const [text, pattern] of [
      [
        '{"connectionParams": {"port": "x"}}',
        /rookery\.config\.json: connectionParams: option port must be a port, 1 to 65535, not/,
      ],
      ['{"group": {}}', /rookery\.config\.json: group is no key of a configuration; did you mean groups\?/],
      ['{"groups": {"a": 7}}', /groups must be an object whose "?'?a'?"? is a string, or a list of strings/],
      ['{"groups": {"a": "n[3"}}', /group @a: .*not closed/],
      ['{"groups": {"a": "@b", "b": "@a"}}', /@a holds @b holds @a/],
      ['{"logLevel": "loud"}', /logLevel must be one of 'silent', /],
      ['{"tools": {"ssh": "ssh"}}', /tools must be .*absolute path/],
      ['{', /rookery\.config\.json cannot be read: .*JSON/],
    ] as const) {
      const { code, stderr } = await rookery(['config'], within(project('rookery.config.json', text)));
      assert.match(stderr, pattern);
      assert.equal(code, 2);
    }
    const none = await rookery(['run', '-w', '@nobody', 'true'], within(home));
    assert.equal(none.code, 2);
    assert.match(none.stderr, /no group @nobody; there are @two/);
  });
});
