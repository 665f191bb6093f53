/**
 * Rooms: the memory that one call of the library at a time uses, with an encoder for what goes in and a decoder for what
 * comes out. A call within a call (a getter of a value that executes something) finds its room taken and gets another.
 */
import { Decoder, type Block } from "./codec/decode.js";
import { Encoder } from "./codec/encode.js";
import { LIMITS, WireProblem } from "./codec/wire.js";
import { STATUS } from "./constants.js";
import { InvalidDocumentError, errorOf, type Detail, type RemoteMediaError } from "./errors.js";
import { lend, lent, release } from "./loans.js";
import { native, type RoomHandle } from "./native.js";

/** The size of an `rm_buffer`. */
const ENTRY = 40;
const DATA_BYTES = 64 * 1024;
const TABLE_ENTRIES = 256;
/** A longer document makes the encoder of a room anew, so that one large call does not keep its memory. */
const KEPT_BYTES = 1 << 20;
const NO_BLOCKS: readonly Block[] = [];

export class Room {
  readonly handle: RoomHandle;
  encoder = new Encoder();
  private readonly decoder: Decoder;
  private readonly table: ArrayBuffer;
  private readonly facts: Float64Array;

  constructor() {
    const data = new ArrayBuffer(DATA_BYTES);
    const facts = new ArrayBuffer(3 * 8);
    this.table = new ArrayBuffer(TABLE_ENTRIES * ENTRY);
    this.handle = native().roomNew(data, this.table, facts);
    this.facts = new Float64Array(facts);
    this.decoder = runtimeDecoder(data);
  }

  /** Lends the table of the encoder's document to a call, with the token of its first entry; 0 if it is empty. */
  lend<T>(call: (first: number) => T): T {
    const { table } = this.encoder;
    return table.length === 0 ? call(0) : lend(table, call);
  }

  /** The table of the encoder's document as the addon takes it. */
  get given(): Uint8Array[] | undefined {
    return this.encoder.table.length === 0 ? undefined : this.encoder.table;
  }

  /** How many bytes the document has that the call has written. */
  get written(): number {
    return this.facts[0]!;
  }

  /** The document that the call has written. Its table is looked up at once, before what it names may be released. */
  read(): Decoder {
    const length = this.facts[0]!;
    const count = this.facts[1]!;
    let { decoder, table } = this;
    if (this.facts[2] === 1) {
      const data = new ArrayBuffer(length);
      table = new ArrayBuffer(count * ENTRY);
      native().roomCopy(this.handle, data, table);
      decoder = runtimeDecoder(data);
    }
    decoder.begin(length, count === 0 ? NO_BLOCKS : blocks(table, count));
    decoder.exact = false;
    return decoder;
  }

  /** Reads the document, a value of the runtime's own. */
  plain<T>(): T {
    return this.read().value() as T;
  }

  /** Returns the room, for the next call. */
  free(): void {
    this.encoder.clear();
    if (this.encoder.bytes.length > KEPT_BYTES) this.encoder = new Encoder();
    free.push(this);
  }
}

const free: Room[] = [];

/** A room that no other call uses. */
export function room(exact = false): Room {
  const taken = free.pop() ?? new Room();
  taken.encoder.exact = exact;
  taken.encoder.whole = true;
  return taken;
}

/** Writes a value into the encoder of a room. Throws `InvalidDocumentError` that begins with `root`. */
export function write(into: Encoder, value: unknown, root: string): void {
  try {
    into.value(value);
  } catch (problem) {
    throw refused(problem, root);
  }
}

/** What a codec threw, as the error that users see. */
export function refused(problem: unknown, root: string): unknown {
  if (!(problem instanceof WireProblem)) return problem;
  return new InvalidDocumentError(problem.sentence(root), "RM_INVALID_DOCUMENT");
}

/** The error of the call that has just failed. What it releases is released. */
export function failure(): RemoteMediaError {
  const detail = runtimeDecoder(native().takeError()).value() as unknown as Detail;
  const error = errorOf(detail, lent);
  if (detail.released !== undefined) release(detail.released);
  return error;
}

/** The object that a call has made. Throws the error of its status. */
export function made<T>(result: T | number): T {
  if (typeof result === "number") throw failure();
  return result;
}

/** The status of a call. Throws the error of one below 0. */
export function done(status: number): number {
  if (status < STATUS.RM_OK) throw failure();
  return status;
}

/** Calls the library with a room, and returns the plain value that it has written. */
export function called<T>(call: (room: RoomHandle) => number): T {
  const used = room();
  try {
    done(call(used.handle));
    return used.plain<T>();
  } finally {
    used.free();
  }
}

function runtimeDecoder(memory: ArrayBuffer | Uint8Array): Decoder {
  const decoder = new Decoder(memory);
  decoder.depth = LIMITS.deepest;
  return decoder;
}

function blocks(table: ArrayBuffer, count: number): Block[] {
  const words = new Uint32Array(table, 0, (count * ENTRY) / 4);
  const adopted = native().adopt(table, count);
  const found = new Array<Block>(count);
  for (let index = 0; index < count; index++) {
    const memory = adopted[index];
    const at = (index * ENTRY) / 4 + 4;
    if (memory !== undefined) found[index] = new Uint8Array(memory);
    else found[index] = (lent(words[at]! + words[at + 1]! * 2 ** 32) as Block | undefined) ?? new Uint8Array(0);
  }
  return found;
}
