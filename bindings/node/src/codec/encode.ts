/**
 * JavaScript values to msgpack and a buffer table, as docs/wire.md lays them out, in the shortest forms.
 *
 * An `Encoder` writes into memory that is used again for the next document. It may be given piece by piece: the caller
 * writes the head of a list or map, then as many entries as it declared. encode_media.ts writes extension types.
 */
import { types } from "node:util";
import { Audio } from "../audio.js";
import { Table } from "../table.js";
import { Tensor, type TypedArray } from "../tensor.js";
import { Float, MediaFile, Timestamp, isPlain, type Integer } from "../values.js";
import { Video } from "../video.js";
import * as media from "./encode_media.js";
import { BY_BUFFER, BYTES, LIMITS, requireHeld, TIMESTAMP, WireProblem } from "./wire.js";

const UTF8 = new TextEncoder();

/** The most bytes of an extension's head. */
const HEAD = 6;

export class Encoder {
  bytes: Uint8Array<ArrayBuffer>;
  /** How many of `bytes` are written. */
  length = 0;
  /** The buffer table. */
  readonly table: Uint8Array[] = [];
  /** Whether numbers are floats and BigInts are ints, so that nothing is guessed. */
  exact = false;
  /** Whether entries of the table are whole ArrayBuffers, each once, as loans need; else the bytes that are referred to. */
  whole = true;
  private view: DataView;

  constructor(memory: ArrayBuffer = new ArrayBuffer(4096)) {
    this.bytes = new Uint8Array(memory);
    this.view = new DataView(memory);
  }

  /** Begins a new document. */
  clear(): void {
    this.length = 0;
    if (this.table.length > 0) this.table.length = 0;
  }

  /** Writes what another encoder has written, where this one has no memory yet: both tables become this one's. */
  append(other: Encoder): void {
    this.reserve(other.length);
    this.bytes.set(other.bytes.subarray(0, other.length), this.length);
    this.length += other.length;
    for (const block of other.table) this.table.push(block);
  }

  /** Writes any value. Throws `WireProblem`. */
  value(value: unknown, depth = 0): void {
    switch (typeof value) {
      case "number":
        if (!this.exact && Number.isSafeInteger(value) && !(value === 0 && 1 / value < 0)) this.int(value);
        else this.float(value);
        return;
      case "string":
        this.text(value);
        return;
      case "boolean":
        this.byte(value ? 0xc3 : 0xc2);
        return;
      case "bigint":
        this.int(value);
        return;
      case "object":
        if (value === null) this.byte(0xc0);
        else if (Array.isArray(value)) this.items(value, depth);
        else this.object(value, depth);
        return;
      default:
        throw new WireProblem(
          `${value === undefined ? "undefined" : `a ${typeof value}`} can't cross; give null, a number, text, bytes, a list, an object or media`,
        );
    }
  }

  nil(): void {
    this.byte(0xc0);
  }

  byte(byte: number): void {
    if (this.length === this.bytes.length) this.grow(1);
    this.bytes[this.length++] = byte;
  }

  /** An integer, in its shortest form. */
  int(value: Integer): void {
    if (this.length + 9 > this.bytes.length) this.grow(9);
    const { bytes, view } = this;
    if (typeof value === "bigint") {
      const number = Number(value);
      if (!Number.isSafeInteger(number)) {
        if (value >= 0n ? BigInt.asUintN(64, value) !== value : BigInt.asIntN(64, value) !== value)
          throw new WireProblem(`the integer ${value} does not fit 64 bits; use -2^63 to 2^64-1, a float, or text`);
        bytes[this.length] = value >= 0n ? 0xcf : 0xd3;
        view.setBigInt64(this.length + 1, value);
        this.length += 9;
        return;
      }
      value = number;
    }
    if (value >= 0) {
      if (value < 0x80) bytes[this.length++] = value;
      else if (value < 0x100) this.numbered(0xcc, 1, value);
      else if (value < 0x1_0000) this.numbered(0xcd, 2, value);
      else if (value < 0x1_0000_0000) this.numbered(0xce, 4, value);
      else this.wide(0xcf, value);
    } else if (value >= -32) bytes[this.length++] = value & 0xff;
    else if (value >= -0x80) this.numbered(0xd0, 1, value & 0xff);
    else if (value >= -0x8000) this.numbered(0xd1, 2, value & 0xffff);
    else if (value >= -0x8000_0000) this.numbered(0xd2, 4, value >>> 0);
    else this.wide(0xd3, value);
  }

  float(value: number): void {
    if (this.length + 9 > this.bytes.length) this.grow(9);
    this.bytes[this.length] = 0xcb;
    this.view.setFloat64(this.length + 1, value);
    // Which NaN this writes is the engine's choice.
    if (value !== value) (this.view.setUint32(this.length + 1, 0x7ff80000), this.view.setUint32(this.length + 5, 0));
    this.length += 9;
  }

