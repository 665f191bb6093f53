/** Places in time: how they are given, and which one a packet has that a node makes of another one. */
import { Audio } from "./audio.js";
import type { Integer } from "./values.js";
import { Video } from "./video.js";

/** When a packet begins and how long it lasts, in nanoseconds; null where that is not known. */
export interface Place {
  readonly pts: Integer | null;
  readonly duration: Integer | null;
}

/** Nanoseconds that were given as such, or in seconds; null if neither was. */
export function nanoseconds(exact: Integer | null | undefined, seconds: number | null | undefined): Integer | null {
  if (exact != null) {
    const fits = typeof exact === "bigint" ? BigInt.asIntN(64, exact) === exact : Number.isSafeInteger(exact);
    if (fits) return exact;
    throw new RangeError(
      `a time in nanoseconds is a whole number below 2^53, or a BigInt of 64 bits, not ${String(exact)}`,
    );
  }
  if (seconds == null) return null;
  const rounded = typeof seconds === "number" ? Math.round(seconds * 1e9) : NaN;
  if (!(Math.abs(rounded) < 2 ** 63)) throw new RangeError(`a time is a number of seconds, not ${String(seconds)}`);
  return Number.isSafeInteger(rounded) ? rounded : BigInt(rounded);
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
