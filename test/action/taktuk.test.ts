import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import {
  ActionFactory,
  ChainPut,
  defaults,
  Get,
  getFileget,
  getFileput,
  getRemote,
  Host,
  InvalidArgument,
  Put,
  Remote,
  Report,
  TaktukGet,
  TaktukPut,
  TaktukRemote,
  Testbed,
} from 'rookery';
import { living, outcome, quiet, uniqueSleep, until } from '../faults/support.js';
import { describeTree, listing, makeTree, temporaryFolder } from '../transfer/tree.js';

const skip = spawnSync('taktuk', ['--version']).status === 0 ? false : 'taktuk is not installed here';

describe('actions through TakTuk', { skip }, () => {
  let bed: Testbed;
  before(async () => {
    bed = await Testbed.start({ hosts: 4, backend: 'sshd' });
  });
  after(() => bed.stop());

  it('give one process for each host, with its output, exit code or failure', async () => {
    const dead = new Host({ ...bed.hosts[0]!.toJSON(), port: 9 });
    const stranger = new Host({ ...bed.hosts[1]!.toJSON(), user: 'nobody-of-this-name' });
    const hosts = [...bed.hosts, dead, stranger];
    const command = `echo "{{{host}}} $X; a,b~[%]"; echo err{{{index}}} >&2; pwd; printf 'no end'; exit {{{index}}}`;
    const action = new TaktukRemote(command, hosts, { ...quiet, env: { X: `it's "so"` }, cwd: '/usr' });
    await action.run();
    action.processes.slice(0, 4).forEach((process, index) => {
      assert.equal(process.stdout, `${process.host.address} it's "so"; a,b~[%]\n/usr\nno end`);
      assert.equal(process.stderr, `err${index}\n`);
      assert.equal(process.exitCode, index);
      assert.equal(process.ok, index === 0);
    });
    assert.equal(action.processes[4]?.error?.code, 'ERR_CONNECTION_REFUSED');
    assert.equal(action.processes[5]?.error?.code, 'ERR_AUTHENTICATION_FAILED');
    assert.equal(new Report(action).stats().errors, 2);
  });

  it('tell a signal from an exit code, and keep bytes', async () => {
    const action = new TaktukRemote(`printf '\\377\\000\\n\\n'; kill -9 $$`, bed.hosts, quiet);
    await action.run();
    for (const process of action.processes) {
      assert.equal(outcome(process).signal, 'SIGKILL');
      assert.deepEqual(process.stdoutBytes, Buffer.from([255, 0, 10, 10]));
    }
  });

  it('bring all of a long output', async () => {
    const action = await new TaktukRemote('seq 1 100000', bed.hosts).run();
    const whole = spawnSync('seq', ['1', '100000'], { encoding: 'utf8' }).stdout;
    for (const process of action.processes) assert.ok(process.stdout === whole);
  });

  it('end by a timeout and by a kill, of one and of all, and leave nothing', async () => {
    const seconds = uniqueSleep();
    const late = await new TaktukRemote(`sleep ${seconds}; :`, bed.hosts, { ...quiet, timeout: '3s' }).run();
    assert.ok(late.processes.every((process) => process.timedOut));
    const action = new TaktukRemote(`sleep ${seconds}; :`, bed.hosts, quiet);
    const started = action.processes.map(
      (process) => new Promise((resolve) => process.once('start', resolve)),
    );
    action.start();
    await Promise.all(started);
    const [first, ...others] = action.processes;
    await first?.kill().wait();
    assert.ok(first?.killed && others.every((process) => process.running));
    await action.kill().wait();
    assert.ok(action.processes.every((process) => process.killed));
    await until('nothing is left', () => living(`sleep ${seconds}`).length === 0);
  });

  it('leave nothing when this program dies', async () => {
    const seconds = uniqueSleep();
    const script = `import { TaktukRemote } from 'rookery';
      const hosts = JSON.parse(process.argv[1]);
      const action = new TaktukRemote('sleep ${seconds}; :', hosts);
      let count = 0;
      for (const process of action.processes) process.on('start', () => ++count === hosts.length && globalThis.process.kill(globalThis.process.pid, 'SIGKILL'));
      await action.run();`;
    const words = ['--input-type=module', '-e', script, JSON.stringify(bed.hosts)];
    assert.equal(spawnSync(process.execPath, words, { stdio: 'ignore' }).signal, 'SIGKILL');
    await until('nothing is left', () => living(`sleep ${seconds}`).length === 0);
  });

  it('copy a tree there and back', async () => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, 'source'));
    const source = makeTree(join(folder.path, 'source'));
    const put = new TaktukPut(bed.hosts, source, `${folder.path}/to/{{{host}}}/`, { verify: 'sha256' });
    (await put.run()).orThrow();
    const get = new TaktukGet(
      bed.hosts,
      `${folder.path}/to/{{{host}}}/source`,
      `${folder.path}/back/{{{host}}}`,
    );
    (await get.run()).orThrow();
    for (const { address } of bed.hosts) {
      assert.equal(describeTree(`${folder.path}/to/${address}/source`), describeTree(source));
      assert.equal(describeTree(`${folder.path}/back/${address}`), describeTree(source));
      assert.equal(listing(`${folder.path}/to/${address}`), 'source\n');
    }
    for (const process of put.processes) assert.equal(process.bytesDone, process.bytesTotal);
  });

  it('copy different files to hosts, and fail on one without stopping the others', async () => {
    using folder = temporaryFolder();
    const dead = new Host({ ...bed.hosts[0]!.toJSON(), port: 9 });
    for (const n of [1, 2]) writeFileSync(join(folder.path, `file${n}`), `content ${n}`);
    const hosts = [...bed.hosts.slice(0, 3), dead];
    const to = `${folder.path}/{{{index}}}`;
    const put = new TaktukPut(hosts, `${folder.path}/file{{n}}`, to, { ...quiet, vars: { n: [1, 2] } });
    await put.run();
    const codes = put.processes.map((process) => process.error?.code);
    assert.deepEqual(codes, [undefined, undefined, undefined, 'ERR_CONNECTION_REFUSED']);
    const contents = [0, 1, 2].map((index) => readFileSync(`${folder.path}/${index}`, 'utf8'));
    assert.deepEqual(contents, ['content 1', 'content 2', 'content 1']);
    const none = await new TaktukGet(
      bed.hosts,
      `${folder.path}/nope`,
      `${folder.path}/{{{host}}}`,
      quiet,
    ).run();
    for (const { error } of none.processes) assert.match(error?.message ?? '', /there is no .*nope/);
    const nothing = await new TaktukPut(bed.hosts, `${folder.path}/nope`, folder.path, quiet).run();
    for (const { error } of nothing.processes) assert.match(error?.message ?? '', /there is no local file/);
  });
});

