/** The payloads of extension types to media values. No number is trusted: every window is checked against its memory. */
import { Audio } from "../audio.js";
import { Table, type Column } from "../table.js";
import { DTYPES, Tensor, outOfBounds, type Dtype } from "../tensor.js";
import { MediaFile, Timestamp, type Integer, type Value } from "../values.js";
import { Video, planeExtent, planeSizes, type PixelFormat, type Plane } from "../video.js";
import type { Decoder } from "./decode.js";
import { AUDIO, BYTES, FILE, LIMITS, TABLE, TENSOR, TIMESTAMP, VIDEO, WireProblem } from "./wire.js";

/** Reads the value of an extension type, whose payload the decoder has left. */
export function extension(decoder: Decoder, code: number): Value {
  let value: Value;
  switch (code) {
    case TIMESTAMP:
      return timestamp(decoder);
    case TENSOR:
      value = tensor(decoder);
      break;
    case AUDIO:
      value = audio(decoder);
      break;
    case VIDEO:
      value = video(decoder);
      break;
    case TABLE:
      value = table(decoder);
      break;
    case FILE:
      value = file(decoder);
      break;
    case BYTES:
      fields(decoder, "byte string", 3);
      value = part(decoder, "byte string");
      break;
    default:
      throw new WireProblem(
        `the extension type ${code} is not known; use one of the types 1 to 6, or -1 for a timestamp`,
      );
  }
  decoder.finish();
  return value;
}

function timestamp(decoder: Decoder): Timestamp {
  const { view, at } = decoder;
  const size = decoder.end - at;
  let seconds: Integer;
  let nanoseconds = 0;
  if (size === 4) seconds = view.getUint32(at);
  else if (size === 8) {
    const bits = view.getBigUint64(at);
    nanoseconds = Number(bits >> 34n);
    seconds = bits & 0x3_ffff_ffffn;
  } else if (size === 12) {
    nanoseconds = view.getUint32(at);
    seconds = view.getBigInt64(at + 4);
  } else throw field("timestamp", "payload", "4, 8 or 12 bytes", size);
  if (nanoseconds > 999_999_999) throw field("timestamp", "nanoseconds", "an integer from 0 to 999999999", nanoseconds);
  decoder.at = decoder.end;
  return new Timestamp(seconds, nanoseconds);
}

function tensor(decoder: Decoder): Tensor {
  fields(decoder, "tensor", 5);
  const dtype = text(decoder, "tensor", "dtype") as Dtype;
  if (!Object.hasOwn(DTYPES, dtype))
    throw field("tensor", "dtype", "the name of a data type such as float32", JSON.stringify(dtype));
  const dimensions = list(decoder, "tensor", "shape");
  if (dimensions > 64) throw field("tensor", "shape", "a list of at most 64 sizes", `a list of ${dimensions}`);
  const shape = new Array<number>(dimensions);
  for (let axis = 0; axis < dimensions; axis++) shape[axis] = size(decoder, "tensor", "shape");
  let strides: number[] | null = null;
  if (!decoder.nil()) {
    const count = list(decoder, "tensor", "strides");
    if (count !== dimensions)
      throw field("tensor", "strides", "nil or a list as long as the shape", `a list of ${count}`);
    strides = new Array<number>(dimensions);
    for (let axis = 0; axis < dimensions; axis++) strides[axis] = Number(signed(decoder, "tensor", "strides"));
  }
  const data = payload(decoder, "tensor", "data", true);
  const offset = size(decoder, "tensor", "offset");
  const width = DTYPES[dtype].size;
  const misplaced = outOfBounds(width, shape, strides, offset, data.length);
  if (misplaced !== null) throw new WireProblem(misplaced);
  extent(
    "tensor",
    shape.reduce((count, each) => count * each, width),
    data.length,
  );
  return new Tensor(dtype, shape, data, { strides, offset: shape.includes(0) ? 0 : offset });
}

