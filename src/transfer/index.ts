export { GetProcess, type GetTask } from './get-process.js';
export { PutPlan } from './put-plan.js';
export { PutProcess, type PutTask } from './put-process.js';
export type { Verification } from './put-script.js';
export { scanSources, type SourceEntry } from './source-tree.js';
export { ProgressMeter } from './progress.js';
export { lastLines } from './last-lines.js';
export type { Progress } from './progress.js';
export { placeScript } from './put-script.js';
