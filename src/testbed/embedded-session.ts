import type { PseudoTtyInfo, ServerChannel, Session } from 'ssh2';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Visit } from './embedded-connection.js';
import { runOnPipes, runOnTerminal, type Run, type Start } from './embedded-run.js';
import { markVariable } from './endpoints.js';

const sftpServers = [
  '/usr/lib/openssh/sftp-server',
  '/usr/libexec/openssh/sftp-server',
  '/usr/libexec/sftp-server',
  '/usr/lib/ssh/sftp-server',
];

/** The client may have asked for no answer, in which case ssh2 gives no function to answer with. */
type Answer = (() => void) | undefined;

/** One session channel (RFC 4254, section 6): at most one command, shell or subsystem. */
export class EmbeddedSession {
  private readonly environment: NodeJS.ProcessEnv;
  private terminal: PseudoTtyInfo | undefined;
  private run: Run | undefined;
  private over = false;

  constructor(
    session: Session,
    private readonly visit: Visit,
  ) {
    const { site, endpoint, client, home } = visit;
    this.environment = {
      HOME: home,
      USER: site.user,
      LOGNAME: site.user,
      SHELL: this.shell,
      PATH: process.env['PATH'],
      SSH_CLIENT: `${client.address} ${client.port} ${endpoint.port}`,
      SSH_CONNECTION: `${client.address} ${client.port} ${endpoint.address} ${endpoint.port}`,
    };
    session.on('env', (accept, _reject, { key, val }) => {
      this.environment[key] = val;
      (accept as Answer)?.();
    });
    session.on('pty', (accept, _reject, info) => {
      this.terminal = info;
      (accept as Answer)?.();
    });
    session.on('window-change', (accept, _reject, { cols, rows }) => {
      this.run?.resize(cols, rows);
      (accept as Answer)?.();
    });
    session.on('signal', (accept, _reject, { name }) => {
      this.run?.signal(name);
      (accept as Answer)?.();
    });
    session.on('exec', (accept, _reject, { command }) => this.start(accept(), { args: ['-c', command] }));
    session.on('shell', (accept) => this.start(accept(), { args: [], argv0: `-${basename(this.shell)}` }));
    session.on('subsystem', (accept, reject, { name }) => {
      const program = name === 'sftp' ? sftpServers.find((file) => existsSync(file)) : undefined;
      if (program) this.start(accept(), { args: ['-c', program] });
      else (reject as Answer)?.();
    });
  }

  private get shell(): string {
    return this.visit.site.options.embedded?.shell ?? '/bin/sh';
  }

  private start(channel: ServerChannel, { args, argv0 }: { args: readonly string[]; argv0?: string }): void {
    const { site, home } = this.visit;
    const start: Start = {
      file: this.shell,
      argv0,
      args,
      cwd: home,
      env: { ...this.environment, [markVariable]: site.id },
      started: (pid) => site.reaper.watch(pid),
      ended: (pid) => site.reaper.gone(pid),
    };
    this.run = this.terminal ? runOnTerminal(channel, start, this.terminal) : runOnPipes(channel, start);
    if (this.over) this.run.hangUp();
  }

  /** The client has closed the channel or vanished. Like sshd, this closes the pipes of the command and lets it live. */
  hangUp(): void {
    this.over = true;
    this.run?.hangUp();
  }
}
