import { constants } from 'node:os';
import type { Ending } from './launcher.js';

/** How a local process ended, from the numbers that Node or a terminal gives. */
export function toEnding(code: number | null, signal: NodeJS.Signals | number | null): Ending {
  if (typeof signal === 'number') signal = signal > 0 ? signalName(signal) : null;
  return signal ? { kind: 'signal', signal } : { kind: 'exit', code: code ?? 0 };
}

/** The name of a signal by its number on this machine; `SIG70` for one without a name. */
export function signalName(number: number): NodeJS.Signals {
  const entry = Object.entries(constants.signals).find(([, n]) => n === number);
  return (entry?.[0] ?? `SIG${number}`) as NodeJS.Signals;
}
