/**
 * The kinds of value that cross to the runtime and back, and the small ones that JavaScript has no type for. Larger ones
 * have files of their own: audio.ts, tensor.ts, video.ts, table.ts.
 */
import { inspect, types } from "node:util";
import type { Audio } from "./audio.js";
import type { Table } from "./table.js";
import type { Tensor } from "./tensor.js";
import type { Video } from "./video.js";

/** An integer of up to 64 bits: a number as long as it is exact, else a BigInt. */
export type Integer = number | bigint;

/** What the runtime hands out. With `exact`, ints are BigInts, numbers are floats, and maps are `Map`s. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Float
  | Timestamp
  | Audio
  | Tensor
  | Video
  | Table
  | MediaFile
  | Value[]
  | { [key: string]: Value }
  | Map<string, Value>;

/** What may be handed in: every `Value`, and what has an obvious one. Entries of objects that are `undefined` are left out. */
export type Input =
  | Value
  | Date
  | ArrayBuffer
  | ArrayBufferView
  | readonly Input[]
  | { readonly [key: string]: Input | undefined }
  | ReadonlyMap<string, Input>;

/** A float as a float, also where it is a whole number: `new Float(1)` crosses as 1.0, the number `1` as the int 1. */
export class Float {
  /** The bits of a NaN that has others than usual, else null. */
  readonly bits: bigint | null;

  constructor(
    readonly value: number,
    bits: bigint | null = null,
  ) {
    this.bits = bits;
  }

  valueOf(): number {
    return this.value;
  }

  toString(): string {
    return String(this.value);
  }
}

/** A point in time, to the nanosecond. A `Date` may be handed in in its place. */
export class Timestamp {
  readonly seconds: bigint;
  readonly nanoseconds: number;

  /** @param seconds since 1970-01-01T00:00:00Z @param nanoseconds within the second, 0 to 999,999,999 */
  constructor(seconds: Integer, nanoseconds = 0) {
    this.seconds = BigInt(seconds);
    this.nanoseconds = nanoseconds;
    if (!Number.isInteger(nanoseconds) || nanoseconds < 0 || nanoseconds > 999_999_999)
      throw new RangeError(`nanoseconds must be an integer from 0 to 999999999, it is ${nanoseconds}`);
    if (BigInt.asIntN(64, this.seconds) !== this.seconds)
      throw new RangeError(`seconds must fit 64 bits with sign, they are ${seconds}`);
  }

  static from(date: Date): Timestamp {
    const ms = date.getTime();
    if (Number.isNaN(ms)) throw new RangeError("an invalid Date is no point in time");
    const seconds = Math.floor(ms / 1000);
    return new Timestamp(seconds, Math.round((ms - seconds * 1000) * 1e6));
  }

  /** The same time as a `Date`, to the millisecond. */
  toDate(): Date {
    return new Date(Number(this.seconds) * 1000 + Math.floor(this.nanoseconds / 1e6));
  }
}

/** A file: by its path on the machine of the runtime, or its content. Nothing opens a path before a node does. */
export class MediaFile {
  readonly path: string | null;
  readonly content: Uint8Array | null;

  /** @param mime such as `audio/flac` */
  constructor(
    source: string | URL | Uint8Array,
    readonly mime: string | null = null,
  ) {
    if (source instanceof URL) source = pathOf(source);
    if (typeof source !== "string" && !isBytes(source))
      throw new TypeError("a MediaFile is made from a path, a URL of a file or a Uint8Array");
    this.path = typeof source === "string" ? source : null;
    this.content = typeof source === "string" ? null : source;
  }
}

/** The path of a `file:` URL. Throws `TypeError` where it names no file of this machine, or none that text can name. */
function pathOf({ protocol, hostname, pathname, href }: URL): string {
  if (protocol !== "file:") throw new TypeError(`a file's URL begins with file:, not ${protocol}`);
  if (hostname !== "")
    throw new TypeError(
      `'${href}' names a file of the machine '${hostname}'; a path needs no file:// before it: '${hostname}${pathname}'`,
    );
  if (/%2f/i.test(pathname)) throw new TypeError(`'${href}' has a slash within a name; write / in place of %2F`);
  try {
    return decodeURIComponent(pathname);
  } catch {
    throw new TypeError(`'${href}' names a file whose name is not UTF-8; give what is in it, as a Uint8Array`);
  }
}

/**
 * Nanoseconds that are given as such; null for none. Throws `RangeError` for what no 64 bits carry exactly.
 *
 * @param name what they are given as, for the message
 */
export function wholeNanoseconds(name: string, given: Integer | null | undefined): Integer | null {
  if (given == null) return null;
  if (typeof given === "bigint" && BigInt.asIntN(64, given) === given) return integer(given);
  if (Number.isSafeInteger(given)) return given;
  throw new RangeError(
    `${name} must be a whole number of nanoseconds within 64 bits, beyond 2^53 a BigInt, got ${inspect(given)}`,
  );
}

/** Whether it is memory byte by byte; of an array of numbers each element would be taken for a byte. */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && (value as Uint8Array).BYTES_PER_ELEMENT === 1;
}

/** What is wrong with memory that `isLost`. */
export const LOST = "its ArrayBuffer was transferred or made shorter, and the bytes are gone; give a copy made before that";

/** Whether an ArrayBuffer was transferred, or that of a view, or made so much shorter that the view lies outside of it. */
export function isLost(memory: ArrayBufferLike | ArrayBufferView): boolean {
  // A typed array has the length 0 then, as one that is empty: only methods that need its elements tell them apart.
  if ((memory as Uint8Array).length > 0) return false;
  try {
    if (!ArrayBuffer.isView(memory)) new Uint8Array(memory);
    else if (types.isDataView(memory)) void memory.byteLength;
    else Uint8Array.prototype.at.call(memory, 0);
    return false;
  } catch {
    return true;
  }
}

/** Whether an object is a plain one, of this realm or of another, such as one of `node:vm`. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, "isPrototypeOf");
}

/** The smaller of number and BigInt that holds an integer. */
export function integer(value: bigint): Integer {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
