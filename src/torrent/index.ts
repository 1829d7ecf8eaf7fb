export { TorrentPut, type TorrentPutOptions } from './torrent-put.js';
export type { AgentProcess } from './agent-process.js';