function audio(decoder: Decoder): Audio {
  fields(decoder, "audio", 8);
  const rate = size(decoder, "audio", "rate");
  if (rate < 1 || rate > 0xffff_ffff)
    throw new WireProblem(`a rate of ${rate} Hz is not between 1 and 4294967295; correct the header`);
  const layout = optionalText(decoder, "audio", "layout");
  const pts = optionalSigned(decoder, "audio", "pts");
  const channels = size(decoder, "audio", "channels");
  if (channels < 1 || channels > 1024)
    throw new WireProblem(`audio of ${channels} channels is not between 1 and 1024; correct the header`);
  const frames = size(decoder, "audio", "frames");
  const stride = size(decoder, "audio", "channel stride");
  const data = payload(decoder, "audio", "samples", false);
  const offset = size(decoder, "audio", "offset");
  extent("audio", channels * frames * 4, data.length);
  const end = frames === 0 ? 0 : (channels - 1) * stride + offset + frames * 4;
  if (end > data.length)
    throw new WireProblem(
      `${channels} channels of ${frames} frames need ${end} bytes, the data has ${data.length}; correct the header or send all samples`,
    );
  const planes = new Array<Float32Array>(channels);
  // Samples in the document are copied out of it, together; those in the table are viewed where they are aligned.
  const isInline = data.buffer === decoder.bytes.buffer;
  const source = isInline ? data.slice() : data;
  const begin = source.byteOffset + offset;
  for (let channel = 0; channel < channels; channel++) {
    const at = begin + channel * stride;
    if (frames === 0) planes[channel] = new Float32Array(0);
    else if (at % 4 === 0) planes[channel] = new Float32Array(source.buffer as ArrayBuffer, at, frames);
    else
      planes[channel] = new Float32Array(new Uint8Array(source.buffer as ArrayBuffer, at, frames * 4).slice().buffer);
  }
  return new Audio(planes, rate, { layout, ptsNs: pts });
}

function video(decoder: Decoder): Video {
  fields(decoder, "video", 5);
  const format = text(decoder, "video", "format") as PixelFormat;
  const width = size(decoder, "video", "width");
  const height = size(decoder, "video", "height");
  if (width > 0xffff_ffff || height > 0xffff_ffff)
    throw field("video", "size", "integers from 0 to 2^32-1", `${width}x${height}`);
  const pts = optionalSigned(decoder, "video", "pts");
  const sizes = planeSizes(format, width, height);
  if (sizes === null)
    throw field("video", "format", "one of gray, rgb24, rgba, yuv420p or nv12", JSON.stringify(format));
  const found = list(decoder, "video", "planes");
  if (found !== sizes.length)
    throw field("video", "planes", "a list with each plane of the format", `a list of ${found}`);
  const planes: Plane[] = [];
  for (const [rows, row] of sizes) {
    const count = list(decoder, "video", "planes");
    if (count !== 3) throw field("video", "planes", "lists of 3 fields", `a list of ${count}`);
    const data = payload(decoder, "video", "samples", true);
    const offset = size(decoder, "video", "offset");
    const stride = size(decoder, "video", "stride");
    if (rows > 1 && stride < row) throw field("video", "stride", "at least the bytes of a row", stride);
    planes.push({ data: window("video", data, offset, planeExtent(rows, row, stride)), stride });
  }
  return new Video(format, width, height, planes, { ptsNs: pts });
}

function table(decoder: Decoder): Table {
  fields(decoder, "table", 3);
  const rows = unsigned(decoder, "table", "rows");
  const metadata = bin(decoder, "metadata");
  return new Table(rows, columns(decoder, 1), metadata);
}

function columns(decoder: Decoder, depth: number): Column[] {
  const count = list(decoder, "table", "columns");
  const columns: Column[] = [];
  for (let index = 0; index < count; index++) columns.push(column(decoder, depth));
  return columns;
}

function column(decoder: Decoder, depth: number): Column {
  if (depth > LIMITS.depth) throw new WireProblem(`columns are nested deeper than ${LIMITS.depth}; flatten the table`);
  const count = list(decoder, "table", "column");
  if (count !== 10) throw field("table", "column", "a list of 10 fields", `a list of ${count}`);
  const name = text(decoder, "table", "column name");
  const format = text(decoder, "table", "column format");
  const flags = signed(decoder, "table", "column flags");
  const metadata = bin(decoder, "column metadata");
  const length = unsigned(decoder, "table", "column length");
  const nullCount = signed(decoder, "table", "null count");
  const offset = unsigned(decoder, "table", "column offset");
  const buffers: (Uint8Array | null)[] = [];
  for (let left = list(decoder, "table", "column buffers"); left > 0; left--) {
    if (decoder.nil()) buffers.push(null);
    else {
      const parts = decoder.list();
      if (parts === 3) buffers.push(part(decoder, "table"));
      else if (parts === -1) buffers.push(payload(decoder, "table", "column buffer", true));
      else throw field("table", "column buffer", "a list of 3 fields", `a list of ${parts}`);
    }
  }
  const children = columns(decoder, depth + 1);
  const dictionary = decoder.nil() ? null : column(decoder, depth + 1);
  return { name, format, flags, metadata, length, nullCount, offset, buffers, children, dictionary };
}

