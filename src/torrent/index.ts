export { TorrentPut } from './torrent-put.js';
export type { TorrentPutOptions } from './torrent-put-options.js';
export type { AgentProcess } from './agent-process.js';
export { Murder } from './murder.js';
export type { MurderOptions, MurderRoles } from './murder-options.js';
