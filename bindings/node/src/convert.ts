/** What the library does for a host beside pipelines: JSON twins, PCM, documents, and what is alive. */
import { inspect } from "node:util";
import { Decoder } from "./codec/decode.js";
import { Encoder } from "./codec/encode.js";
import type { Audio } from "./audio.js";
import { requireKnown, type Names } from "./known_options.js";
import { native } from "./native.js";
import { called, done, refused, room, write } from "./rooms.js";
import type { Input, Value } from "./values.js";

export type SampleFormat = "u8" | "s16" | "s24" | "s32" | "f32" | "mulaw" | "alaw";

/** Whether ints and floats are kept apart, as in the options of a pipeline. */
export interface CodecOptions {
  exact?: boolean;
}

const OF_CODEC: Names<CodecOptions> = { exact: true };
const OF_PCM: Names<{ format: SampleFormat; rate: number; channels?: number }> = {
  format: true,
  rate: true,
  channels: true,
};

/** A value as a document of the wire format: its bytes, and the blocks of memory that they refer to. */
export interface Document {
  readonly bytes: Uint8Array;
  readonly buffers: readonly Uint8Array[];
}

/** Audio of interleaved little-endian PCM. */
export function audioFromPcm(
  bytes: Uint8Array,
  format: { format: SampleFormat; rate: number; channels?: number },
): Audio {
  requireKnown("audioFromPcm", format, OF_PCM);
  const { rate, channels = 1 } = format;
  for (const [name, given] of [
    ["rate", rate],
    ["channels", channels],
  ] as const)
    if (!Number.isInteger(given) || given < 1 || given > 0xffff_ffff)
      throw new RangeError(`${name} must be a whole number from 1 to 2^32-1, got ${inspect(given)}`);
  return called((into) => native().audioFromPcm(into, bytes, Buffer.from(format.format), rate, channels));
}

/** Audio as interleaved little-endian PCM, rounded and saturated. NaN and infinity are refused but for f32. */
export function audioToPcm(audio: Audio, format: SampleFormat): Uint8Array {
  return converted(audio, {}, (used) =>
    native().audioToPcm(used.handle, used.encoder.bytes, used.encoder.length, used.given, 0, Buffer.from(format)),
  );
}

/** The JSON twin of a value: text that loses nothing. */
export function toJson(value: Input, options: CodecOptions = {}): string {
  requireKnown("toJson", options, OF_CODEC);
  const used = room(options.exact);
  try {
    write(used.encoder, value, "value");
    done(native().documentToJson(used.handle, used.encoder.bytes, used.encoder.length, used.given, 0, 0));
    const text = used.read();
    return Buffer.from(text.bytes.buffer as ArrayBuffer, text.bytes.byteOffset, used.written).toString("utf8");
  } finally {
    used.free();
  }
}

/** The value of a JSON twin. */
export function fromJson(text: string | Uint8Array, options: CodecOptions = {}): Value {
  requireKnown("fromJson", options, OF_CODEC);
  const used = room();
  try {
    done(native().documentFromJson(used.handle, typeof text === "string" ? Buffer.from(text) : text));
    const decoder = used.read();
    decoder.exact = options.exact ?? false;
    return decoder.value();
  } finally {
    used.free();
  }
}

/** Writes a value as a document. */
export function encode(value: Input, options: CodecOptions = {}): Document {
  requireKnown("encode", options, OF_CODEC);
  const encoder = new Encoder();
  encoder.exact = options.exact ?? false;
  write(encoder, value, "value");
  return { bytes: encoder.bytes.slice(0, encoder.length), buffers: encoder.table };
}

/** Reads a document. Throws `InvalidDocumentError` that names the place. */
export function decode(
  { bytes, buffers }: { bytes: Uint8Array; buffers?: readonly Uint8Array[] },
  options: CodecOptions = {},
): Value {
  requireKnown("decode", options, OF_CODEC);
  const decoder = new Decoder(bytes);
  decoder.exact = options.exact ?? false;
  try {
    decoder.begin(bytes.length, buffers ?? []);
    const value = decoder.value();
    decoder.finish();
    return value;
  } catch (problem) {
    throw refused(problem, "value");
  }
}

/** How many objects of the library are alive in this process, by their kind: for tests that prove that none are left. */
export function liveObjects(): Record<string, number> {
  return called((into) => native().liveObjects(into));
}

/** The versions of the library and of its ABI. */
export function versions(): { version: string; abi: string; build: Record<string, Value> } {
  const abi = native().abiVersion();
  return {
    version: native().version(),
    abi: `${abi >>> 16}.${abi & 0xffff}`,
    build: JSON.parse(native().buildInfo()) as Record<string, Value>,
  };
}

function converted<T>(value: Input, options: CodecOptions, call: (used: ReturnType<typeof room>) => number): T {
  const used = room(options.exact);
  try {
    write(used.encoder, value, "value");
    done(call(used));
    return used.plain<T>();
  } finally {
    used.free();
  }
}
