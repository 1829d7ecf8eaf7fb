// The agent: one bundled file, which runs on a host under Node ≥ 18, takes orders on stdin and reports on stdout, as JSON lines.
import type { Order } from '../control.js';
import { Agent } from './agent.js';
import { runRole } from './murder/role.js';

/** Called by the bootstrap with what has come on stdin beyond the code of the agent. */
export function run(rest: Buffer): void {
  const agent = new Agent();
  agent.catchAll();
  process.on('SIGHUP', () => agent.leave(1));
  process.stdout.on('error', () => agent.leave(1));
  let text = Buffer.alloc(0);
  let busy = Promise.resolve();
  const parts: Buffer[] = [];
  const take = (chunk: Buffer) => {
    parts.push(chunk);
    if (!chunk.includes(10)) return;
    text = Buffer.concat(parts.splice(0));
    for (let end = text.indexOf(10); end >= 0; end = text.indexOf(10)) {
      const order = JSON.parse(text.toString('utf8', 0, end)) as Order;
      text = text.subarray(end + 1);
      if (order.type === 'end') agent.leave(0);
      else busy = busy.then(() => agent.obey(order)).catch((error: unknown) => agent.fail(error));
    }
    if (text.length > 0) parts.push(text);
  };
  // The end of input is the end of the controller.
  process.stdin.on('end', () => agent.leave(1));
  process.stdin.on('data', take);
  process.stdin.resume();
  agent.say({ type: 'hello', connection: process.env['SSH_CONNECTION'] ?? '', version: process.version });
  if (rest.length > 0) take(rest);
}

/** Called in the process of a long-running role of Murder. */
export function role(): void {
  runRole(() => new Agent());
}
