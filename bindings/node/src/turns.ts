/**
 * Turns of the event loop: work that is done at once, call after call, must not keep the loop from everything else. Timers,
 * sockets and the memory of results that are not used any more wait for it.
 */

/** After so long without a turn the next call waits for one. */
const TURN_MS = 8;

let last = performance.now();

/** A promise that waits for a turn, if the last one is long ago; else null. */
export function turn(): Promise<void> | null {
  return performance.now() - last > TURN_MS ? next() : null;
}

/** Notes that the loop has a turn now. */
export function turned(): void {
  last = performance.now();
}

function next(): Promise<void> {
  return new Promise((resolve) =>
    setImmediate(() => {
      turned();
      resolve();
    }),
  );
}
