import { once } from 'node:events';
import { createServer } from 'node:net';
import { InvalidArgument, show } from './errors.js';

/** Ports that were given out, until then: their users need a moment to listen. */
const given = new Map<number, number>();
/** For so many milliseconds a port is not given out again. */
const kept = 30_000;

/**
 * A TCP port of this machine on which nobody listens, chosen by the system; not the same again for a while.
 * @param address the address that it is to be free on. Default 127.0.0.1.
 */
export async function getPort(address = '127.0.0.1'): Promise<number> {
  if (typeof address !== 'string' || address === '')
    throw new InvalidArgument(`getPort(): the address must be text, not ${show(address)}`);
  for (const [port, until] of given) if (until < performance.now()) given.delete(port);
  for (;;) {
    const server = createServer();
    server.listen(0, address);
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    if (given.has(port)) continue;
    given.set(port, performance.now() + kept);
    return port;
  }
}