function file(decoder: Decoder): MediaFile {
  fields(decoder, "file", 5);
  const path = optionalText(decoder, "file", "path");
  const mime = optionalText(decoder, "file", "mime");
  const content = decoder.nil() ? null : payload(decoder, "file", "content", true);
  const offset = size(decoder, "file", "offset");
  const length = size(decoder, "file", "length");
  if (path !== null) {
    if (content !== null) throw field("file", "content", "nil where there is a path", "there as well");
    return new MediaFile(path, mime);
  }
  if (content === null) throw field("file", "content", "bytes where there is no path", "nil");
  return new MediaFile(window("file", content, offset, length), mime);
}

/** `index, offset, length`: bytes in the table. */
function part(decoder: Decoder, kind: string): Uint8Array {
  const block = entry(decoder, kind, size(decoder, kind, "buffer index"));
  const offset = size(decoder, kind, "offset");
  return window(kind, block, offset, size(decoder, kind, "length"));
}

/** `index | bin`: an entry of the table, or bytes of the document; with `copied` a copy of these, which may be kept. */
function payload(decoder: Decoder, kind: string, name: string, copied: boolean): Uint8Array {
  const bytes = decoder.bin();
  if (bytes !== null) return copied ? bytes.slice() : bytes;
  const index = decoder.int();
  if (typeof index !== "number" || index < 0)
    throw field(kind, name, "a buffer index or bytes", index ?? "something else");
  return entry(decoder, kind, index);
}

function entry(decoder: Decoder, kind: string, index: number): Uint8Array {
  const block = decoder.table[index];
  if (block === undefined)
    throw new WireProblem(
      `the ${kind} refers to buffer ${index}, the table has ${decoder.table.length}; pass the buffer table that belongs to the document`,
    );
  return block;
}

function window(kind: string, block: Uint8Array, offset: number, length: number): Uint8Array {
  if (offset + length > block.length)
    throw new WireProblem(
      `the ${kind} takes ${length} bytes from byte ${offset}, the buffer has ${block.length}; correct offset and length`,
    );
  return block.subarray(offset, offset + length);
}

function fields(decoder: Decoder, kind: string, count: number): void {
  const found = list(decoder, kind, "payload");
  if (found !== count)
    throw new WireProblem(`the ${kind} has ${found} fields in place of ${count}; lay it out as docs/wire.md says`);
}

function list(decoder: Decoder, kind: string, name: string): number {
  const count = decoder.list();
  if (count < 0) throw field(kind, name, "a list", "something else");
  if (count > decoder.end - decoder.at)
    throw new WireProblem(
      `a list goes past the end (bytes needed: ${count}, left: ${decoder.end - decoder.at}); send the whole document`,
    );
  return count;
}

function text(decoder: Decoder, kind: string, name: string): string {
  const value = decoder.string();
  if (value === null) throw field(kind, name, "text", "something else");
  return value;
}

function optionalText(decoder: Decoder, kind: string, name: string): string | null {
  return decoder.nil() ? null : text(decoder, kind, name);
}

function signed(decoder: Decoder, kind: string, name: string): Integer {
  const value = decoder.int();
  if (value === null || (typeof value === "bigint" && BigInt.asIntN(64, value) !== value))
    throw field(kind, name, "an integer of 64 bits with sign", value ?? "something else");
  return value;
}

function optionalSigned(decoder: Decoder, kind: string, name: string): Integer | null {
  return decoder.nil() ? null : signed(decoder, kind, name);
}

function unsigned(decoder: Decoder, kind: string, name: string): Integer {
  const value = signed(decoder, kind, name);
  if (value < 0) throw field(kind, name, "an integer from 0 to 2^63-1", value);
  return value;
}

/** A count or an offset. Those beyond 2^53 are rounded, and larger than any memory. */
function size(decoder: Decoder, kind: string, name: string): number {
  return Number(unsigned(decoder, kind, name));
}

function bin(decoder: Decoder, name: string): Uint8Array {
  const bytes = decoder.bin();
  if (bytes === null) throw field("table", name, "bytes", "something else");
  return bytes.slice();
}

function extent(kind: string, found: number, held: number): void {
  if (found > held && found > LIMITS.extent)
    throw new WireProblem(
      `the ${kind} has ${found} bytes laid out in full, on ${held} bytes of data; the limit is ${LIMITS.extent}`,
    );
}

function field(kind: string, name: string, expected: string, found: unknown): WireProblem {
  return new WireProblem(
    `the ${name} of the ${kind} must be ${expected}, it is ${found}; lay it out as docs/wire.md says`,
  );
}
