/** `Audio`: planar float32 samples with their rate. It describes memory and never looks at the samples. */
import { types } from "node:util";
import { requireKnown, type Names } from "./known_options.js";
import { isLost, LOST, wholeNanoseconds, type Integer } from "./values.js";

export interface AudioOptions {
  /** The places of the channels: `mono`, `stereo`, `5.1`; by default that of one or two channels. Null: only their number is known. */
  layout?: string | null;
  /** When the first frame begins, in nanoseconds. */
  ptsNs?: Integer | null;
}

const OF_AUDIO: Names<AudioOptions> = { layout: true, ptsNs: true };

/**
 * Audio of one or more channels, full scale at ±1.0.
 *
 * What the runtime hands out may be shared with other holders: copy samples before you change them.
 */
export class Audio {
  readonly rate: number;
  readonly layout: string | null;
  /** The samples of each channel. */
  readonly planes: readonly Float32Array[];
  /** @internal Its place as it crosses. */
  readonly wirePts: Integer | null;

  /** @param samples one channel, or a list with each channel; all of the same length @param rate in Hz */
  constructor(samples: Float32Array | readonly Float32Array[], rate: number, options: AudioOptions = {}) {
    requireKnown("Audio", options, OF_AUDIO);
    const planes = types.isFloat32Array(samples) ? [samples] : samples;
    if (planes.length < 1 || planes.length > 1024)
      throw new RangeError(`audio has 1 to 1024 channels, not ${planes.length}`);
    if (!Number.isInteger(rate) || rate < 1 || rate > 0xffff_ffff)
      throw new RangeError(`the rate is a whole number of Hz from 1 to 2^32-1, not ${rate}`);
    for (const plane of planes)
      if (!types.isFloat32Array(plane)) throw new TypeError("the samples of a channel are a Float32Array");
    const problem = unequal(planes);
    if (problem !== null) throw new RangeError(problem);
    this.planes = planes;
    this.rate = rate;
    this.layout = options.layout === undefined ? (DEFAULT_LAYOUTS[planes.length] ?? null) : options.layout;
    this.wirePts = wholeNanoseconds("ptsNs", options.ptsNs);
  }

  get channels(): number {
    return this.planes.length;
  }

  get frames(): number {
    return this.planes[0]!.length;
  }

  /** How long it lasts, in seconds. */
  get duration(): number {
    return this.frames / this.rate;
  }

  /** When the first frame begins, in seconds; null if it has no place in time. */
  get pts(): number | null {
    return this.wirePts === null ? null : Number(this.wirePts) / 1e9;
  }

  /** When the first frame begins, in nanoseconds. */
  get ptsNs(): bigint | null {
    return this.wirePts === null ? null : BigInt(this.wirePts);
  }

  /** The samples of one channel. */
  channel(index: number): Float32Array {
    const plane = this.planes[index];
    if (plane === undefined) throw new RangeError(`there are channels 0 to ${this.channels - 1}, not ${index}`);
    return plane;
  }

  /** As `console.log` shows it. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    const { layout, channels, frames, rate, duration, pts } = this;
    const place = pts === null ? "" : `, pts ${pts.toFixed(3)} s`;
    return `Audio(${layout ?? `${channels} channels`}, ${frames} frames, ${rate} Hz, ${duration.toFixed(3)} s${place})`;
  }
}

const DEFAULT_LAYOUTS: Record<number, string> = { 1: "mono", 2: "stereo" };

/** Why channels are none of one sound, as memory may have been resized or transferred; null if they are as long as each other. */
export function unequal(planes: readonly Float32Array[]): string | null {
  if (planes.some(isLost)) return LOST;
  const frames = planes[0]!.length;
  for (const { length } of planes)
    if (length !== frames) return `the channels have ${frames} and ${length} frames; make them equal`;
  return null;
}
