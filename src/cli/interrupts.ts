import { registry } from '../process/index.js';
import { signalCodes } from './exit-codes.js';

const signals = Object.keys(signalCodes) as (keyof typeof signalCodes)[];

/**
 * While a command runs: at the first interrupt what it started is ended and waited for, so that it can still tell what there is; at
 * the second it leaves at once. What runs on hosts then ends with the connections.
 */
export class Interrupts implements Disposable {
  #code: number | undefined;
  readonly #stop: () => void;

  constructor(stop: () => void) {
    this.#stop = stop;
    registry.setHandling(false);
    for (const signal of signals) process.on(signal, this.#onSignal);
  }

  /** The exit code that an interrupt asks for; undefined when there was none. */
  get code(): number | undefined {
    return this.#code;
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    const code = signalCodes[signal as keyof typeof signalCodes];
    if (this.#code !== undefined) process.exit(code);
    this.#code = code;
    this.#stop();
    process.stderr.write('rookery: interrupted; ending what runs (once more: leave at once)\n');
  };

  [Symbol.dispose](): void {
    for (const signal of signals) process.off(signal, this.#onSignal);
    registry.setHandling(true);
  }
}
