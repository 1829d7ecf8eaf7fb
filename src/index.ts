export * from './util/public.js';
export { closeConnections, defaults, foldHosts, Host, hostList, hostListFromFile } from './host/index.js';
export type { ConnectionParams, HostLike, HostSpec } from './host/index.js';
export { cmd, Process, ProcessBase, ProcessesFailed, raw, SshProcess } from './process/index.js';
export type {
  Command,
  ExpectOptions,
  ExpectResult,
  KillOptions,
  OutputHandler,
  ProcessOptions,
  SshProcessOptions,
  Stats,
} from './process/index.js';
export {
  Action,
  ActionFactory,
  ActionsFailed,
  ChainPut,
  filterBadHosts,
  Get,
  getFileget,
  getFileput,
  getRemote,
  Local,
  ParallelActions,
  Put,
  Remote,
  SequentialActions,
  showProgress,
  TaktukGet,
  TaktukPut,
  TaktukRemote,
  waitAllActions,
  waitAnyActions,
} from './action/index.js';
export type {
  ActionFactoryOptions,
  ProgressDisplay,
  ProgressOptions,
  TaktukOptions,
  TaktukRemoteOptions,
} from './action/index.js';
export { Testbed } from './testbed/index.js';
export { gatherOutput, Report } from './report/index.js';
export type { OutputGroup, ReportJSON, TableOptions } from './report/index.js';
export {
  Engine,
  experiment,
  FilesStore,
  geom,
  igeom,
  ParamSweeper,
  RedisStore,
  sweep,
} from './experiment/index.js';
export type {
  AnyCombination,
  Combination,
  CombinationState,
  ExperimentOptions,
  ExperimentRecord,
  FilesStoreOptions,
  Level,
  OptionSpec,
  OptionSpecs,
  OptionValues,
  Parameters,
  RedisStoreOptions,
  ResetOptions,
  RunRecord,
  SweepOptions,
  SweepStats,
  SweepStore,
} from './experiment/index.js';
export { Murder, TorrentPut } from './torrent/index.js';
export type { MurderOptions, MurderRoles, TorrentPutOptions } from './torrent/index.js';
