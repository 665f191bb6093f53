/** The neutral notation of the suite: bytes, text and values as tests/conformance/README.md has them, and values compared. */
import {
  Audio,
  Float,
  MediaFile,
  Table,
  Tensor,
  Timestamp,
  Video,
  type Column,
  type Dtype,
  type PixelFormat,
  type Value,
} from "remotemedia";

export type Parts = (string | [string, number] | { keys: number })[];
type Notation = [string, ...any[]];

const PLAIN_NAN = 0x7ff8000000000000n;

/** Bytes in memory of their own. */
export function bytes(parts: Parts): Uint8Array {
  const pieces = parts.map((part) => {
    if (typeof part === "string") return Buffer.from(part, "hex");
    if (Array.isArray(part)) return Buffer.from(part[0].repeat(part[1]), "hex");
    return Buffer.concat(
      keys(part.keys).map((key) => Buffer.concat([Buffer.from([0xa5]), Buffer.from(key), Buffer.from([0xc0])])),
    );
  });
  const joined = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

export function text(parts: Parts): string {
  return parts
    .map((part) => {
      if (typeof part === "string") return part;
      if (Array.isArray(part)) return part[0].repeat(part[1]);
      return keys(part.keys)
        .map((key) => `"${key}":null`)
        .join(",");
    })
    .join("");
}

function keys(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index).padStart(5, "0"));
}

/** A value as the codec reads and writes it with `exact`. */
export function value([kind, ...of]: Notation): Value {
  switch (kind) {
    case "null":
      return null;
    case "bool":
      return of[0] as boolean;
    case "int":
      return BigInt(of[0] as string);
    case "float":
      return float(BigInt(`0x${of[0]}`));
    case "text":
      return text(of[0] as Parts);
    case "utf16":
      return String.fromCharCode(...((of[0] as string).match(/..../g) ?? []).map((unit) => parseInt(unit, 16)));
    case "bytes":
      return bytes(of[0] as Parts);
    case "list":
      return (of[0] as Notation[]).map(value);
    case "repeat":
      return new Array<Value>(of[1] as number).fill(value(of[0] as Notation));
    case "map":
      return new Map((of[0] as [Parts, Notation][]).map(([key, entry]) => [text(key), value(entry)]));
    case "keys":
      return new Map(keys(of[0] as number).map((key) => [key, null]));
    case "nest": {
      let nested: Value = of[0] === "list" ? [] : new Map();
      for (let depth = 1; depth < (of[1] as number); depth++)
        nested = of[0] === "list" ? [nested] : new Map([["k", nested]]);
      return nested;
    }
    case "timestamp":
      return new Timestamp(BigInt(of[0] as string), Number(of[1]));
    case "tensor":
      return new Tensor(of[0] as Dtype, (of[1] as string[]).map(Number), bytes(of[2] as Parts));
    case "audio":
      return audio(of);
    case "video": {
      const planes = (of[4] as [string, Parts][]).map(([stride, data]) => ({
        stride: Number(stride),
        data: bytes(data),
      }));
      return new Video(of[0] as PixelFormat, Number(of[1]), Number(of[2]), planes, { ptsNs: optional(of[3]) });
    }
    case "table":
      return new Table(BigInt(of[0] as string), (of[2] as any[][]).map(column), bytes(of[1] as Parts));
    case "file":
      return of[0] === "path"
        ? new MediaFile(of[1] as string, of[2] as string | null)
        : new MediaFile(bytes(of[1] as Parts), of[2] as string | null);
    default:
      throw new Error(`the kind ${kind} is not known`);
  }
}

function float(bits: bigint): number | Float {
  const number = new Float64Array(new BigUint64Array([bits]).buffer)[0]!;
  return Number.isNaN(number) && bits !== PLAIN_NAN ? new Float(number, bits) : number;
}

function audio([rate, layout, pts, channels, frames, data]: any[]): Audio {
  const samples = bytes(data as Parts);
  const size = Number(frames) * 4;
  const planes = Array.from(
    { length: Number(channels) },
    (_, channel) => new Float32Array(samples.buffer as ArrayBuffer, channel * size, Number(frames)),
  );
  return new Audio(planes, Number(rate), { layout, ptsNs: optional(pts) });
}

function column([
  name,
  format,
  flags,
  metadata,
  length,
  nullCount,
  offset,
  buffers,
  children,
  dictionary,
]: any[]): Column {
  return {
    name,
    format,
    flags: BigInt(flags),
    metadata: bytes(metadata),
    length: BigInt(length),
    nullCount: BigInt(nullCount),
    offset: BigInt(offset),
    buffers: buffers.map((buffer: Parts | null) => (buffer === null ? null : bytes(buffer))),
    children: children.map(column),
    dictionary: dictionary === null ? null : column(dictionary),
  };
}

function optional(value: unknown): bigint | null {
  return value === null || value === undefined ? null : BigInt(value as string);
}

/** A value as text that is equal for equal values alone: kinds, bits, order of entries. */
export function canonical(value: unknown): string {
  const write: string[] = [];
  into(value, write);
  return write.join("");
}

function into(value: unknown, write: string[]): void {
  if (value === null || typeof value === "boolean") write.push(String(value));
  else if (typeof value === "bigint") write.push(`${value}`);
  else if (typeof value === "number")
    write.push(
      `float:${new BigUint64Array(new Float64Array([Number.isNaN(value) ? 0 : value]).buffer)[0]!.toString(16)}${Number.isNaN(value) ? "NaN" : ""}`,
    );
  else if (typeof value === "string") write.push(JSON.stringify(value));
  else if (value instanceof Uint8Array) write.push(`bytes:${hex(value)}`);
  else if (Array.isArray(value)) {
    write.push("[");
    for (const item of value) (into(item, write), write.push(","));
    write.push("]");
  } else if (value instanceof Map) {
    write.push("{");
    for (const [key, entry] of value) (write.push(JSON.stringify(key), ":"), into(entry, write), write.push(","));
    write.push("}");
  } else if (value instanceof Float) write.push(`NaN:${value.bits!.toString(16)}`);
  else if (value instanceof Timestamp) write.push(`timestamp:${value.seconds}:${value.nanoseconds}`);
  else if (value instanceof Tensor) write.push(`tensor:${value.dtype}:[${value.shape.join()}]:${hex(value.data)}`);
  else if (value instanceof Audio)
    write.push(
      `audio:${value.rate}:${value.layout}:${value.ptsNs}:${value.channels}:${value.frames}:${value.planes.map(hex).join()}`,
    );
  else if (value instanceof Video)
    write.push(
      `video:${value.format}:${value.width}:${value.height}:${value.ptsNs}:${value.planes.map(({ stride, data }) => `${stride}:${hex(data)}`).join()}`,
    );
  else if (value instanceof MediaFile)
    write.push(`file:${value.path}:${value.mime}:${value.content === null ? null : hex(value.content)}`);
  else if (value instanceof Table)
    write.push(`table:${value.rows}:${hex(value.metadata)}:${JSON.stringify(value.columns, plain)}`);
  else write.push(`object:${JSON.stringify(value, plain)}`);
}

function plain(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return hex(value);
  return typeof value === "bigint" || typeof value === "number" ? `${value}` : value;
}

function hex(view: ArrayBufferView): string {
  return Buffer.from(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength).toString("hex");
}