  text(value: string): void {
    const characters = value.length;
    if (characters < 32) {
      // Short text is mostly ASCII.
      if (this.length + 1 + characters > this.bytes.length) this.grow(33);
      const { bytes, length } = this;
      let index = 0;
      for (; index < characters; index++) {
        const code = value.charCodeAt(index);
        if (code > 0x7f) break;
        bytes[length + 1 + index] = code;
      }
      if (index === characters) {
        bytes[length] = 0xa0 | characters;
        this.length += 1 + characters;
        return;
      }
    }
    if (!value.isWellFormed())
      throw new WireProblem(
        "text has half of a surrogate pair, which UTF-8 can't carry; use value.toWellFormed(), or bytes",
      );
    const size = Buffer.byteLength(value);
    this.head(size, 0xa0, 32, 0xd9, 0xda, 0xdb);
    this.reserve(size);
    UTF8.encodeInto(value, this.bytes.subarray(this.length, this.length + size));
    this.length += size;
  }

  listHead(count: number): void {
    this.head(count, 0x90, 16, 0, 0xdc, 0xdd);
  }

  mapHead(count: number): void {
    this.head(count, 0x80, 16, 0, 0xde, 0xdf);
  }

  /**
   * Bytes inside the document, whatever their length. Another thread may let shared memory grow meanwhile: a length is taken
   * once, here and wherever one is written.
   */
  bin(value: Uint8Array): void {
    requireHeld(value);
    const size = value.length;
    this.head(size, 0, 0, 0xc4, 0xc5, 0xc6);
    this.reserve(size);
    this.bytes.set(value.length === size ? value : value.subarray(0, size), this.length);
    this.length += size;
  }

  private items(items: readonly unknown[], depth: number): void {
    this.enter(depth);
    const count = items.length;
    this.listHead(count);
    let index = 0;
    try {
      for (; index < count; index++) this.value(items[index], depth + 1);
    } catch (problem) {
      throw problem instanceof WireProblem ? problem.inside(index) : problem;
    }
  }

  private entry(key: unknown, value: unknown, depth: number): void {
    if (typeof key !== "string") throw new WireProblem(`a map key is ${describe(key)}, not text; make every key text`);
    try {
      this.text(key);
      this.value(value, depth + 1);
    } catch (problem) {
      throw problem instanceof WireProblem ? problem.inside(key) : problem;
    }
  }

