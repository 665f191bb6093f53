/**
 * msgpack and a buffer table to JavaScript values, checked as docs/wire.md demands. decode_media.ts reads extension types.
 *
 * A `Decoder` may be used piece by piece: the documents of the runtime are read by their structure, and `exact`
 * holds for the values in them alone.
 */
import { Float, type Integer, type Value } from "../values.js";
import { extension } from "./decode_media.js";
import { LIMITS, PLAIN_NAN, WireProblem } from "./wire.js";

/** An entry of the buffer table. */
export type Block = Uint8Array;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class Decoder {
  at = 0;
  end = 0;
  bytes: Uint8Array;
  view: DataView;
  table: readonly Block[] = [];
  exact = false;
  /** How deep lists and maps may be: more in documents of the runtime, which hold values of the full depth. */
  depth = LIMITS.depth;
  private itemsLeft = LIMITS.items;

  constructor(memory: ArrayBuffer | Uint8Array) {
    this.bytes = memory instanceof Uint8Array ? memory : new Uint8Array(memory);
    this.view = new DataView(this.bytes.buffer as ArrayBuffer, this.bytes.byteOffset, this.bytes.byteLength);
    this.end = this.bytes.length;
  }

  /** Begins to read a document of `end` bytes. */
  begin(end: number, table: readonly Block[]): void {
    this.at = 0;
    this.end = end;
    this.table = table;
    this.itemsLeft = LIMITS.items;
  }

  /** Checks that nothing is left. */
  finish(): void {
    if (this.at !== this.end)
      throw new WireProblem(
        `there is more after the end of the value (bytes: ${this.end - this.at}); send one value a document`,
      );
  }

  value(depth = 0): Value {
    if (this.at >= this.end) this.truncated("a value", 1);
    const head = this.bytes[this.at++]!;
    if (head < 0x80) return this.exact ? BigInt(head) : head;
    if (head >= 0xe0) return this.exact ? BigInt(head - 256) : head - 256;
    if (head < 0x90) return this.map(head & 0x0f, depth);
    if (head < 0xa0) return this.items(head & 0x0f, depth);
    if (head < 0xc0) return this.text(head & 0x1f);
    switch (head) {
      case 0xc0:
        return null;
      case 0xc1:
        throw new WireProblem("the byte 0xc1 begins no msgpack value; check that the bytes are a msgpack document");
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.take(this.length(head - 0xc4), "bytes").slice();
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.extended(this.length(head - 0xc7));
      case 0xca:
        this.need(4, "a number");
        this.at += 4;
        return this.floating(this.view.getFloat32(this.at - 4), 4);
      case 0xcb:
        this.need(8, "a number");
        this.at += 8;
        return this.floating(this.view.getFloat64(this.at - 8), 8);
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.extended(1 << (head - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.text(this.length(head - 0xd9));
      case 0xdc:
      case 0xdd:
        return this.items(this.length(head - 0xdb), depth);
      case 0xde:
      case 0xdf:
        return this.map(this.length(head - 0xdd), depth);
      default: {
        const number = this.integer(head);
        return this.exact ? BigInt(number) : number;
      }
    }
  }

  /** Reads the head of a list and returns its length; -1 and nothing read if there is something else. */
  list(): number {
    const head = this.at < this.end ? this.bytes[this.at]! : 0;
    if ((head & 0xf0) === 0x90) {
      this.at++;
      return head & 0x0f;
    }
    if (head !== 0xdc && head !== 0xdd) return -1;
    this.at++;
    const count = this.length(head - 0xdb);
    if (count > this.end - this.at) this.truncated("a list", count);
    return count;
  }

  /** Reads the head of a map and returns its length; -1 and nothing read if there is something else. */
  mapHead(): number {
    const head = this.at < this.end ? this.bytes[this.at]! : 0;
    if ((head & 0xf0) === 0x80) {
      this.at++;
      return head & 0x0f;
    }
    if (head !== 0xde && head !== 0xdf) return -1;
    this.at++;
    return this.length(head - 0xdd);
  }

  /** Reads nil, if it is there. */
  nil(): boolean {
    if (this.at >= this.end || this.bytes[this.at] !== 0xc0) return false;
    this.at++;
    return true;
  }

  /** Reads an integer, of any form; null and nothing read if there is something else. */
  int(): Integer | null {
    if (this.at >= this.end) this.truncated("a value", 1);
    const head = this.bytes[this.at]!;
    if (head >= 0x80 && head < 0xe0 && (head < 0xcc || head > 0xd3)) return null;
    this.at++;
    return head < 0x80 ? head : head >= 0xe0 ? head - 256 : this.integer(head);
  }

  /** Reads text; null and nothing read if there is something else. */
  string(): string | null {
    if (this.at >= this.end) this.truncated("a value", 1);
    const head = this.bytes[this.at]!;
    if (head >= 0xa0 && head < 0xc0) {
      this.at++;
      return this.text(head & 0x1f);
    }
    if (head < 0xd9 || head > 0xdb) return null;
    this.at++;
    return this.text(this.length(head - 0xd9));
  }

  /** Reads bytes as a view of the document; null and nothing read if there is something else. */
  bin(): Uint8Array | null {
    const head = this.at < this.end ? this.bytes[this.at]! : 0;
    if (head < 0xc4 || head > 0xc6) return null;
    this.at++;
    return this.take(this.length(head - 0xc4), "bytes");
  }

  /** Reads a value of the runtime's own documents: ints are numbers, also with `exact`. */
  plain(): Value {
    const { exact } = this;
    this.exact = false;
    try {
      return this.value();
    } finally {
      this.exact = exact;
    }
  }

  need(size: number, what: string): void {
    if (size > this.end - this.at) this.truncated(what, size);
  }

  take(size: number, what: string): Uint8Array {
    this.need(size, what);
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  private truncated(what: string, size: number): never {
    throw new WireProblem(
      `${what} goes past the end (bytes needed: ${size}, left: ${this.end - this.at}); send the whole document`,
    );
  }

  /** The length behind a head: of 8, 16 or 32 bits for a form of 0, 1 or 2. */
  private length(form: number): number {
    const size = 1 << form;
    this.need(size, "a length");
    this.at += size;
    if (form === 0) return this.bytes[this.at - 1]!;
    return form === 1 ? this.view.getUint16(this.at - 2) : this.view.getUint32(this.at - 4);
  }

  private integer(head: number): Integer {
    const form = (head - 0xcc) & 3;
    const size = 1 << form;
    this.need(size, "a number");
    const { at, view } = this;
    this.at += size;
    const signed = head >= 0xd0;
    switch (form) {
      case 0:
        return signed ? view.getInt8(at) : view.getUint8(at);
      case 1:
        return signed ? view.getInt16(at) : view.getUint16(at);
      case 2:
        return signed ? view.getInt32(at) : view.getUint32(at);
      default: {
        const number = (signed ? view.getInt32(at) : view.getUint32(at)) * 0x1_0000_0000 + view.getUint32(at + 4);
        if (Number.isSafeInteger(number)) return number;
        return signed ? view.getBigInt64(at) : view.getBigUint64(at);
      }
    }
  }

  private floating(value: number, size: 4 | 8): Value {
    if (value === value || !this.exact) return value;
    // The engine may change the bits of a NaN, so they are read as an integer.
    const bits = size === 8 ? this.view.getBigUint64(this.at - 8) : widened(this.view.getUint32(this.at - 4));
    return bits === PLAIN_NAN ? value : new Float(value, bits);
  }

  private text(size: number): string {
    this.need(size, "text");
    const begin = this.at;
    const end = (this.at += size);
    const { bytes } = this;
    if (size < 24) {
      let text = "";
      let index = begin;
      for (; index < end; index++) {
        const byte = bytes[index]!;
        if (byte > 0x7f) break;
        text += String.fromCharCode(byte);
      }
      if (index === end) return text;
    }
    try {
      return UTF8.decode(bytes.subarray(begin, end));
    } catch {
      throw new WireProblem("text is not UTF-8; encode text as UTF-8 and send bytes as bytes");
    }
  }

  private items(count: number, depth: number): Value[] {
    this.enter("a list", count, count, depth);
    const items = new Array<Value>(count > 1024 ? 0 : count);
    let index = 0;
    try {
      for (; index < count; index++) items[index] = this.value(depth + 1);
    } catch (problem) {
      throw problem instanceof WireProblem ? problem.inside(index) : problem;
    }
    return items;
  }

  private map(count: number, depth: number): Value {
    this.enter("a map", count, count * 2, depth);
    if (this.exact) {
      const map = new Map<string, Value>();
      for (let index = 0; index < count; index++) {
        const key = this.key();
        if (map.has(key)) throw twice(key);
        map.set(key, this.entry(key, depth));
      }
      return map;
    }
    const record: { [key: string]: Value } = {};
    for (let index = 0; index < count; index++) {
      const key = this.key();
      if (Object.hasOwn(record, key)) throw twice(key);
      const value = this.entry(key, depth);
      if (key === "__proto__")
        Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
      else record[key] = value;
    }
    return record;
  }

  private key(): string {
    const key = this.string();
    if (key === null) throw new WireProblem("a map key is not text; make every key text");
    return key;
  }

  private entry(key: string, depth: number): Value {
    try {
      return this.value(depth + 1);
    } catch (problem) {
      throw problem instanceof WireProblem ? problem.inside(key) : problem;
    }
  }

  private enter(what: string, count: number, leastBytes: number, depth: number): void {
    if (depth >= this.depth)
      throw new WireProblem(`lists and maps are nested deeper than ${this.depth}; flatten the value`);
    if (leastBytes > this.end - this.at) this.truncated(what, leastBytes);
    this.itemsLeft -= count;
    if (this.itemsLeft < 0)
      throw new WireProblem(`the document has more than ${LIMITS.items} entries; put series of numbers into a tensor`);
  }

  private extended(size: number): Value {
    this.need(size + 1, "an extension value");
    const code = this.view.getInt8(this.at++);
    const { end } = this;
    this.end = this.at + size;
    try {
      return extension(this, code);
    } finally {
      this.end = end;
    }
  }
}

function twice(key: string): WireProblem {
  return new WireProblem(`the key ${JSON.stringify(key)} appears twice; give each key once`);
}

/** The bits of a NaN of 32 bits as one of 64. */
function widened(bits: number): bigint {
  const sign = BigInt(bits >>> 31) << 63n;
  // A signalling NaN becomes a quiet one, as processors do it.
  return sign | (0x7ffn << 52n) | (BigInt((bits & 0x7f_ffff) | 0x40_0000) << 29n);
}
