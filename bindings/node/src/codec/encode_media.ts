/** Media values to the payloads of extension types: a header, and samples inside or by the buffer table. */
import { inspect } from "node:util";
import { unequal, type Audio } from "../audio.js";
import type { Column, Table } from "../table.js";
import { DTYPES, gather, misplaced, type Tensor } from "../tensor.js";
import { isBytes, type Integer, type MediaFile } from "../values.js";
import { planeExtent, planeSizes, type Video } from "../video.js";
import type { Encoder } from "./encode.js";
import { AUDIO, BY_BUFFER, FILE, LIMITS, requireHeld, TABLE, TENSOR, VIDEO, WireProblem } from "./wire.js";

export function tensor(to: Encoder, written: Tensor): void {
  const { size } = DTYPES[written.dtype];
  const held = written.length * size;
  refuse(misplaced(written));
  to.extension(TENSOR, () => {
    to.listHead(5);
    to.text(written.dtype);
    to.listHead(written.shape.length);
    for (const extent of written.shape) to.int(extent);
    if (held < BY_BUFFER) {
      to.nil();
      to.head(held, 0, 0, 0xc4, 0xc5, 0xc6);
      to.reserve(held);
      gather(written, size, to.bytes, to.length);
      to.length += held;
      to.int(0);
      return;
    }
    if (written.strides === null) to.nil();
    else {
      to.listHead(written.strides.length);
      for (const stride of written.strides) to.int(stride);
    }
    const at = to.block(written.bytes);
    to.int(at + written.offset);
  });
}

export function audio(to: Encoder, written: Audio): void {
  const { planes, frames } = written;
  const row = frames * 4;
  const held = row * planes.length;
  refuse(unequal(planes));
  to.extension(AUDIO, () => {
    to.listHead(8);
    to.int(written.rate);
    to.optionalText(written.layout);
    to.optionalInt(written.wirePts);
    to.int(planes.length);
    to.int(frames);
    if (held < BY_BUFFER) {
      to.int(row);
      to.head(held, 0, 0, 0xc4, 0xc5, 0xc6);
      to.reserve(held);
      for (const plane of planes) {
        to.bytes.set(bytesOf(plane, row), to.length);
        to.length += row;
      }
      to.int(0);
      return;
    }
    const stride = strideOf(planes, row);
    if (stride !== null) {
      const first = planes[0]!;
      const all = new Uint8Array(first.buffer, first.byteOffset, stride * (planes.length - 1) + row);
      to.int(stride);
      to.int(to.block(all));
      return;
    }
    const joined = new Uint8Array(held);
    for (const [index, plane] of planes.entries()) joined.set(bytesOf(plane, row), index * row);
    to.int(row);
    to.int(to.block(joined));
  });
}

export function video(to: Encoder, written: Video): void {
  to.extension(VIDEO, () => {
    to.listHead(5);
    to.text(written.format);
    to.int(written.width);
    to.int(written.height);
    to.optionalInt(written.wirePts);
    to.listHead(written.planes.length);
    const sizes = planeSizes(written.format, written.width, written.height)!;
    for (const [index, { data, stride }] of written.planes.entries()) {
      requireHeld(data);
      const [rows, row] = sizes[index]!;
      const extent = planeExtent(rows, row, stride);
      to.listHead(3);
      if (extent < BY_BUFFER) {
        to.bin(data.subarray(0, extent));
        to.int(0);
      } else to.int(to.block(data));
      to.int(stride);
    }
  });
}

export function table(to: Encoder, written: Table): void {
  to.extension(TABLE, () => {
    to.listHead(3);
    counted(to, written.rows, "rows", "table");
    to.bin(written.metadata);
    columns(to, written.columns, 1);
  });
}

function columns(to: Encoder, listed: readonly Column[], depth: number): void {
  to.listHead(listed.length);
  for (const each of listed) column(to, each, depth);
}

function column(to: Encoder, written: Column, depth: number): void {
  if (depth > LIMITS.depth) throw new WireProblem(`columns are nested deeper than ${LIMITS.depth}; flatten them`);
  const of = `column ${JSON.stringify(written.name)}`;
  to.listHead(10);
  to.text(written.name);
  to.text(written.format);
  counted(to, written.flags, "flags", of);
  to.bin(written.metadata);
  counted(to, written.length, "length", of);
  counted(to, written.nullCount, "nullCount", of);
  counted(to, written.offset, "offset", of);
  to.listHead(written.buffers.length);
  for (const buffer of written.buffers) {
    if (buffer === null) to.nil();
    else if (!isBytes(buffer))
      throw new WireProblem(`a buffer of the ${of} is no Uint8Array; give its bytes`);
    else if (buffer.length < BY_BUFFER) to.bin(buffer);
    else if (buffer.length === buffer.buffer.byteLength || !to.whole) to.block(buffer);
    else to.part(buffer);
  }
  columns(to, written.children, depth + 1);
  if (written.dictionary === null) to.nil();
  else column(to, written.dictionary, depth + 1);
}

/** Writes an integer that nothing has checked. */
function counted(to: Encoder, value: Integer, name: string, of: string): void {
  if (typeof value !== "bigint" && !Number.isSafeInteger(value))
    throw new WireProblem(`${name} of the ${of} must be a whole number, beyond 2^53 a BigInt, got ${inspect(value)}`);
  to.int(value);
}

export function file(to: Encoder, written: MediaFile): void {
  to.extension(FILE, () => {
    const { content } = written;
    to.listHead(5);
    to.optionalText(written.path);
    to.optionalText(written.mime);
    const size = content === null ? 0 : content.length;
    let at = 0;
    if (content === null) to.nil();
    else if (size < BY_BUFFER) to.bin(content);
    else at = to.block(content);
    to.int(at);
    to.int(size);
  });
}

/** Throws what is wrong with a value now, which was right when it was made. Copying it would leave gaps in the document. */
function refuse(problem: string | null): void {
  if (problem !== null) throw new WireProblem(problem);
}

function bytesOf(plane: Float32Array, size: number): Uint8Array {
  return new Uint8Array(plane.buffer as ArrayBuffer, plane.byteOffset, size);
}

/** The distance of channels that lie in one ArrayBuffer, evenly and in order; else null. */
function strideOf(planes: readonly Float32Array[], row: number): number | null {
  const first = planes[0]!;
  if (planes.length === 1) return row;
  const stride = planes[1]!.byteOffset - first.byteOffset;
  if (stride < 0) return null;
  for (const [index, plane] of planes.entries())
    if (plane.buffer !== first.buffer || plane.byteOffset !== first.byteOffset + index * stride) return null;
  return stride;
}
