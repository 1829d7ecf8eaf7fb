// A long-running role: a process of its own, which lives on when the connection and the controller are gone.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { Tracker } from '../../tracker.js';
import { treeVariable } from '../../../util/index.js';
import type { Report } from '../../control.js';
import type { MurderOrder, Registration, RoleTask } from '../../murder-control.js';
import { AgentError } from '../error.js';
import type { Agent } from '../agent.js';
import { State } from './state.js';

interface RoleInput {
  readonly temp: string;
  readonly task: RoleTask;
}

/**
 * Starts a role and hands on what it says, until `until` is said; it lives on then. Resolves with that report, rejects when it
 * ends before.
 */
export function startRole(
  order: MurderOrder,
  task: RoleTask,
  until: Report['type'],
  handOn: (report: Report) => void,
): Promise<Report> {
  const code = join(order.codeFolder, order.codeName);
  if (!existsSync(code))
    throw new AgentError(
      'ERR_TRANSFER',
      `the code of Murder is not in ${order.codeFolder}: distributeFiles() first`,
    );
  const state = State.open(order.temp);
  const name = 'tag' in task ? `${task.role}-${task.tag}` : task.role;
  const log = openSync(state.path(`log-${name}`), 'w', 0o600);
  const child = spawn(
    process.execPath,
    ['-e', 'require(require("path").resolve(process.argv[1])).role()', code, 'rookery-murder', name],
    { detached: true, stdio: ['pipe', 'pipe', log], env: environment() },
  ) as ChildProcessByStdio<Writable, Readable, null>;
  closeSync(log);
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify({ temp: order.temp, task } satisfies RoleInput));
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop() as string;
      for (const line of lines) {
        const report = JSON.parse(line) as Report;
        if (report.type === 'failed') reject(new AgentError(report.code, report.message));
        else if (report.type === until) resolve(report);
        else handOn(report);
      }
    });
    child.once('error', reject);
    child.once('close', (exitCode, signal) =>
      reject(
        new AgentError('ERR_TRANSFER', `the ${task.role} was stopped (${signal ?? `exit ${exitCode}`})`),
      ),
    );
  });
}

/** Without our mark, and without that of the connection, by which it would be ended together with this step. */
function environment(): NodeJS.ProcessEnv {
  const env = Object.entries(process.env).filter(
    ([key]) => key !== treeVariable && !key.startsWith('SSH_') && key !== 'ROOKERY_MURDER_CONNECTION',
  );
  return { ...Object.fromEntries(env), ROOKERY_MURDER_CONNECTION: process.env['SSH_CONNECTION'] };
}

/** Called in the process of the role. */
export function runRole(makeAgent: () => Agent): void {
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  process.on('SIGHUP', () => undefined);
  const parts: Buffer[] = [];
  process.stdin.on('data', (part: Buffer) => parts.push(part));
  process.stdin.once('end', () => {
    const { temp, task } = JSON.parse(Buffer.concat(parts).toString()) as RoleInput;
    const state = State.open(temp, process.env['ROOKERY_MURDER_CONNECTION']);
    const agent = makeAgent();
    agent.catchAll();
    if (task.role === 'tracker') track(task, state, agent).catch((error: unknown) => agent.fail(error));
    else take(task, state, agent).catch((error: unknown) => agent.fail(error));
  });
}

async function track(
  task: Extract<RoleTask, { role: 'tracker' }>,
  state: State,
  agent: Agent,
): Promise<void> {
  const nameOf = (infoHash: Buffer) => `torrent-${infoHash.toString('hex')}.json`;
  const tracker = new Tracker({
    lookUp: (infoHash) => state.read<Registration>(nameOf(infoHash))?.members,
  });
  // Told when files were cleaned away.
  process.on('SIGHUP', () => tracker.keep((infoHash) => existsSync(state.path(nameOf(infoHash)))));
  const port = await tracker.listen(task.address, task.port).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new AgentError('ERR_TRANSFER', `the tracker cannot listen on port ${task.port}: ${why}`);
  });
  state.enter('tracker', { port });
  process.on('exit', () => state.leave({ role: 'tracker' }, process.pid));
  agent.say({ type: 'ready', port, done: 0 });
}

async function take(
  task: Extract<RoleTask, { role: 'seeder' | 'peer' }>,
  state: State,
  agent: Agent,
): Promise<void> {
  const { role, tag, job, paths, seedAfter } = task;
  state.enter(role, { tag });
  process.on('exit', () => state.leave({ role, tag }, process.pid));
  agent.onPlaced = () => setTimeout(() => agent.leave(0), seedAfter);
  if (role === 'seeder') agent.offerFiles(paths.map((path) => Buffer.from(path, 'base64')));
  await agent.obey(job);
  await agent.obey({ type: 'go' });
}