describe('TakTuk', () => {
  afterEach(() => {
    delete defaults.tool;
  });

  it('is told to be missing in one sentence', async () => {
    using folder = temporaryFolder();
    const path = process.env['PATH'];
    process.env['PATH'] = folder.path;
    try {
      const action = await new TaktukRemote('true', ['a', 'b'], quiet).run();
      for (const { error } of action.processes)
        assert.equal(error?.message, 'taktuk is not installed on this machine: install the package taktuk');
    } finally {
      process.env['PATH'] = path;
    }
  });

  it('is chosen by one setting', () => {
    assert.ok(getRemote('true', 'a') instanceof Remote);
    assert.ok(getFileput('a', 'x', '/tmp') instanceof Put);
    assert.ok(getFileget('a', 'x', '/tmp') instanceof Get);
    defaults.tool = 'taktuk';
    assert.ok(getRemote('true', 'a', { concurrency: 3 }) instanceof TaktukRemote);
    assert.ok(getFileput('a', 'x', '/tmp') instanceof TaktukPut);
    assert.ok(getFileget('a', 'x', '/tmp') instanceof TaktukGet);
    const factory = new ActionFactory({ tool: 'ssh', fileputTool: 'chain' });
    assert.ok(factory.getRemote('true', 'a') instanceof Remote);
    assert.ok(factory.getFileput('a', 'x') instanceof ChainPut);
    assert.ok(!(factory.getFileget('a', 'x') instanceof TaktukGet));
    defaults.tool = 'rsh' as 'ssh';
    assert.throws(() => getRemote('true', 'a'), /defaults.tool must be one of 'ssh', 'taktuk', not "rsh"/);
    assert.throws(() => new ActionFactory({ tool: 'rsh' as 'ssh' }), InvalidArgument);
  });

  it('refuses what it cannot do', async () => {
    assert.throws(
      () => new TaktukRemote('cat', 'a', { stdin: 'x' }),
      /stdin cannot be had through TakTuk; use Remote/,
    );
    assert.throws(() => new TaktukRemote('cat', 'a', { arty: 2 } as object), /did you mean 'arity'/);
    assert.throws(() => new TaktukGet(['a', 'b'], '/x', '/tmp/y'), /both would write/);
    const secret = await new TaktukRemote('true', { address: 'a', password: 'hush' }, quiet).run();
    assert.match(secret.processes[0]?.error?.message ?? '', /cannot be given a password/);
  });
});
