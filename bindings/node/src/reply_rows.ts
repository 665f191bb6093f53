/**
 * The outputs of a reply that were not sent yet. Each is encoded when it is added, so that one that can't cross fails
 * alone, with the node that gives it.
 */
import { Encoder } from "./codec/encode.js";
import { refused } from "./rooms.js";
import type { Place } from "./times.js";

/** The most memory that an encoder keeps for the next call. */
const KEPT_BYTES = 1 << 16;

/** Encoders that no call uses. */
const free: Encoder[] = [];

export class ReplyRows {
  count = 0;
  /** The entry of the last one. */
  entry = 0;
  private encoder: Encoder | null = null;

  constructor(private readonly exact: boolean) {}

  /** Adds `[entry, value]`, with its times, with the number of its output. */
  add(entry: number, value: unknown, at: Place | null, port: number): void {
    const encoder = (this.encoder ??= free.pop() ?? new Encoder());
    encoder.exact = this.exact;
    const { length } = encoder;
    const blocks = encoder.table.length;
    try {
      encoder.listHead(port > 0 ? 5 : at !== null ? 4 : 2);
      encoder.int(entry);
      encoder.value(value);
      if (at !== null || port > 0) {
        encoder.optionalInt(at?.pts ?? null);
        encoder.optionalInt(at?.duration ?? null);
      }
      if (port > 0) encoder.int(port);
    } catch (problem) {
      encoder.length = length;
      encoder.table.length = blocks;
      throw refused(problem, "the returned value");
    }
    this.entry = entry;
    this.count++;
  }

  /** Writes the list of them into a document that has no memory yet, and forgets them. */
  moveTo(document: Encoder): void {
    document.listHead(this.count);
    this.count = 0;
    const { encoder } = this;
    if (encoder === null) return;
    this.encoder = null;
    document.append(encoder);
    encoder.clear();
    if (encoder.bytes.length <= KEPT_BYTES) free.push(encoder);
  }
}
