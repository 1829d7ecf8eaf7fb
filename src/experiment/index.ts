export type { AnyCombination, Level } from './combination.js';
export { geom, igeom, sweep } from './sweep.js';
export type { Combination, Parameters, SweepOptions } from './sweep.js';
