import { randomInt } from 'node:crypto';
import type { Endpoint } from './backend.js';

/** Environment variable that marks every process of a testbed, with the id of the testbed as its value. */
export const markVariable = 'ROOKERY_TESTBED';

/** Linux answers on all of 127.0.0.0/8; other systems on 127.0.0.1 alone, so that hosts differ by their port there. */
export const manyAddresses = process.platform === 'linux';

/**
 * Addresses for `count` hosts, at random, so that testbeds side by side seldom meet.
 * The port lies below the range from which systems take those of outgoing connections.
 */
export function pickEndpoints(count: number): Endpoint[] {
  if (!manyAddresses) {
    const first = randomInt(20_000, 32_000 - Math.min(count, 10_000));
    return Array.from({ length: count }, (_, i) => ({ address: '127.0.0.1', port: first + i }));
  }
  const port = randomInt(20_000, 32_000);
  const firstNetwork = randomInt(16 * 256, 240 * 256);
  return Array.from({ length: count }, (_, i) => {
    const network = firstNetwork + Math.floor(i / 254);
    return { address: `127.${network >> 8}.${network & 255}.${(i % 254) + 1}`, port };
  });
}

/** Thrown by an attempt to listen on addresses or ports that are taken. */
export class AddressInUse extends Error {}

/** Calls `attempt` with fresh endpoints until it does not end with {@link AddressInUse}; gives up after ten. */
export async function withFreeEndpoints<T>(
  count: number,
  attempt: (endpoints: Endpoint[]) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt(pickEndpoints(count));
    } catch (error) {
      if (!(error instanceof AddressInUse) || tries === 10) throw error;
    }
  }
}
