import type { Readable } from 'node:stream';

/** The last lines that a stream brings, on one line, once it is at its end. */
export function lastLines(stream: Readable | undefined): Promise<string> {
  return new Promise((resolve) => {
    if (!stream) return resolve('');
    let text = '';
    const finish = () => resolve(text.trim().split('\n').slice(-4).join('; '));
    stream.on('data', (chunk: Buffer) => (text = (text + chunk.toString()).slice(-4096)));
    for (const event of ['end', 'close', 'error']) stream.once(event, finish);
  });
}
