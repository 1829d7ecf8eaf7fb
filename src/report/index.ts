export { gatherOutput, type OutputGroup } from './gather.js';
export { Report, type ReportPart } from './report.js';
export type { ProcessJSON, ReportJSON, StatsJSON } from './snapshot.js';
export type { TableOptions } from './table.js';
