import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Report, Testbed } from 'rookery';
import { until } from '../faults/support.js';
import { ctrlC, program, rookery, Screen } from './rookery.js';

describe('rookery run', () => {
  let bed: Testbed;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-cli-'));
    bed = await Testbed.start({ hosts: 6, backend: 'embedded' });
  });
  after(async () => {
    await bed.stop();
    rmSync(folder, { recursive: true });
  });
  const on = (hosts: string, ...rest: string[]) => ['run', '-F', bed.sshConfigFile, '-w', hosts, ...rest];
  const sorted = (text: string) => text.trimEnd().split('\n').sort();

  it('shows lines as they come, each after its host', async () => {
    const ran = await rookery(on('host[1-2],host3', '-x', 'host2', '--', 'echo a; echo b >&2; printf c'));
    assert.deepEqual(sorted(ran.stdout), ['host1: a', 'host1: c', 'host3: a', 'host3: c']);
    assert.deepEqual(sorted(ran.stderr), ['host1: b', 'host3: b']);
    assert.equal(ran.code, 0);
  });

  it('takes several words as they are, and options of the command too', async () => {
    const { stdout } = await rookery(on('host1', 'printf', '<%s>', 'a  b', '-w', '$HOME', '*'));
    assert.equal(stdout, 'host1: <a  b><-w><$HOME><*>\n');
    const filled = await rookery(on('host[1-2]', '--var', 'n=x,y', '--', 'echo {{n}} {{{host}}}'));
    assert.deepEqual(sorted(filled.stdout), ['host1: x host1', 'host2: y host2']);
  });

  it('gathers equal outputs, the most common first', async () => {
    const command =
      'echo same; [ {{{index}}} != 2 ] || echo other; [ {{{index}}} = 4 ] && echo err >&2; true';
    const ran = await rookery(on('host[1-6]', '-b', '--', command));
    assert.equal(
      ran.stdout.replaceAll(/─+/g, '─'),
      'host[1-2,4-6] (5)\n─\nsame\nhost3 (1)\n─\nsame\nother\n',
    );
    assert.equal(ran.stderr.replaceAll(/─+/g, '─'), 'host5 (1) stderr\n─\nerr\n');
    const diff = await rookery(on('host[1-6]', '--diff', '--', command));
    assert.match(diff.stdout, /host3 \(1\)\n─+\n@@ -1,1 \+1,2 @@\n same\n\+other\n$/);
  });

  it('writes a line of JSON for each host', async () => {
    const ran = await rookery(
      on('host[1-2]', '--json', '-q', '--', 'echo out; echo err >&2; exit {{{index}}}'),
    );
    const lines = ran.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      lines
        .map(({ host, ok, exitCode, stdout, stderr }) => ({ host, ok, exitCode, stdout, stderr }))
        .sort((a, b) => Number(a.exitCode) - Number(b.exitCode)),
      [
        { host: 'host1', ok: true, exitCode: 0, stdout: 'out\n', stderr: 'err\n' },
        { host: 'host2', ok: false, exitCode: 1, stdout: 'out\n', stderr: 'err\n' },
      ],
    );
    assert.equal(ran.stderr, '');
  });

  it('sends its input to every host, small or large', async () => {
    const small = await rookery(on('host[1-2]', '--stdin', '-c', '1', 'cat'), { input: 'text\n' });
    assert.deepEqual(sorted(small.stdout), ['host1: text', 'host2: text']);
    const large = await rookery(on('host[1-2]', '--stdin', '--', 'wc -c'), { input: 'x'.repeat(6_000_000) });
    assert.deepEqual(
      sorted(large.stdout).map((line) => line.replace(/ +/g, ' ')),
      ['host1: 6000000', 'host2: 6000000'],
    );
    const none = await rookery(on('host1', 'cat'), { input: 'not for it' });
    assert.deepEqual(none, { code: 0, stdout: '', stderr: '' });
  });

  it('tells the worst by its exit code, and who failed by cause', async () => {
    const file = join(folder, 'failed');
    const report = join(folder, 'run.json');
    const failing = await rookery(
      on('host[1-6]', '--failed-to', file, '--report', report, '--', 'exit $(( {{{index}}} % 3 ))'),
    );
    assert.equal(failing.code, 1);
    assert.equal(failing.stderr, '4 of 6 failed\n  exit 1 (2): host[2,5]\n  exit 2 (2): host[3,6]\n');
    assert.equal(readFileSync(file, 'utf8'), 'host2\nhost3\nhost5\nhost6\n');
    assert.equal(Report.fromJSON(readFileSync(report, 'utf8')).stats().nonZeroExits, 4);
    const again = await rookery(['run', '-F', bed.sshConfigFile, '--hosts-file', file, 'true']);
    assert.deepEqual(again, { code: 0, stdout: '', stderr: '' });
    const slow = await rookery(on('host[1-2]', '-t', '3s', '--', '[ {{{index}}} = 0 ] || sleep 60; exit 1'));
    assert.equal(slow.code, 3);
    assert.match(slow.stderr, /timeout \(1\): host2/);
    const lost = await rookery(on('host1,no.such.host.invalid', '--', 'exit 1'));
    assert.equal(lost.code, 4);
    assert.match(lost.stderr, /ERR_HOST_NOT_FOUND \(1\): no\.such\.host\.invalid\n {4}cannot connect/);
  });

  it('refuses what it does not understand, before anything runs', async () => {
    for (const [args, pattern] of [
      [['run', 'true'], /no hosts: name some with -w/],
      [['run', '-w', 'a[1-', 'true'], /not closed/],
      [['run', '-w', 'a', '-t', 'soon', 'true'], /--timeout must be .* not "soon"/],
      [['run', '-w', 'a', '-c', '0', 'true'], /concurrency must be/],
      [['run', '-w', 'a', '--bad', 'true'], /unknown option '--bad'/],
      [['run', '-w', 'a'], /missing required argument/],
      [['run', '-w', '-', '--stdin', 'cat'], /not both/],
      [['rnu'], /rnu/],
    ] as [string[], RegExp][]) {
      const { code, stdout, stderr } = await rookery(args);
      assert.equal(code, 2, args.join(' '));
      assert.match(stderr, pattern);
      assert.equal(stdout, '');
    }
  });

  it('takes hosts from standard input', async () => {
    const { stdout } = await rookery(on('-', 'echo', 'x'), { input: 'host1 # one\nhost[2-3]\n' });
    assert.deepEqual(sorted(stdout), ['host1: x', 'host2: x', 'host3: x']);
  });

  it('ends quietly when nobody reads on', async () => {
    const child = spawn(process.execPath, [program, ...on('host1', '--', 'yes; echo $?')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    await once(child.stdout, 'data');
    child.stdout.destroy();
    assert.deepEqual(await closed, [141, null]);
    await until('nothing is left', async () => !(await bed.processes()).some((p) => p.command === 'yes'));
  });

  it('shows colours and a terminal on a terminal', async () => {
    await using screen = new Screen(
      on('host1', '--pty', '--', 'tput cols; tty; test -t 1 && echo terminal'),
      {
        columns: 91,
      },
    );
    await screen.until(/host1: terminal/);
    assert.match(screen.text, /host1: \/dev\/pts/);
    assert.equal(await screen.exited, 0);
  });

  it('ends everything at the first Ctrl-C, and tells what there is', async () => {
    await using screen = new Screen(
      on('host[1-3]', '-b', '--', 'echo ready; [ {{{index}}} = 0 ] || exec sleep 5000'),
    );
    await until('two sleep', async () => {
      const all = await bed.processes();
      return all.filter((p) => p.command === 'sleep 5000').length === 2;
    });
    await screen.until(/1\/3/);
    screen.type(ctrlC);
    assert.equal(await screen.exited, 130);
    assert.match(screen.text, /interrupted; ending what runs/);
    assert.match(screen.text, /host\[1-3\] \(3\)\n─+\nready\n/);
    assert.match(screen.text, /2 of 3 failed\n {2}killed \(2\): host\[2-3\]/);
    assert.deepEqual(
      (await bed.processes()).filter((p) => p.command === 'sleep 5000'),
      [],
    );
  });

  it('leaves at once at the second', async () => {
    await using screen = new Screen(
      on('host1', '--', "trap 'echo not yet' TERM; echo ready; while :; do sleep 1; done"),
    );
    await screen.until(/ready/);
    screen.type(ctrlC);
    await screen.until(/not yet/);
    screen.type(ctrlC);
    assert.equal(await screen.exited, 130);
    await until('nothing is left', async () => {
      const all = await bed.processes();
      return !all.some((p) => p.command.includes('not yet'));
    });
  });

  it('starts nothing more after a Ctrl-C', async () => {
    const file = join(folder, 'hosts');
    writeFileSync(file, 'host[1-6]\n');
    await using screen = new Screen([
      'run',
      '-F',
      bed.sshConfigFile,
      '--hosts-file',
      file,
      '-c',
      '1',
      '--',
      'echo ready; exec sleep 5001',
    ]);
    await screen.until(/host1: ready/);
    screen.type(ctrlC);
    assert.equal(await screen.exited, 130);
    assert.match(screen.text, /6 of 6 failed\n {2}killed \(6\)/);
    assert.doesNotMatch(screen.text, /host2: ready/);
  });
});