  private object(value: object, depth: number): void {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) this.record(value as Record<string, unknown>, depth);
    else if (value instanceof Audio) media.audio(this, value);
    else if (ArrayBuffer.isView(value)) this.binary(value);
    else if (types.isMap(value)) {
      this.enter(depth);
      let left = value.size;
      this.mapHead(left);
      for (const [key, entry] of value) {
        this.entry(key, entry, depth);
        left--;
      }
      requireAll(left);
    } else if (value instanceof Tensor) media.tensor(this, value);
    else if (value instanceof Float) this.wrapped(value);
    else if (value instanceof MediaFile) media.file(this, value);
    else if (value instanceof Timestamp) this.timestamp(value);
    else if (value instanceof Video) media.video(this, value);
    else if (value instanceof Table) media.table(this, value);
    else if (types.isArrayBuffer(value)) {
      requireHeld(value);
      this.binary(new Uint8Array(value));
    } else if (types.isDate(value)) {
      if (Number.isNaN(value.getTime()))
        throw new WireProblem("an invalid Date is no point in time; give a valid one or null");
      this.timestamp(Timestamp.from(value));
    } else if (value instanceof Number || value instanceof String || value instanceof Boolean)
      this.value(value.valueOf(), depth);
    else if (isPlain(value)) this.record(value as Record<string, unknown>, depth);
    else
      throw new WireProblem(
        `${describe(value)} can't cross; give null, a number, text, bytes, a list, a plain object or media`,
      );
  }

  private record(record: Record<string, unknown>, depth: number): void {
    this.enter(depth);
    const keys = Object.keys(record);
    let count = 0;
    for (const key of keys) if (record[key] !== undefined) count++;
    this.mapHead(count);
    for (const key of keys) {
      const entry = record[key];
      if (entry === undefined) continue;
      this.entry(key, entry, depth);
      count--;
    }
    requireAll(count);
  }

  private binary(value: ArrayBufferView): void {
    requireHeld(value);
    const isUint8 = types.isUint8Array(value);
    if (!isUint8 && !types.isDataView(value)) {
      media.tensor(this, Tensor.from(value as unknown as TypedArray));
      return;
    }
    const bytes = isUint8 ? value : new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength);
    if (bytes.length < BY_BUFFER) this.bin(bytes);
    else this.extension(BYTES, () => this.part(bytes));
  }

  private wrapped(float: Float): void {
    this.float(float.value);
    if (float.bits !== null) this.view.setBigUint64(this.length - 8, float.bits);
  }

  private timestamp({ seconds, nanoseconds }: Timestamp): void {
    this.reserve(15);
    const { bytes, view, length } = this;
    if (seconds >= 0n && seconds < 1n << 34n) {
      if (nanoseconds === 0 && seconds < 1n << 32n) {
        bytes[length] = 0xd6;
        view.setUint32(length + 2, Number(seconds));
        this.length += 6;
      } else {
        bytes[length] = 0xd7;
        view.setBigUint64(length + 2, (BigInt(nanoseconds) << 34n) | seconds);
        this.length += 10;
      }
      view.setInt8(length + 1, TIMESTAMP);
      return;
    }
    bytes[length] = 0xc7;
    bytes[length + 1] = 12;
    view.setInt8(length + 2, TIMESTAMP);
    view.setUint32(length + 3, nanoseconds);
    view.setBigInt64(length + 7, seconds);
    this.length += 15;
  }

  /** `[index, offset, length]` of bytes in the table. */
  part(bytes: Uint8Array): void {
    const size = bytes.length;
    this.listHead(3);
    const at = this.block(bytes);
    this.int(at);
    this.int(size);
  }

  /** Writes the index of the table's entry that holds these bytes. Returns where in it they begin. */
  block(bytes: Uint8Array): number {
    // Memory that other threads may write to meanwhile, or that may get shorter, is no loan.
    if (types.isSharedArrayBuffer(bytes.buffer) || bytes.buffer.resizable) bytes = new Uint8Array(bytes);
    const { table } = this;
    if (!this.whole) {
      this.int(table.push(bytes) - 1);
      return 0;
    }
    let index = 0;
    while (index < table.length && table[index]!.buffer !== bytes.buffer) index++;
    if (index === table.length) table.push(new Uint8Array(bytes.buffer));
    this.int(index);
    return bytes.byteOffset;
  }

  /** Writes an extension value. Its length comes first and is known last. */
  extension(code: number, payload: () => void): void {
    this.reserve(HEAD);
    const begin = this.length;
    this.length += HEAD;
    payload();
    const size = this.length - begin - HEAD;
    const { bytes, view } = this;
    const fixed = FIXED[size];
    let head = 2;
    if (fixed !== undefined) bytes[begin] = fixed;
    else if (size < 0x100) {
      bytes[begin] = 0xc7;
      bytes[begin + 1] = size;
      head = 3;
    } else if (size < 0x1_0000) {
      bytes[begin] = 0xc8;
      view.setUint16(begin + 1, size);
      head = 4;
    } else {
      bytes[begin] = 0xc9;
      view.setUint32(begin + 1, size);
      head = 6;
    }
    bytes[begin + head - 1] = code;
    if (head < HEAD) {
      bytes.copyWithin(begin + head, begin + HEAD, this.length);
      this.length -= HEAD - head;
    }
  }

  optionalText(value: string | null): void {
    if (value === null) this.nil();
    else this.text(value);
  }

  optionalInt(value: Integer | null): void {
    if (value === null) this.nil();
    else this.int(value);
  }

  private enter(depth: number): void {
    if (depth >= LIMITS.depth)
      throw new WireProblem(
        `lists and maps are nested deeper than ${LIMITS.depth}, or contain themselves; flatten the value`,
      );
  }

  /** The head of what has a length: a fix form below `short`, else with 8, 16 or 32 bits. */
  head(count: number, fix: number, short: number, byte8: number, byte16: number, byte32: number): void {
    if (this.length + 5 > this.bytes.length) this.grow(5);
    if (count < short) this.bytes[this.length++] = fix | count;
    else if (byte8 !== 0 && count < 0x100) this.numbered(byte8, 1, count);
    else if (count < 0x1_0000) this.numbered(byte16, 2, count);
    else if (count < 0x1_0000_0000) this.numbered(byte32, 4, count);
    else throw new WireProblem("msgpack carries less than 4 GiB in one piece; send it in parts");
  }

  private numbered(head: number, size: 1 | 2 | 4, value: number): void {
    const { bytes, view } = this;
    bytes[this.length] = head;
    if (size === 1) bytes[this.length + 1] = value;
    else if (size === 2) view.setUint16(this.length + 1, value);
    else view.setUint32(this.length + 1, value);
    this.length += 1 + size;
  }

  private wide(head: number, value: number): void {
    this.bytes[this.length] = head;
    this.view.setInt32(this.length + 1, Math.floor(value / 0x1_0000_0000));
    this.view.setUint32(this.length + 5, value >>> 0);
    this.length += 9;
  }

  reserve(size: number): void {
    if (this.length + size > this.bytes.length) this.grow(size);
  }

  private grow(size: number): void {
    const room = Math.max(this.bytes.length * 2, this.length + size);
    const larger = new Uint8Array(room);
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}

const FIXED: Record<number, number> = { 1: 0xd4, 2: 0xd5, 4: 0xd6, 8: 0xd7, 16: 0xd8 };

/** Refuses entries that are not as many as were counted, as those behind them in the document would be taken for theirs. */
function requireAll(left: number): void {
  if (left !== 0) throw new WireProblem("its entries changed while they were read; give a plain copy of it");
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object")
    return typeof value === "number" ? "a number" : typeof value === "bigint" ? "a BigInt" : `a ${typeof value}`;
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== ""
    ? `an object of the class ${name}`
    : "an object with a prototype of its own";
}
