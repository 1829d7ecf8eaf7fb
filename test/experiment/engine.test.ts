import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Engine, experiment, ParamSweeper, type ExperimentRecord } from 'rookery';
import { refuses, temporaryFolder } from '../host/helpers.js';

const script = fileURLToPath(new URL('fixtures/experiment.js', import.meta.url));

describe('experiment', () => {
  const folder = temporaryFolder();
  let runs = 0;
  const newFolder = () => join(folder.path, `results${runs++}`);

  /** Runs the program to its end; a signal is sent when it says so. */
  async function run(args: readonly string[], signal?: NodeJS.Signals) {
    const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const closed = once(child, 'close');
    let [out, err] = ['', ''];
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    for await (const line of createInterface({ input: child.stdout })) {
      out += `${line}\n`;
      if (line === 'waiting' && signal) child.kill(signal);
    }
    const [code] = (await closed) as [number | null];
    return { out, err, code };
  }
  const only = (parent: string) => join(parent, readdirSync(parent)[0] as string);
  const read = (directory: string, name: string) => readFileSync(join(directory, name), 'utf8');
  const record = (directory: string) => JSON.parse(read(directory, 'experiment.json')) as ExperimentRecord;

  it('keeps results, output and all that was run in a folder named by time and parameters', async () => {
    const results = newFolder();
    const { code, out, err } = await run(['--results', results, '-n', '2', '-w', 'node[1-2]', 'more']);
    assert.equal(err, '');
    assert.equal(code, 0);
    assert.equal(out, 'rows: 4, words: more\n');
    const directory = only(results);
    assert.match(directory, /\/probe_\d{8}_\d{6}_repeats=2_tool=quick_verbose=false$/);
    const rows = read(directory, 'results.jsonl').trimEnd().split('\n');
    assert.deepEqual(JSON.parse(rows[0]!), { size: 1, round: 0, note: 'a, "b"' });
    assert.equal(rows.length, 4);
    assert.match(read(directory, 'results.csv'), /^size,round,note\r\n1,0,"a, ""b"""\r\n1,1,/);
    assert.equal(read(directory, 'stdout.log'), out);
    const [told] = record(directory).runs;
    assert.equal(told!.outcome, 'done');
    assert.deepEqual(told!.options, { repeats: 2, tool: 'quick', verbose: false });
    assert.deepEqual(told!.parameters, { size: [1, 10], round: [0, 1] });
    assert.deepEqual(told!.hosts, ['node1', 'node2']);
    assert.equal(told!.versions['node'], process.versions.node);
    assert.match(told!.versions['rookery']!, /^\d+\.\d+/);
    assert.match(told!.git!.commit, /^[0-9a-f]{40}$/);
  });

  it('saves at Ctrl-C, ends what runs, and goes on with --continue', async () => {
    const results = newFolder();
    const { code, err } = await run(['--results', results, '--tool', 'hang'], 'SIGINT');
    assert.equal(code, 130, err);
    const directory = only(results);
    assert.match(err, /--continue /);
    assert.equal(read(directory, 'results.csv').split('\r\n')[1], '1,0,"a, ""b"""');
    assert.equal(record(directory).runs[0]!.outcome, 'interrupted');
    {
      await using left = new ParamSweeper(
        join(directory, 'sweep'),
        [0, 1, 2].flatMap((round) => [1, 10].map((size) => ({ size, round }))),
      );
      assert.equal((await left.stats()).done, 1);
      assert.equal((await left.stats()).todo, 5);
    }
    const more = await run(['--continue', directory]);
    assert.equal(more.code, 0, more.err);
    const done = read(directory, 'results.csv')
      .trimEnd()
      .split('\r\n')
      .slice(1)
      .map((row) => row.split(',"')[0]);
    // The row of what was cut short is there, for the experiment did not look; it was done again.
    assert.deepEqual([...new Set(done)].sort(), ['1,0', '1,1', '1,2', '10,0', '10,1', '10,2']);
    const [, second] = record(directory).runs;
    assert.deepEqual(second!.options, { repeats: 3, tool: 'hang', verbose: false });
  });

  it('saves when it fails, and goes on after SIGKILL in the middle of a row', async () => {
    const results = newFolder();
    const { code, err } = await run(['--results', results, '--tool', 'fail']);
    assert.equal(code, 1);
    assert.match(err, /the probe is broken/);
    const directory = only(results);
    assert.equal(record(directory).runs[0]!.error, 'the probe is broken');
    assert.match(read(directory, 'results.csv'), /^size,round,note\r\n1,0/);
    appendFileSync(join(directory, 'results.jsonl'), '{"size":1,"rou');
    const more = await run(['--continue', directory]);
    assert.equal(more.code, 0);
    assert.match(more.out, /rows: 6/);
    assert.match(more.err, /left out a line that was cut short/);
    assert.match(read(directory, 'stderr.log'), /left out a line/);
    const killed = newFolder();
    assert.equal((await run(['--results', killed, '--tool', 'hang'], 'SIGKILL')).code, null);
    assert.match((await run(['--continue', only(killed)])).out, /rows: 6/);
  });

  it('explains its options, and refuses others', async () => {
    const help = await run(['--help']);
    assert.match(help.out, /-n, --repeats <value> +how often \(default: 3\)/);
    assert.match((await run(['--tool', 'slow'])).err, /it must be one of quick, hang, fail/);
    assert.match((await run(['-n', 'many'])).err, /it must be a number/);
    const other = await run(['--continue', folder.path]);
    assert.match(other.err, /is not the folder of an experiment/);
  });

  it('is a class as well', async () => {
    const seen: unknown[] = [];
    class Mine extends Engine {
      override init() {
        seen.push(this.directory);
      }
      override async run() {
        await this.record({ a: 1 });
        seen.push(await this.records());
      }
      override directoryName() {
        return 'mine';
      }
    }
    const results = newFolder();
    await new Mine({ name: 'class', argv: ['--results', results] }).start();
    await new Mine({ name: 'class', argv: ['--results', results] }).start();
    assert.deepEqual(seen, [join(results, 'mine'), [{ a: 1 }], join(results, 'mine_2'), [{ a: 1 }]]);
    await assert.rejects(new Mine({ name: 'class', argv: [] }).record({}), /it is not running/);
  });

  it('refuses what makes no sense', async () => {
    refuses(() => new Engine({ name: '../x' }), /the name must be/);
    refuses(() => new Engine({ options: { continue: 'x' } }), /cannot be called "continue"/);
    refuses(() => new Engine({ option: {} } as object), /did you mean 'options'/);
    await assert.rejects(experiment({}, 5 as never), /run must be a function, not 5/);
  });
});
