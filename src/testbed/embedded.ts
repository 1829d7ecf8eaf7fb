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
  const sockets = new Set<Socket>();
  const servers: Server[] = [];
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(servers.map(close));
  };
  try {
    const stations = await Promise.all(
      endpoints.map(async (endpoint, index): Promise<Station> => {
        const hostKey = makeKey('ed25519');
        const server = acceptSockets(sockets, sshServer(site, endpoint, index, hostKey.private));
        servers.push(server);
        server.listen(endpoint.port, endpoint.address);
        await once(server, 'listening');
        server.on('error', (error) => site.log(`${endpoint.address}: ${error.message}`));
        server.unref();
        return { ...endpoint, hostKeys: [hostKey.public] };
      }),
    );
    return { stations, connections: () => [], stop };
  } catch (error) {
    await stop();
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
      throw new AddressInUse('address in use', { cause: error });
    throw error;
  }
}

function sshServer(site: Site, endpoint: Endpoint, index: number, hostKey: string): ssh2.Server {
  const { banner } = site.options.embedded ?? {};
  const server = new ssh2.Server({
    hostKeys: [hostKey],
    keepaliveInterval: never,
    ...(banner === undefined ? {} : { banner }),
  });
  server.on('connection', (connection, client) => {
    serveConnection(connection, {
      site,
      endpoint,
      client: { address: client.ip, port: client.port },
      home: site.home(index),
    });
  });
  return server;
}

/** ssh2 would make its own sockets, with Nagle's algorithm on, and keep them to itself. */
function acceptSockets(sockets: Set<Socket>, server: ssh2.Server): Server {
  return createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.unref();
    socket.on('close', () => sockets.delete(socket));
    (server as ssh2.Server & { injectSocket(socket: Socket): void }).injectSocket(socket);
  });
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  await closed;
}
