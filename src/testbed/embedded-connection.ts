import { timingSafeEqual } from 'node:crypto';
import { connect, createServer, type AddressInfo, type NetConnectOpts, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, { type AuthContext, type AuthenticationType, type Connection, type ServerChannel } from 'ssh2';
import type { Endpoint, Site } from './backend.js';
import { EmbeddedSession } from './embedded-session.js';

/** What one connection to an embedded host needs to know. */
export interface Visit {
  readonly site: Site;
  /** The host. */
  readonly endpoint: Endpoint;
  readonly client: Endpoint;
  /** Folder of the host. */
  readonly home: string;
}

/** As MaxAuthTries of sshd_config(5). */
const maxAuthTries = 6;

export function serveConnection(connection: Connection, visit: Visit): void {
  const { site, endpoint } = visit;
  const maxSessions = site.options.embedded?.maxSessions ?? 10;
  const sessions = new Set<EmbeddedSession>();
  const forwards = new Map<string, Server>();
  let failures = 0;
  connection.on('error', (error) => site.log(`${endpoint.address}: ${error.message}`));
  connection.on('authentication', (context) => {
    authenticate(context, site, () => {
      site.log(
        `${endpoint.address}: Failed ${context.method} for ${context.username} from ${visit.client.address}`,
      );
      if (++failures >= maxAuthTries) connection.end();
    });
  });
  connection.on('session', (accept, reject) => {
    if (sessions.size >= maxSessions) return reject();
    const channel = accept();
    const session = new EmbeddedSession(channel, visit);
    sessions.add(session);
    channel.on('close', () => {
      sessions.delete(session);
      session.hangUp();
    });
  });
  connection.on('tcpip', (accept, reject, { destIP, destPort }) => {
    join({ host: destIP, port: destPort }, accept, reject);
  });
  connection.on('openssh.streamlocal', (accept, reject, { socketPath }) =>
    join({ path: socketPath }, accept, reject),
  );
  connection.on('request', (accept, reject, name, info) => {
    if (name === 'tcpip-forward' && 'bindPort' in info)
      forwardBack(connection, forwards, info, accept, reject);
    else if (name === 'cancel-tcpip-forward' && 'bindPort' in info) {
      forwards.get(`${info.bindAddr}:${info.bindPort}`)?.close();
      forwards.delete(`${info.bindAddr}:${info.bindPort}`);
      accept?.();
    } else reject?.();
  });
  connection.on('close', () => {
    for (const session of sessions) session.hangUp();
    for (const server of forwards.values()) server.close();
  });
}

function authenticate(context: AuthContext, site: Site, failed: () => void): void {
  const { password } = site.options.embedded ?? {};
  const methods: AuthenticationType[] = ['publickey'];
  if (password !== undefined) methods.push('password', 'keyboard-interactive');
  const refuse = (): void => {
    context.reject(methods);
    if (context.method !== 'none') failed();
  };
  if (context.username !== site.user) return refuse();
  if (context.method === 'publickey') {
    const key = ssh2.utils.parseKey(site.authorizedKey);
    if (key instanceof Error || !key.getPublicSSH().equals(context.key.data)) return refuse();
    // Without a signature, the client only asks whether the key would do.
    if (!context.signature) return context.accept();
    const valid = key.verify(context.blob ?? Buffer.alloc(0), context.signature, context.hashAlgo);
    return valid === true ? context.accept() : refuse();
  }
  if (password !== undefined && context.method === 'password') {
    return same(context.password, password) ? context.accept() : refuse();
  }
  if (password !== undefined && context.method === 'keyboard-interactive') {
    context.prompt({ prompt: 'Password: ', echo: false }, (answers) => {
      if (same(String(answers[0] ?? ''), password)) context.accept();
      else refuse();
    });
    return;
  }
  refuse();
}

function same(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Forwards a channel that the client opened (direct-tcpip, RFC 4254 section 7.2) to where it asked for. */
function join(target: NetConnectOpts, accept: () => ServerChannel, reject: () => void): void {
  const socket = connect({ ...target, allowHalfOpen: true });
  socket.setNoDelay(true).unref();
  socket.once('error', reject);
  socket.once('connect', () => {
    socket.off('error', reject);
    couple(accept(), socket);
  });
}

function couple(a: Duplex, b: Duplex): void {
  const end = (): void => {
    a.destroy();
    b.destroy();
  };
  a.on('error', end).on('close', end).pipe(b);
  b.on('error', end).on('close', end).pipe(a);
}

/** Listens for the client (tcpip-forward, RFC 4254 section 7.1), like sshd with `GatewayPorts no` on loopback only. */
function forwardBack(
  connection: Connection,
  forwards: Map<string, Server>,
  { bindAddr, bindPort }: ssh2.TcpipBindInfo,
  accept: ((port?: number) => void) | undefined,
  reject: (() => void) | undefined,
): void {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.unref();
    const from = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    connection.forwardOut(
      bindAddr,
      (server.address() as AddressInfo).port,
      from.address,
      from.port,
      (error, channel) => {
        if (error) socket.destroy();
        else couple(channel, socket);
      },
    );
  });
  server.unref();
  server.once('error', () => reject?.());
  server.listen(bindPort, bindAddr.startsWith('127.') ? bindAddr : '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    forwards.set(`${bindAddr}:${port}`, server);
    accept?.(port);
  });
}
