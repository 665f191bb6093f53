/** Results of functions of this program that nothing waits for: their rejections must not end the program as unhandled ones. */
import { types } from "node:util";

/**
 * Leaves a result that is not taken. A thenable is left as it is: its `then` may start the work.
 *
 * @param failed gets what a promise is rejected with
 */
export function abandon(result: unknown, failed: (error: unknown) => void = () => undefined): void {
  if (types.isPromise(result)) result.then(undefined, failed);
}
