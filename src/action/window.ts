import type { ProcessBase } from '../process/index.js';

/**
 * Runs processes, `limit` at a time and in order, and resolves when all that were started have ended. Once `stopped()` it starts no
 * more. It waits by promise and not by the event 'end', which a listener that throws can keep from coming through.
 */
export function runWindow(
  processes: readonly ProcessBase[],
  limit: number,
  stopped: () => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let next = 0;
    let running = 0;
    const onEnd = () => {
      running--;
      fill();
    };
    const fill = () => {
      while (running < limit && next < processes.length && !stopped()) {
        const process = processes[next++] as ProcessBase;
        // One that was started or ended apart from the others is not started again.
        if (process.state === 'created') process.start();
        running++;
        process.wait().then(onEnd, reject);
      }
      if (running === 0) resolve();
    };
    fill();
  });
}
