/**
 * The numbers of the wire format (docs/wire.md), and the error of a value that can't cross, whose path is built while it
 * returns through the calls, so that a correct document pays nothing for it.
 */

import { isLost, LOST } from "../values.js";

/** Codes of extension types. */
export const TIMESTAMP = -1;
export const TENSOR = 1;
export const AUDIO = 2;
export const VIDEO = 3;
export const TABLE = 4;
export const FILE = 5;
export const BYTES = 6;

/** Payloads from this many bytes on are in the buffer table. */
export const BY_BUFFER = 16_384;

/** Bounds of a document; docs/wire.md explains each. */
export const LIMITS = {
  depth: 128,
  deepest: 512,
  items: 10_000_000,
  bytes: 256 << 20,
  buffers: 65_536,
  extent: 256 << 20,
};

/** The bits of the NaN that needs no `Float`. */
export const PLAIN_NAN = 0x7ff8000000000000n;

/** A value that can't be written or a document that can't be read: what is wrong, and where. */
export class WireProblem extends Error {
  private path = "";

  /** Adds the list or map in which the place lies. */
  inside(step: number | string): this {
    if (typeof step === "number") this.path = `[${step}]${this.path}`;
    else this.path = (/^[A-Za-z_]\w*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`) + this.path;
    return this;
  }

  sentence(root: string): string {
    return `${root}${this.path}: ${this.message}`;
  }
}

/** Throws `WireProblem` for memory that is gone. */
export function requireHeld(memory: ArrayBufferLike | ArrayBufferView): void {
  if (isLost(memory)) throw new WireProblem(LOST);
}
