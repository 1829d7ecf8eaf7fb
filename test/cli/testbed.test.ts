import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ctrlC, rookery, Screen } from './rookery.js';

describe('rookery testbed', () => {
  it('stays until Ctrl-C, and tells what other tools need', async () => {
    await using screen = new Screen(['testbed', '-n', '2', '--backend', 'embedded'], { columns: 160 });
    await screen.until(/until Ctrl-C/);
    const file = /ssh_config +(\/\S+)/.exec(screen.text)?.[1] ?? '';
    const ran = await rookery(['run', '-F', file, '-w', 'host[1-2]', '-b', 'echo', 'here']);
    assert.match(ran.stdout, /host\[1-2\] \(2\)\n─+\nhere/);
    screen.type(ctrlC);
    assert.equal(await screen.exited, 0);
    assert.ok(!existsSync(file));
  });

  it('runs a command inside, with its exit code', async () => {
    const inside =
      'ssh host2 echo by ssh </dev/null; "$NODE" "$ROOKERY" run -w "$ROOKERY_HOSTS" -b echo both; exit 7';
    const [NODE, ROOKERY] = [
      process.execPath,
      new URL('../../../dist/cli/main.js', import.meta.url).pathname,
    ];
    const ran = await rookery(['testbed', '-n', '2', '--', inside], { env: { NODE, ROOKERY } });
    assert.equal(ran.code, 7, ran.stderr);
    assert.match(ran.stdout, /^by ssh\nhost\[1-2\] \(2\)\n─+\nboth\n/);
    const words = await rookery(['testbed', '-n', '1', 'printf', '<%s>', 'a b', '-x']);
    assert.equal(words.stdout, '<a b><-x>');
    const missing = await rookery(['testbed', '-n', '1', '--', 'no-such-program-here', 'x']);
    assert.equal(missing.code, 70);
    const wrong = await rookery(['testbed', '--backend', 'cloud']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /'sshd'/);
  });
});
