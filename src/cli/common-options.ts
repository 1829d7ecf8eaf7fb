import { writeFileSync } from 'node:fs';
import type { Action } from '../action/index.js';
import type { Host } from '../host/index.js';
import { InvalidArgument, parseDuration, RookeryError, show } from '../util/index.js';
import { painter } from './colors.js';
import { describeFailures } from './failures.js';
import type { HostOptions } from './host-options.js';
import { connectionParams, toCount } from './hosts.js';

/** Options of all commands that run an action. */
export interface CommonOptions extends HostOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly failedTo?: string;
  readonly report?: string;
  readonly concurrency?: string;
  readonly timeout?: string;
  readonly var?: readonly string[];
}

/** What they say to the action. */
export function commonOptions(options: CommonOptions) {
  const { concurrency, timeout } = options;
  return {
    connectionParams: connectionParams(options),
    ...(concurrency === undefined ? {} : { concurrency: toCount('--concurrency', concurrency) }),
    ...(timeout === undefined ? {} : { timeout: parseDuration(timeout, '--timeout') }),
    vars: Object.fromEntries((options.var ?? []).map(toVar)),
    // They are told at the end, by cause.
    ...{ logExitCode: false, logTimeout: false, logError: false, logWriteError: false },
  };
}

function toVar(text: string): [string, string[]] {
  const [, name, values] = /^(\w+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || values === undefined)
    throw new InvalidArgument(`--var must be name=value,value,…, not ${show(text)}`);
  return [name, values.split(',')];
}

/** The list of failures, and the files that were asked for. */
export async function finish(
  action: Action,
  names: ReadonlyMap<Host, string>,
  options: Pick<CommonOptions, 'quiet' | 'failedTo' | 'report'>,
): Promise<void> {
  const { processes } = action;
  if (!options.quiet) process.stderr.write(describeFailures(processes, names, painter(process.stderr)));
  if (options.failedTo !== undefined) {
    const failed = processes.filter((p) => !p.ok).map((p) => `${String(p.host)}\n`);
    writeOut('--failed-to', options.failedTo, failed.join(''));
  }
  if (options.report !== undefined) {
    const { Report } = await import('../report/index.js');
    const report = new Report(action, { name: action.name });
    writeOut('--report', options.report, JSON.stringify(report));
  }
}

function writeOut(option: string, file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw new RookeryError('ERR_OUTPUT_HANDLER', `${option}: cannot write ${file}: ${String(cause)}`, {
      cause,
    });
  }
}
