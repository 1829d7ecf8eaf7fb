import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { closeConnections, cmd, Host, Local, Process, raw, Remote, Testbed } from 'rookery';

const seed = process.env['CI'] ? 20_261 : Math.floor(Math.random() * 2 ** 31);
const parts = `a 0 - -- ' " \` $ $( ) \\ \\\\ ! # & | ; < > * ? [ ] { } ~ ^ % = : , . / @ \n \t \r ä € 😀 {{ }} {{{host}}} \u001b`;
const alphabet = [...parts.split(' '), ' ', '  ', '\n'];
const lists = (count: number, length: number) =>
  fc.sample(
    fc.array(
      fc.array(fc.constantFrom(...alphabet), { maxLength: 8 }).map((parts) => parts.join('')),
      {
        minLength: length,
        maxLength: length,
      },
    ),
    { seed, numRuns: count },
  );
/** A command that prints its arguments as they are, each after its length. */
const show = ['node', '-e', 'process.stdout.write(JSON.stringify(process.argv.slice(1)))', '--'];

describe(`words of a command (seed ${seed})`, () => {
  it('reach a local program as they are, by cmd, by a list, and through a shell', async () => {
    for (const list of lists(8, 12)) {
      const template = list.reduce(
        (sum, word) => cmd`${sum} ${word}`,
        cmd`${show[0]!} ${show[1]!} ${show[2]!} ${show[3]!}`,
      );
      for (const p of [
        new Process(template),
        new Process(template, { shell: true }),
        new Process([...show, ...list]),
      ]) {
        await p.run();
        assert.deepEqual(JSON.parse(p.stdout), list, p.command);
      }
    }
  });

  for (const shell of ['/bin/sh', '/bin/bash', '/bin/tcsh', '/usr/bin/fish']) {
    it(`reach a host whose login shell is ${shell}`, async () => {
      await using bed = await Testbed.start({ hosts: 2, backend: 'embedded', embedded: { shell } });
      for (const list of lists(3, 20)) {
        const template = list.reduce((sum, word) => cmd`${sum} ${word}`, cmd`printf ${'%s\\0'}`);
        const action = await new Remote(template, bed.hosts).run();
        for (const p of action.processes) assert.deepEqual(p.stdout.split('\0').slice(0, -1), list);
      }
      await closeConnections();
    });
  }

  it('differ per host: cycling arrays, functions, hosts, fragments, raw text', () => {
    const hosts = ['n1', 'n2', 'n3'].map((name) => new Host(name));
    const commands = (value: Parameters<typeof cmd>[1]) =>
      new Remote(cmd`x ${value}`, hosts).processes.map((p) => p.command);
    assert.deepEqual(commands(['a b', 'c']), ["x 'a b'", 'x c', "x 'a b'"]);
    assert.deepEqual(
      commands((host, i) => `${host.address}-${i}`),
      ['x n1-0', 'x n2-1', 'x n3-2'],
    );
    assert.deepEqual(commands(hosts.slice(1)), ['x n2', 'x n3', 'x n2']);
    assert.deepEqual(commands(cmd`-p ${[1, 2]}`), ['x -p 1', 'x -p 2', 'x -p 1']);
    assert.deepEqual(commands(raw('$HOME *')), ['x $HOME *', 'x $HOME *', 'x $HOME *']);
    assert.deepEqual(commands(''), ["x ''", "x ''", "x ''"]);
  });

  it('in plain strings come from vars, unquoted, and never from themselves', () => {
    const vars = { port: [1, 2], text: 'a {{port}} $x' };
    const action = new Remote('run {{{host}}} {{port}} {{text}} \\{{port}}', ['n1', 'n2'], { vars });
    assert.deepEqual(
      action.processes.map((p) => p.command),
      ['run n1 1 a {{port}} $x {{port}}', 'run n2 2 a {{port}} $x {{port}}'],
    );
    assert.equal(new Local('echo {{{host}}} {{{index}}}').processes[0]?.command, 'echo localhost 0');
  });
});
