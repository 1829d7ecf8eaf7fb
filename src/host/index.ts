export { Host, type HostLike, type HostSpec } from './host.js';
export { checkConnectionParams, defaults, type ConnectionParams } from './connection-params.js';
export type { HostKeyPolicy, Target, TransportName } from './target.js';
export type { Channel, ChannelEnd, ChannelOptions, Connection } from './channel.js';
export { closeConnections, poolOf } from './pool.js';
export { posixDialect, type ShellDialect } from './shell-dialect.js';
export type { Warden } from './warden.js';
