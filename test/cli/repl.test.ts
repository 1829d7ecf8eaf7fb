import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Report, Testbed } from 'rookery';
import { until } from '../faults/support.js';
import { ctrlC, ctrlD, rookery, Screen } from './rookery.js';

const up = '\x1b[A';

describe('rookery repl', () => {
  let bed: Testbed;
  let folder: string;
  let env: Record<string, string>;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-repl-'));
    env = { HOME: folder, XDG_STATE_HOME: '' };
    bed = await Testbed.start({ hosts: 3, backend: 'embedded' });
  });
  after(async () => {
    await bed.stop();
    rmSync(folder, { recursive: true });
  });
  const onBed = () => ['repl', '-F', bed.sshConfigFile, '-w', 'host[1-3]'];
  const sleeping = async (command: string) =>
    (await bed.processes()).filter((p) => p.command === command).length;

  it('has everything at hand, awaits at top level, and shows processes, actions and hosts', async () => {
    await using screen = new Screen(onBed(), { env });
    await screen.until(/Rookery [\d.]+ .*3 hosts: host\[1-3\].*\nrookery>$/m);
    screen.type("p = await new Process('echo one; exit 3').run()\r");
    await screen.until(/Process echo one; exit 3: exit 3 in \S+\n {2}stdout {2}one\n/);
    screen.type('p.exitCode + 40\r');
    await screen.until(/^43$/m);
    screen.type("a = await new Remote('echo I am {{{host}}}', hosts).run()\r");
    await screen.until(/Remote echo I am .*: 3 of 3 ok in/);
    assert.match(screen.text, /host1 +ok +\S+ +I am host1\n +host2 +ok .*host2\n +host3 +ok .*host3/);
    screen.type('new Report([a])\r');
    await screen.until(/name +start.*failures\n─+\nreport .* 3 +3 +3/);
    screen.type('.hosts\r.hosts host[2-3]\rhosts\r');
    await screen.until(/> hosts\n2 hosts: host\[2-3\]/);
    screen.type('.last\r');
    await screen.until(/host3 \(1\)\n─+\nI am host3/);
    screen.type('.report\r');
    await screen.until(/session .*\n {2}echo one; exit 3.*\n {2}echo I am/);
    screen.type('.help\r');
    await screen.until(/\.report +a table of what was run/);
    screen.type(ctrlD);
    assert.equal(await screen.exited, 0);
  });

  it('completes names', async () => {
    await using screen = new Screen([], { env });
    await screen.until(/rookery>$/m);
    screen.type('Sequ\t');
    await screen.until(/> SequentialActions/);
    screen.type('\x15.repo\t');
    await screen.until(/> \.report/);
  });

  it('keeps its history across sessions', async () => {
    {
      await using screen = new Screen([], { env });
      await screen.until(/rookery>$/m);
      screen.type('6 * 111\r');
      await screen.until(/^666$/m);
      screen.type('.exit\r');
      assert.equal(await screen.exited, 0);
    }
    await using screen = new Screen(['repl'], { env });
    await screen.until(/rookery>$/m);
    screen.type(`${up}${up}\r`);
    await screen.until(/> 6 \* 111\n666$/m);
  });

  it('ends what runs at Ctrl-C, and keeps the session', async () => {
    await using screen = new Screen(onBed(), { env });
    await screen.until(/rookery>$/m);
    screen.type("a = await new Remote('exec sleep 6001', hosts, {concurrency: 2}).run()\r");
    await until('two sleep', async () => (await sleeping('sleep 6001')) === 2);
    screen.type(ctrlC);
    await screen.until(/Remote exec sleep 6001: 0 of 3 ok/);
    assert.equal(await sleeping('sleep 6001'), 0);
    screen.type('a.killed\r');
    await screen.until(/^true$/m);
    // In a loop, not only this round.
    screen.type("for (const h of hosts) await new SshProcess('exec sleep 6002', h).run()\r");
    await until('one sleeps', async () => (await sleeping('sleep 6002')) === 1);
    screen.type(ctrlC);
    await screen.until(/ended\n(.*\n)*undefined\n/);
    // In the background too.
    screen.type("void new Remote('exec sleep 6003', hosts).start()\r");
    await until('three sleep', async () => (await sleeping('sleep 6003')) === 3);
    screen.type(ctrlC);
    await screen.until(/interrupted; 3 processes ended/);
    assert.equal(await sleeping('sleep 6003'), 0);
    screen.type("console.log('it ' + 'spins'); while (true);\r");
    await screen.until(/it spins/);
    screen.type(ctrlC);
    await screen.until(/interrupted by `SIGINT`/);
    screen.type("(await new Remote('true', hosts).run()).ok + '!'\r");
    await screen.until(/'true!'/);
    screen.type(ctrlD);
    assert.equal(await screen.exited, 0);
  });

  it('ends what runs when it is left', async () => {
    await using screen = new Screen(onBed(), { env });
    await screen.until(/rookery>$/m);
    screen.type("void new Remote('exec sleep 6004', hosts).start()\r");
    await until('three sleep', async () => (await sleeping('sleep 6004')) === 3);
    screen.type(ctrlD);
    assert.equal(await screen.exited, 0);
    assert.equal(await sleeping('sleep 6004'), 0);
  });

  it('reads lines from a pipe, each after the one before', async () => {
    const file = join(folder, 'session.json');
    const input = `x = await new Process('sleep 0.1; echo 5').run()\nNumber(x.stdout) + 1\n.report ${file}\n`;
    const { code, stdout } = await rookery(['repl'], { input, env });
    assert.equal(code, 0);
    assert.match(stdout, /^6$/m);
    assert.equal(Report.fromJSON(readFileSync(file, 'utf8')).stats().total, 1);
  });
});
