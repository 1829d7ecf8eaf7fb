import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { inspect, stripVTControlCharacters } from 'node:util';
import {
  cmd,
  InvalidArgument,
  Local,
  ParallelActions,
  Process,
  Remote,
  Report,
  SequentialActions,
  Testbed,
} from 'rookery';

const quiet = {
  logExitCode: false,
  logTimeout: false,
  logError: false,
  logExpectFail: false,
  logWriteError: false,
};
const widest = (text: string) =>
  Math.max(
    ...stripVTControlCharacters(text)
      .split('\n')
      .map((line) => [...line].length),
  );

describe('Report', () => {
  let bed: Testbed;
  before(async () => {
    bed = await Testbed.start({ hosts: 4, backend: 'embedded' });
  });
  after(() => bed.stop());

  it('counts what happened, by kind, in all and for each part', async () => {
    const exits = await new Remote(cmd`exit ${[0, 7, 7, 3]}`, bed.hosts, quiet).run();
    const slow = await new Remote("trap '' TERM; sleep 30 & wait; sleep 30", bed.hosts[0]!, {
      ...quiet,
      timeout: '200ms',
      killTimeout: '100ms',
    }).run();
    const none = await new Process(['/no/such/program'], quiet).run();
    const silent = new Process('true', quiet).start();
    await assert.rejects(silent.expect('never'), { code: 'ERR_EXPECT_END' });
    await silent.wait();
    const deaf = await new Process('exit 0', { ...quiet, stdin: 'x'.repeat(1_000_000) }).run();
    const inner = new Report([slow, none], { name: 'inner' });
    const report = new Report([exits, inner, silent, deaf], { name: 'outer' });
    const { start, end, length, children, failures, ...counts } = report.stats();
    assert.deepEqual(counts, {
      ...{ name: 'outer', total: 8, started: 8, ended: 8, ok: 1, finishedOk: 1 },
      ...{ errors: 1, timeouts: 1, forcedKills: 1, expectFailures: 1, writeErrors: 1, nonZeroExits: 3 },
    });
    assert.deepEqual(failures, { 'exit 7': 2, 'exit 3': 1, timeout: 1, ERR_SPAWN: 1, expect: 1, write: 1 });
    assert.deepEqual(start, exits.startDate);
    assert.deepEqual(end, deaf.endDate);
    assert.equal(length, end!.getTime() - start!.getTime());
    assert.deepEqual(
      children?.map((child) => [child.name, child.total]),
      [
        [exits.name, 4],
        ['inner', 2],
        ['true', 1],
        ['exit 0', 1],
      ],
    );
    assert.equal(report.ok, false);
  });

  it('is asked while its parts run', async () => {
    const action = new Remote('cat', bed.hosts);
    const report = new Report(action);
    assert.equal(report.stats().started, 0);
    assert.equal(report.stats().length, undefined);
    action.start();
    assert.equal(report.stats().started, 4);
    assert.equal(report.stats().end, undefined);
    await action.end().wait();
    assert.equal(report.stats().finishedOk, 4);
    assert.ok(report.ok);
  });

  it('fits 80 columns, whatever the names and failures', async () => {
    const long = {
      ...quiet,
      name: 'a name that is much longer than any table has room for, even a wide one'.repeat(2),
    };
    const actions = Array.from({ length: 12 }, (_, i) => new Local(`exit ${i * 11}`, long));
    const nested = new ParallelActions([
      new SequentialActions(actions),
      new Local('true', { name: 'two\nlines' }),
    ]);
    await nested.run();
    const report = new Report([nested, new Report([nested])], { name: 'all' });
    assert.ok(widest(report.toString()) <= 80, report.toString());
    assert.match(report.toString(), /…/);
    assert.match(report.toString(), / {4}two lines/);
    assert.ok(report.toString({ wide: true }).includes(long.name));
    for (const head of [
      'end',
      'errors',
      'timeouts',
      'forced kills',
      'expect failures',
      'write errors',
      'non-zero exits',
    ])
      assert.ok(report.toString({ wide: true }).split('\n')[0]?.includes(head), head);
    assert.ok(widest(report.toString({ wide: true })) > 150);
    const brief = report.toString({ brief: true });
    assert.match(brief, /^all /m);
    assert.doesNotMatch(brief, /two lines/);
    assert.equal(new Report().toString().split('\n').length, 3);
    assert.equal(inspect(report), report.toString());
  });

  it('is coloured when asked, and not otherwise here', async () => {
    const report = new Report(await new Local('exit 1', quiet).run());
    assert.notEqual(
      stripVTControlCharacters(report.toString({ color: true })),
      report.toString({ color: true }),
    );
    assert.equal(
      stripVTControlCharacters(report.toString({ color: true })),
      report.toString({ color: false }),
    );
    const { FORCE_COLOR, NO_COLOR } = process.env;
    try {
      delete process.env['FORCE_COLOR'];
      process.env['NO_COLOR'] = '1';
      assert.equal(report.toString(), report.toString({ color: false }));
      delete process.env['NO_COLOR'];
      process.env['FORCE_COLOR'] = '1';
      assert.equal(report.toString(), report.toString({ color: true }));
    } finally {
      for (const [key, value] of Object.entries({ FORCE_COLOR, NO_COLOR }))
        if (value === undefined) delete process.env[key];
        else process.env[key] = value;
    }
  });

  it('comes back from JSON', async () => {
    const remote = await new Remote(cmd`echo out ${['a', 'b']}; exit ${[0, 1]}`, bed.hosts, quiet).run();
    const unused = new Local('true');
    const report = new Report(
      [new SequentialActions([await new Local('false', quiet).run(), unused]), remote],
      { name: 'r' },
    );
    const json: unknown = JSON.parse(JSON.stringify(report));
    const again = Report.fromJSON(json);
    for (const options of [{}, { wide: true }, { brief: true }, { color: true }])
      assert.equal(again.toString(options), report.toString(options));
    assert.deepEqual(again.stats(), report.stats());
    assert.deepEqual(again.toJSON(), json);
    assert.deepEqual(Report.fromJSON(JSON.stringify(report)).toJSON(), json);
    const [, action] = report.toJSON().children!;
    assert.deepEqual(
      action?.children?.map(({ process: p }) => [p?.host, p?.stdout, p?.exitCode]),
      bed.hosts.map((host, i) => [String(host), `out ${'ab'[i % 2]}\n`, i % 2]),
    );
  });

  it('refuses what it cannot gather', () => {
    const report = new Report([new Report([], { name: 'inner' })]);
    const refused = (make: () => unknown, pattern: RegExp) =>
      assert.throws(make, (error: Error) => error instanceof InvalidArgument && pattern.test(error.message));
    refused(() => report.add(report), /part of itself/);
    refused(() => (report.parts[0] as Report).add(report), /part of itself/);
    refused(() => report.add(3 as never), /not 3/);
    refused(() => new Report(['x'] as never), /not "x"/);
    refused(() => new Report([], { nam: 'x' } as object), /unknown option "nam"/);
    refused(() => report.toString({ wid: true } as object), /did you mean 'wide'/);
    refused(() => Report.fromJSON({}), /format/);
    refused(() => Report.fromJSON('{'), /not JSON/);
    refused(() => Report.fromJSON({ ...report.toJSON(), children: [{}] }), /children\[0\]: format/);
  });
});
