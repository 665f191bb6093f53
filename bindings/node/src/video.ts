/** `Video`: one picture, plane by plane. It describes memory and never looks at the pixels. */
import { requireKnown, type Names } from "./known_options.js";
import { isBytes, wholeNanoseconds, type Integer } from "./values.js";

export type PixelFormat = "gray" | "rgb24" | "rgba" | "yuv420p" | "nv12";

/** The rows of one plane. */
export interface Plane {
  readonly data: Uint8Array;
  /** The distance in bytes from one row to the next. */
  readonly stride: number;
}

export interface VideoOptions {
  /** When the picture is shown, in nanoseconds. */
  ptsNs?: Integer | null;
}

const OF_VIDEO: Names<VideoOptions> = { ptsNs: true };

/** A picture. `rgba` has alpha last; `yuv420p` has the planes Y, U and V, `nv12` Y and U with V. */
export class Video {
  /** @internal Its place as it crosses. */
  readonly wirePts: Integer | null;

  constructor(
    readonly format: PixelFormat,
    readonly width: number,
    readonly height: number,
    readonly planes: readonly Plane[],
    options: VideoOptions = {},
  ) {
    requireKnown("Video", options, OF_VIDEO);
    const sizes = planeSizes(format, width, height);
    if (sizes === null)
      throw new TypeError(`the format ${JSON.stringify(format)} is none of gray, rgb24, rgba, yuv420p and nv12`);
    for (const [name, size] of [
      ["width", width],
      ["height", height],
    ] as const)
      if (!Number.isInteger(size) || size < 0 || size > 0xffff_ffff)
        throw new RangeError(`the ${name} is an integer from 0 to 2^32-1, not ${size}`);
    if (planes.length !== sizes.length)
      throw new RangeError(`${format} has ${sizes.length} planes, not ${planes.length}`);
    for (const [index, [rows, row]] of sizes.entries()) {
      const { data, stride } = planes[index]!;
      if (!isBytes(data)) throw new TypeError(`the data of plane ${index} is a Uint8Array`);
      if (!Number.isSafeInteger(stride) || stride < 0 || (rows > 1 && stride < row))
        throw new RangeError(`the stride of plane ${index} is ${stride}; make it at least the ${row} bytes of a row`);
      if (planeExtent(rows, row, stride) > data.length)
        throw new RangeError(`plane ${index} needs ${planeExtent(rows, row, stride)} bytes and has ${data.length}`);
    }
    this.wirePts = wholeNanoseconds("ptsNs", options.ptsNs);
  }

  /** When the picture is shown, in seconds; null if it has no place in time. */
  get pts(): number | null {
    return this.wirePts === null ? null : Number(this.wirePts) / 1e9;
  }

  get ptsNs(): bigint | null {
    return this.wirePts === null ? null : BigInt(this.wirePts);
  }
}

/** Rows and bytes of a row for each plane of a format; null for an unknown one. */
export function planeSizes(format: string, width: number, height: number): [rows: number, row: number][] | null {
  const [halfWidth, halfHeight] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  switch (format) {
    case "gray":
      return [[height, width]];
    case "rgb24":
      return [[height, width * 3]];
    case "rgba":
      return [[height, width * 4]];
    case "yuv420p":
      return [
        [height, width],
        [halfHeight, halfWidth],
        [halfHeight, halfWidth],
      ];
    case "nv12":
      return [
        [height, width],
        [halfHeight, halfWidth * 2],
      ];
    default:
      return null;
  }
}

/** The bytes from the first of a plane to its last; the gap behind the last row is not part of it. */
export function planeExtent(rows: number, row: number, stride: number): number {
  return rows === 0 ? 0 : (rows - 1) * stride + row;
}
