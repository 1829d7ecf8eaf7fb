import { inspect } from 'node:util';
import { painter } from './colors.js';
import { loadConfig } from './config.js';
import { exitCodes } from './exit-codes.js';

const secrets = new Set(['connectionParams.password', 'connectionParams.passphrase']);

/** `rookery config`: what the files say together, and which of them said it; no secrets. */
export async function config(options: { readonly json?: boolean }): Promise<number> {
  const { origins } = await loadConfig();
  const rows = origins.map(({ key, value, file }) => ({
    key,
    value: secrets.has(key) ? '(hidden)' : value,
    file,
  }));
  if (options.json) {
    process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    return exitCodes.ok;
  }
  const paint = painter(process.stdout);
  const width = Math.max(0, ...rows.map(({ key }) => key.length));
  for (const { key, value, file } of rows) {
    const shown = secrets.has(key) ? '(hidden)' : inspect(value, { breakLength: Infinity });
    process.stdout.write(`${paint('bold', key.padEnd(width))}  ${shown}  ${paint('dim', file)}\n`);
  }
  if (rows.length === 0)
    process.stdout.write(
      'no configuration: neither rookery.config.{ts,js,json} here or above, nor in ~/.config/rookery\n',
    );
  return exitCodes.ok;
}
