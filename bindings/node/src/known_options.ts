/** Options that a function does not have are refused: one that is misspelt would be left out without a word. */
import { inspect } from "node:util";
import { InvalidArgumentError } from "./errors.js";

/** The names of the options of a type, each once. */
export type Names<Options> = Readonly<Record<keyof Options, true>>;

/**
 * Throws `InvalidArgumentError` for an option that is none, and for options that are no object.
 *
 * @param call what the options were given to, for the message
 * @param noun what they are called there
 */
export function requireKnown<Options extends object>(
  call: string,
  options: Options,
  known: Names<Options>,
  noun = "option",
): void {
  requireObject(call, options, noun);
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(known, name)) continue;
    const names = Object.keys(known).join(", ");
    throw new InvalidArgumentError(`${call} has no ${noun} '${name}'; it has ${names}`, "RM_INVALID_ARGUMENT");
  }
}

/** Throws `InvalidArgumentError` for options that are no object. */
export function requireObject(call: string, options: unknown, noun: string): void {
  if (typeof options === "object" && options !== null) return;
  throw new InvalidArgumentError(`${call} takes ${noun}s as an object, not ${String(options)}`, "RM_INVALID_ARGUMENT");
}

/** Throws `InvalidArgumentError` for a signal that is none; without one there is nothing to check. */
export function requireSignal(signal: AbortSignal | null | undefined): void {
  if (signal == null || (typeof signal.throwIfAborted === "function" && typeof signal.addEventListener === "function"))
    return;
  throw new InvalidArgumentError(
    `signal is an AbortSignal, such as that of an AbortController, not ${inspect(signal, { depth: 0 })}`,
    "RM_INVALID_ARGUMENT",
  );
}
