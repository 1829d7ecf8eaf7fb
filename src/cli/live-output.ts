import type { Host } from '../host/index.js';
import type { ProcessBase, ProcessOptions } from '../process/index.js';
import { hostStyles, painter } from './colors.js';
import { LineWriter } from './line-writer.js';

/** Handlers that show each line as it comes, after the name of its host: stdout to stdout, stderr to stderr. */
export function liveHandlers(names: ReadonlyMap<Host, string>): {
  options: Pick<ProcessOptions, 'stdoutHandlers' | 'stderrHandlers'>;
  flush: () => void;
} {
  const writer = new LineWriter();
  const order = new Map([...names.keys()].map((host, i) => [host, i]));
  const handler = (stream: NodeJS.WriteStream) => {
    const paint = painter(stream);
    const prefix = (host: Host) => {
      const style = hostStyles[(order.get(host) ?? 0) % hostStyles.length] ?? 'cyan';
      return paint(style, `${names.get(host) ?? host.toString()}:`);
    };
    const prefixes = new Map<Host, string>([...names.keys()].map((host) => [host, prefix(host)]));
    return {
      onLine: (line: string, { host }: ProcessBase) =>
        writer.write(stream, `${prefixes.get(host as Host) ?? prefix(host as Host)} ${line}`),
    };
  };
  return {
    options: { stdoutHandlers: handler(process.stdout), stderrHandlers: handler(process.stderr) },
    flush: () => writer.flush(),
  };
}
