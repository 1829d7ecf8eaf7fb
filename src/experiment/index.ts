export type { AnyCombination, Level } from './combination.js';
export { geom, igeom, sweep } from './sweep.js';
export type { Combination, Parameters, SweepOptions } from './sweep.js';
export { FilesStore } from './files-store.js';
export type { FilesStoreOptions } from './files-store.js';
export { ParamSweeper } from './param-sweeper.js';
export type { SweepStats } from './param-sweeper.js';
export type { CombinationState, ResetOptions, SweepStore } from './store.js';
