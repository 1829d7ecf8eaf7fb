import { formatDuration } from '../util/index.js';
import type { ProcessBase } from './base.js';

/** The kind of failure under which a process is counted; undefined when nothing failed. */
export function failureKind(p: ProcessBase): string | undefined {
  if (p.timedOut) return 'timeout';
  if (p.killed) return 'killed';
  if (p.error) return p.error.code;
  if (p.ended && p.signal) return `signal ${p.signal}`;
  if (p.ended && p.exitCode) return `exit ${p.exitCode}`;
  if (p.expectFailed) return 'expect';
  if (p.writeFailed) return 'write';
  return undefined;
}

/** One line on where it stands, without its name. */
export function describeOutcome(p: ProcessBase): string {
  if (p.state === 'created') return 'not started';
  if (!p.started) return `${p.timedOut ? 'timeout' : 'killed'} before it was started`;
  const length = formatDuration((p.endDate?.getTime() ?? Date.now()) - (p.startDate?.getTime() ?? 0));
  const pid = p.pid === undefined ? '' : `, pid ${p.pid}`;
  if (p.running) return `running for ${length}${pid}`;
  const parts = [outcome(p), `in ${length}`];
  if (p.forcedKill) parts.push('(SIGKILL was needed)');
  if (p.killConfirmed === false) {
    parts.push(
      p.escaped.length > 0 ? `(still alive: ${p.escaped.join(', ')})` : '(its end could not be confirmed)',
    );
  }
  if (p.expectFailed) parts.push('(expect failed)');
  if (p.writeFailed) parts.push('(stdin not fully taken)');
  if (p.truncated) parts.push('(output truncated)');
  return parts.join(' ');
}

function outcome(p: ProcessBase): string {
  if (p.timedOut) return 'timeout';
  if (p.killed) return 'killed';
  if (p.error) return `${p.error.code}: ${p.error.message}`;
  return p.signal ? `signal ${p.signal}` : `exit ${p.exitCode}`;
}

/** The whole of it for people. */
export function dumpProcess(p: ProcessBase): string {
  const indent = (text: string) => text.replace(/\n$/, '').replaceAll(/^/gm, '    ');
  const lines = [p.toString(), `  command: ${p.command}`];
  if (p.startDate) lines.push(`  start: ${p.startDate.toISOString()}`);
  if (p.endDate) lines.push(`  end: ${p.endDate.toISOString()}`);
  for (const name of ['stdout', 'stderr'] as const) {
    if (p[name] !== '') lines.push(`  ${name}:`, indent(p[name]));
  }
  return lines.join('\n');
}
