/**
 * Turns of the event loop: work that is done at once, call after call, must not keep the loop from everything else. Timers,
 * sockets and the memory of results that are not used any more wait for it.
 */

/** How much work a call does on this thread before it leaves the rest to others, in microseconds. */
const BUDGET_US = 300;

/** After so long without a turn the next call leaves its work to other threads, or waits for a turn. */
const TURN_MS = 8;

/** When the first call since the loop's last turn was made; null if there was none. */
let since: number | null = null;

/** How much work the next call does on this thread, in microseconds: none if a turn is due. */
export function budgetUs(): number {
  return isDue() ? 0 : BUDGET_US;
}

/** A promise that waits for a turn, if one is due; else null. */
export function turn(): Promise<void> | null {
  return isDue() ? new Promise((resolve) => setImmediate(resolve)) : null;
}

/** Notes that the loop has a turn now. */
export function turned(): void {
  since = null;
}

/** Whether calls have kept the loop from a turn for long enough. Each call asks, so that the first one after a turn is known. */
function isDue(): boolean {
  if (since === null) {
    since = performance.now();
    setImmediate(turned);
    return false;
  }
  return performance.now() - since > TURN_MS;
}
