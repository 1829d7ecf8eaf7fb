export { Host, type HostLike, type HostSpec } from './host.js';
export { checkConnectionParams, defaults, type ConnectionParams } from './connection-params.js';
export type { HostKeyPolicy, Target, TransportName } from './target.js';
