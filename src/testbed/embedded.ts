import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import ssh2 from 'ssh2';
import type { Backend, Endpoint, RunningServers, Site, Station } from './backend.js';
import { serveConnection } from './embedded-connection.js';
import { AddressInUse, withFreeEndpoints } from './endpoints.js';
import { makeKey } from './folder.js';

/** Longest interval that a Node timer holds: sshd probes its clients by default just as little (ClientAliveInterval 0). */
const never = 2 ** 31 - 1;

/** SSH servers in this process. They do not keep it running: a script that is done ends. */
export const embedded: Backend = {
  name: 'embedded',
  unusable: () => (process.platform === 'win32' ? 'the embedded testbed needs a POSIX system' : undefined),
  start: (site) => withFreeEndpoints(site.options.hosts, (endpoints) => startServers(site, endpoints)),
};

async function startServers(site: Site, endpoints: readonly Endpoint[]): Promise<RunningServers> {
  const doors = endpoints.map((endpoint, index) => new Door(site, endpoint, index));
  const stop = async (): Promise<void> => {
    await Promise.all(doors.map((door) => door.close()));
  };
  try {
    await Promise.all(doors.map((door) => door.listen()));
    return {
      stations: doors.map((door) => door.station),
      connections: () => [],
      crash: async (index) => doors[index]?.close(),
      stop,
    };
  } catch (error) {
    await stop();
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
      throw new AddressInUse('address in use', { cause: error });
    throw error;
  }
}

/** One host: its listening socket, its SSH server and its connections. */
class Door {
  readonly station: Station;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(
    private readonly site: Site,
    private readonly endpoint: Endpoint,
    index: number,
  ) {
    const hostKey = makeKey('ed25519');
    this.station = { ...endpoint, hostKeys: [hostKey.public] };
    const { banner } = site.options.embedded ?? {};
    const config = {
      hostKeys: [hostKey.private],
      keepaliveInterval: never,
      ...(banner === undefined ? {} : { banner }),
    };
    const ssh = new ssh2.Server(config, (connection, { ip, port }) => {
      serveConnection(connection, { site, endpoint, client: { address: ip, port }, home: site.home(index) });
    }) as ssh2.Server & { injectSocket(socket: Socket): void };
    // ssh2 would make its own sockets, with Nagle's algorithm on, and keep them to itself.
    this.server = createServer({ noDelay: true }, (socket) => {
      this.sockets.add(socket);
      socket.unref();
      socket.on('close', () => this.sockets.delete(socket));
      ssh.injectSocket(socket);
    });
  }

  async listen(): Promise<void> {
    const { address, port } = this.endpoint;
    this.server.listen(port, address);
    await once(this.server, 'listening');
    this.server.on('error', (error) => this.site.log(`${address}: ${error.message}`));
    this.server.unref();
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    await closed;
  }
}
