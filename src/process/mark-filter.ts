import { Readable, Transform } from 'node:stream';
import type { TransformCallback } from 'node:stream';

/** Output is searched for the first mark this far, and no further: it comes first, after what a profile may print. */
const searchAtMost = 64 * 1024;
/** Longer than any mark, with which a chunk may end half-way. */
const longestMark = 64;

export interface MarkTaken {
  /** Nothing when the stream ended, or said too much, without the mark. */
  readonly match: RegExpExecArray | undefined;
  /** The stream has ended without the mark. */
  readonly over: boolean;
  /** It brought something else. */
  readonly said: boolean;
  /** What else the stream brought, and brings. Paused. */
  readonly rest: Readable;
}

/**
 * Reads a stream up to one line that was printed for us, and gives back the stream without it.
 * @param givenUp settles when the line is not waited for any more; should it come later, it is taken out all the same
 */
export function takeMark(
  stream: Readable,
  mark: RegExp,
  closed: Promise<unknown>,
  givenUp?: Promise<unknown>,
): Promise<MarkTaken> {
  return new Promise((resolve) => {
    let held: Buffer = Buffer.alloc(0);
    let finished = false;
    const finish = (match: RegExpExecArray | undefined, why?: 'late' | 'over') => {
      if (finished) return;
      finished = true;
      stream.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', onEnd);
      stream.pause();
      let left = held;
      if (match)
        left = Buffer.concat([held.subarray(0, match.index), held.subarray(match.index + match[0].length)]);
      const gone = stream.readableEnded || stream.destroyed;
      let rest = stream;
      if (left.length > 0 && gone) rest = Readable.from([left]);
      else if (left.length > 0) stream.unshift(left);
      if (why === 'late' && !gone) rest = stream.pipe(new MarkFilter(mark, () => undefined));
      resolve({ match, over: why === 'over', said: left.length > 0, rest });
    };
    const onData = (chunk: Buffer) => {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const match = mark.exec(held.toString('latin1'));
      if (match || held.length > searchAtMost) finish(match ?? undefined);
    };
    const onEnd = () => finish(undefined, 'over');
    stream.on('data', onData).on('end', onEnd).on('close', onEnd).on('error', onEnd);
    // A lost connection may leave the stream open for ever.
    void closed.then(() => finished || setImmediate(onEnd));
    void givenUp?.then(() => finish(undefined, 'late'));
    stream.resume();
  });
}

/** Takes one line that was printed for us out of a stream, wherever it comes, and lets everything else pass. */
export class MarkFilter extends Transform {
  readonly #mark: RegExp;
  readonly #onMark: (match: RegExpExecArray) => void;
  #held: Buffer | undefined;
  #done = false;

  constructor(mark: RegExp, onMark: (match: RegExpExecArray) => void) {
    super({ readableHighWaterMark: 256 * 1024, writableHighWaterMark: 256 * 1024 });
    this.#mark = mark;
    this.#onMark = onMark;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.#done) return done(null, chunk);
    let data = this.#held ? Buffer.concat([this.#held, chunk]) : chunk;
    this.#held = undefined;
    const tail = data.lastIndexOf(0x1e);
    const match = tail < 0 ? null : this.#mark.exec(data.toString('latin1'));
    if (match) {
      this.#done = true;
      this.#onMark(match);
      this.#pass(data.subarray(0, match.index));
      this.#pass(data.subarray(match.index + match[0].length));
      return done();
    }
    // A mark ends its line, so a separator with a whole line after it is none.
    if (tail >= 0 && data.length - tail < longestMark && data.indexOf(0x0a, tail) < 0) {
      this.#held = data.subarray(tail);
      data = data.subarray(0, tail);
    }
    this.#pass(data);
    done();
  }

  override _flush(done: TransformCallback): void {
    if (this.#held) this.push(this.#held);
    done();
  }

  #pass(data: Buffer): void {
    if (data.length > 0) this.push(data);
  }
}
