import type { ProcessBase, StreamName } from '../process/index.js';
import type { Action } from './action.js';

/** Events of an action; those of its processes come with the process that they are about. */
export interface ActionEvents {
  start: (action: Action) => void;
  /** Everything that belongs to it has ended. */
  end: (action: Action) => void;
  reset: (action: Action) => void;
  /** The command of one of its processes runs. */
  processStart: (process: ProcessBase) => void;
  processEnd: (process: ProcessBase) => void;
  stdout: (chunk: Buffer, process: ProcessBase) => void;
  stderr: (chunk: Buffer, process: ProcessBase) => void;
  line: (line: string, stream: StreamName, process: ProcessBase) => void;
}

/** Events that begin at a process, and their names there. */
export const processEvents = {
  processStart: 'start',
  processEnd: 'end',
  stdout: 'stdout',
  stderr: 'stderr',
  line: 'line',
} as const;
export type ProcessEventName = keyof typeof processEvents;

export function isProcessEvent(event: keyof ActionEvents): event is ProcessEventName {
  return Object.hasOwn(processEvents, event);
}
