export { GetProcess, type GetTask } from './get-process.js';
export { PutPlan } from './put-plan.js';
export { PutProcess, type PutTask } from './put-process.js';
export type { Verification } from './put-script.js';
export type { Progress } from './progress.js';
