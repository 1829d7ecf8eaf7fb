export { Testbed } from './testbed.js';
export { backendNames, type BackendName, type TestbedOptions, type EmbeddedOptions } from './options.js';
export type { TestbedProcess } from './process-table.js';
