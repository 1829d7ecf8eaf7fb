import { placeScript } from '../transfer/index.js';
import { bootstrap, nodeNames, remoteAgent } from './agent-code.js';
import type { Engine } from './control.js';
import { stockScript } from './stock-script.js';

/** What is run on a host. All but `'agent'` say first which engine it is, and get what belongs to it then. */
export function remoteEngine(engine: Engine | 'auto'): readonly string[] {
  if (engine === 'agent') return remoteAgent;
  return ['/bin/sh', '-c', stockScript, 'rookery-torrent', engine, bootstrap, placeScript, nodeNames];
}
