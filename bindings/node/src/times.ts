/** Places in time and limits of time: how they are given, and which place a packet has that a node makes of another one. */
import { inspect } from "node:util";
import { Audio } from "./audio.js";
import { InvalidArgumentError } from "./errors.js";
import { wholeNanoseconds, type Integer } from "./values.js";
import { Video } from "./video.js";

/** When a packet begins and how long it lasts, in nanoseconds; null where that is not known. */
export interface Place {
  readonly pts: Integer | null;
  readonly duration: Integer | null;
}

/** The nanoseconds that options give as `name` with Ns, or in seconds as `name`; null if neither is there. */
export function nanoseconds<Name extends "pts" | "duration">(
  name: Name,
  options: { readonly [Key in Name]?: number | null } & { readonly [Key in `${Name}Ns`]?: Integer | null },
): Integer | null {
  const exact: Integer | null | undefined = options[`${name}Ns`];
  if (exact != null) return wholeNanoseconds(`${name}Ns`, exact);
  const seconds: unknown = options[name];
  if (seconds == null) return null;
  const rounded = typeof seconds === "number" ? Math.round(seconds * 1e9) : NaN;
  if (!(Math.abs(rounded) < 2 ** 63))
    throw new RangeError(`${name} must be a number of seconds between -9.2e9 and 9.2e9, got ${inspect(seconds)}`);
  return Number.isSafeInteger(rounded) ? rounded : BigInt(rounded);
}

/**
 * A limit that is given in milliseconds as `name`, in microseconds. Null for none, which is also what no number of
 * microseconds holds: some centuries.
 */
export function microseconds(name: string, ms: number | undefined): number | null {
  if (ms === undefined) return null;
  if (typeof ms !== "number" || !(ms >= 0))
    throw new InvalidArgumentError(
      `${name} is a number of milliseconds of 0 or more, not ${inspect(ms)}`,
      "RM_INVALID_ARGUMENT",
    );
  // The sum makes 0 of -0, which is no integer.
  const rounded = Math.round(ms * 1000) + 0;
  return Number.isSafeInteger(rounded) ? rounded : null;
}

/**
 * The place of a packet that a node makes of another one: what the node gives, else what the value has, else what the
 * other one has. It is the rule of the runtime for outputs of a call.
 */
export function placed(value: unknown, given: Place | null, source: Place): Place {
  let pts = given?.pts ?? null;
  let duration = given?.duration ?? null;
  if (value instanceof Audio) {
    pts ??= value.wirePts;
    duration ??= lengthOf(value);
  } else if (value instanceof Video) pts ??= value.wirePts;
  else if (given === null) return source;
  return { pts: pts ?? source.pts, duration: duration ?? source.duration };
}

/** How long audio lasts, to the nearest nanosecond. */
function lengthOf({ frames, rate }: Audio): number {
  return Math.floor(frames / rate) * 1e9 + Math.round(((frames % rate) * 1e9) / rate);
}
