import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as rookery from 'rookery';

test('the package exports these names', () => {
  assert.deepEqual(Object.keys(rookery).sort(), [
    ...[
      'Action',
      'ActionsFailed',
      'ChainPut',
      'FilesStore',
      'Get',
      'Host',
      'InvalidArgument',
      'Local',
      'Murder',
      'ParallelActions',
      'ParamSweeper',
      'Process',
    ],
    ...[
      'ProcessBase',
      'ProcessesFailed',
      'Put',
      'RedisStore',
      'Remote',
      'Report',
      'RookeryError',
      'SequentialActions',
      'SshProcess',
    ],
    ...[
      'Testbed',
      'TorrentPut',
      'closeConnections',
      'cmd',
      'configureLogger',
      'defaults',
      'errorCodes',
      'filterBadHosts',
    ],
    ...[
      'foldHosts',
      'formatDuration',
      'gatherOutput',
      'geom',
      'hostList',
      'hostListFromFile',
      'igeom',
      'parseDuration',
      'raw',
      'showProgress',
      'sweep',
      'waitAllActions',
    ],
    'waitAnyActions',
  ]);
});
