import type { Writable } from 'node:stream';

/** Characters that are collected before they are written. */
const batch = 64 * 1024;

/** Writes lines to stdout and stderr in the order they come, many at a time: a write for each would take most of the time. */
export class LineWriter {
  #stream: Writable | undefined;
  #text = '';
  #timer: NodeJS.Immediate | undefined;

  write(stream: Writable, line: string): void {
    if (this.#stream !== stream || this.#text.length > batch) this.flush();
    this.#stream = stream;
    this.#text += `${line}\n`;
    this.#timer ??= setImmediate(() => this.flush());
  }

  flush(): void {
    clearImmediate(this.#timer);
    this.#timer = undefined;
    if (this.#text !== '') this.#stream?.write(this.#text);
    this.#text = '';
  }
}
