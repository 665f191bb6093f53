/** Options that a function does not have are refused: one that is misspelt would be left out without a word. */
import { InvalidArgumentError } from "./errors.js";

/** The names of the options of a type, each once. */
export type Names<Options> = Readonly<Record<keyof Options, true>>;

/**
 * Throws `InvalidArgumentError` for an option that is none, and for options that are no object.
 *
 * @param call what the options were given to, for the message
 */
export function requireKnown<Options extends object>(call: string, options: Options, known: Names<Options>): void {
  if (typeof options !== "object" || options === null)
    throw new InvalidArgumentError(`${call} takes options as an object, not ${String(options)}`, "RM_INVALID_ARGUMENT");
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(known, name)) continue;
    const names = Object.keys(known).join(", ");
    throw new InvalidArgumentError(`${call} has no option '${name}'; it has ${names}`, "RM_INVALID_ARGUMENT");
  }
}
