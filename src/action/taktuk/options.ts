import { checkOptions, InvalidArgument, isCount, type Check } from '../../util/index.js';
import { transferChecks, type TransferOptions } from '../transfer-options.js';

/** What the actions through TakTuk have besides the options of those over SSH. */
export interface TaktukOptions {
  /**
   * How many hosts each host of TakTuk's tree contacts at most; 0, the default, leaves it to TakTuk; `false` makes no tree:
   * all hosts are contacted from here.
   */
  arity?: number | false | undefined;
}
export const taktukChecks: { readonly [K in keyof Required<TaktukOptions>]: Check } = {
  arity: (v) => (v === false || isCount(v) === undefined ? undefined : 'a whole number ≥ 0, or false'),
};
export const arityOf = ({ arity }: TaktukOptions): number => (arity === false ? -1 : (arity ?? 0));

/** Options that have no meaning through TakTuk are refused, with what to use in place of it. */
export function refuse<T extends object>(
  what: string,
  options: T,
  names: readonly (keyof T & string)[],
  other: string,
): void {
  for (const name of names) {
    if (![undefined, false, 'ignore'].includes(options[name] as undefined))
      throw new InvalidArgument(`${what}: option ${name} cannot be had through TakTuk; use ${other}`);
  }
}

const transferAndTaktukChecks: { readonly [K in keyof Required<TransferOptions & TaktukOptions>]: Check } = {
  ...transferChecks,
  ...taktukChecks,
};

/** Checks the options of a copy through TakTuk. */
export function checkTaktukOptions(
  what: string,
  options: TransferOptions & TaktukOptions,
  other: string,
): TransferOptions & { arity: TaktukOptions['arity'] } {
  checkOptions<TransferOptions & TaktukOptions>(what, options, transferAndTaktukChecks);
  refuse(what, options, ['detached'], other);
  // TakTuk itself decides how many hosts it contacts at a time.
  const { concurrency: _concurrency, ...own } = options;
  return { ...own, arity: options.arity };
}
