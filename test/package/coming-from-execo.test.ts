import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as rookery from 'rookery';

const root = new URL('../../../', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, root), 'utf8');
const rows = read('docs/coming-from-execo.md')
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map(
    (line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()) as [string, string, string],
  )
  .filter(([name]) => name.includes('`'));
const namesIn = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string);

/** What `import *` gives there, in execo 2.6. */
const theirs = {
  execo: `logger configuration default_connection_params SSH TAKTUK SCP CHAINPUT sleep Timer format_date
    format_duration get_seconds get_unixts Host Process SshProcess get_process ProcessLifecycleHandler ProcessOutputHandler
    PortForwarder Serial SerialSsh STDOUT STDERR ExpectOutputHandler Action wait_any_actions wait_all_actions Remote Put Get
    TaktukRemote TaktukPut TaktukGet Local ParallelActions SequentialActions default_action_factory get_remote get_fileput
    get_fileget ActionLifecycleHandler ChainPut filter_bad_hosts RemoteSerial Report ProcessesFailed ActionsFailed __version__`,
  execo_engine: `logger Engine slugify redirect_outputs copy_outputs HashableDict sweep ParamSweeper geom igeom sweep_stats`,
};

test('each name of execo is in the table', () => {
  const there = new Set(rows.flatMap(([name]) => namesIn(name)));
  const missing = Object.values(theirs).flatMap((names) =>
    names.split(/\s+/).filter((name) => !there.has(name)),
  );
  assert.deepEqual(missing, []);
});

test('each name that the table gives exists', () => {
  const types = new Set(read('src/index.ts').match(/\w+/g));
  let checked = 0;
  for (const [theirName, ours, differs] of rows) {
    assert.notEqual(differs, '', theirName);
    if (ours === '—') continue;
    assert.notDeepEqual(namesIn(ours), [], theirName);
    for (const name of namesIn(ours)) {
      const [top, member] = name.split('.') as [string, string?];
      const value = (rookery as unknown as Record<string, { prototype: object } | undefined>)[top];
      assert.ok(value !== undefined || types.has(top), `${theirName}: there is no ${top}`);
      if (member !== undefined) assert.ok(member in value!.prototype, `${theirName}: there is no ${name}`);
      checked++;
    }
  }
  assert.ok(checked > 60);
});
