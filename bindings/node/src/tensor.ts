/** `Tensor`: an array with dimensions. It describes memory; only `data` of a strided one copies elements. */
import { types } from "node:util";
import { requireKnown, type Names } from "./known_options.js";
import { isLost, LOST } from "./values.js";

/** The typed array that holds the elements of each dtype, and their size in bytes. */
export const DTYPES = {
  bool: { size: 1, array: Uint8Array },
  int8: { size: 1, array: Int8Array },
  int16: { size: 2, array: Int16Array },
  int32: { size: 4, array: Int32Array },
  int64: { size: 8, array: BigInt64Array },
  uint8: { size: 1, array: Uint8Array },
  uint16: { size: 2, array: Uint16Array },
  uint32: { size: 4, array: Uint32Array },
  uint64: { size: 8, array: BigUint64Array },
  float16: { size: 2, array: Uint16Array },
  bfloat16: { size: 2, array: Uint16Array },
  float32: { size: 4, array: Float32Array },
  float64: { size: 8, array: Float64Array },
  complex64: { size: 8, array: Float32Array },
  complex128: { size: 16, array: Float64Array },
} as const;

export type Dtype = keyof typeof DTYPES;

export type TypedArray = InstanceType<(typeof DTYPES)[Dtype]["array"]>;

export interface TensorOptions {
  /** The distance in bytes between neighbours of each dimension; by default C order, the last dimension contiguous. */
  strides?: readonly number[] | null;
  /** Where the first element lies in the data, in bytes. */
  offset?: number;
}

const OF_TENSOR: Names<TensorOptions> = { strides: true, offset: true };

/** An n-dimensional array. float16 and bfloat16 are Uint16Arrays of their bits, complex numbers pairs of floats. */
export class Tensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** The distance in bytes between neighbours of each dimension; null in C order. */
  readonly strides: readonly number[] | null;
  /** The bytes that hold the elements. */
  readonly bytes: Uint8Array;
  /** Where the first element lies in `bytes`. */
  readonly offset: number;
  private gathered: TypedArray | null = null;

  constructor(dtype: Dtype, shape: readonly number[], data: ArrayBufferView, options: TensorOptions = {}) {
    requireKnown("Tensor", options, OF_TENSOR);
    const entry = DTYPES[dtype];
    if (entry === undefined)
      throw new TypeError(`the dtype ${JSON.stringify(dtype)} is none of ${Object.keys(DTYPES).join(", ")}`);
    if (shape.length > 64) throw new RangeError(`a tensor has at most 64 dimensions, not ${shape.length}`);
    for (const extent of shape)
      if (!Number.isSafeInteger(extent) || extent < 0)
        throw new RangeError(`each of a shape is an integer of 0 or more, not ${extent}`);
    const strides = options.strides ?? null;
    if (strides !== null && strides.length !== shape.length)
      throw new RangeError(`the shape has ${shape.length} dimensions, strides ${strides.length}`);
    const offset = options.offset ?? 0;
    if (!Number.isSafeInteger(offset)) throw new RangeError(`the offset is a whole number of bytes, not ${offset}`);
    for (const stride of strides ?? [])
      if (!Number.isSafeInteger(stride))
        throw new RangeError(`each of the strides is a whole number of bytes, not ${stride}`);
    if (isLost(data)) throw new RangeError(LOST);
    this.dtype = dtype;
    this.shape = shape;
    this.offset = offset;
    this.bytes =
      types.isUint8Array(data) ? data : new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    this.strides = strides === null || isCOrder(shape, strides, entry.size) ? null : strides;
    const problem = misplaced(this);
    if (problem !== null) throw new RangeError(problem);
  }

  /** A tensor of one dimension over a typed array, which it shares. */
  static from(array: TypedArray | Uint8ClampedArray): Tensor {
    const dtype = ArrayBuffer.isView(array) ? BY_NAME[String(nameOf.call(array))] : undefined;
    if (dtype === undefined) throw new TypeError("a Tensor is made of a typed array of numbers");
    return new Tensor(dtype, [array.length], array);
  }

  /** The number of elements. */
  get length(): number {
    return this.shape.reduce((count, extent) => count * extent, 1);
  }

  /** The elements in C order: a view where they lie so and are aligned, else a copy. */
  get data(): TypedArray {
    return (this.gathered ??= this.elements());
  }

  /** As `console.log` shows it. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `Tensor(${this.dtype}, shape [${this.shape.join(", ")}])`;
  }

  private elements(): TypedArray {
    const { size, array } = DTYPES[this.dtype];
    const count = this.length;
    if (count === 0) return new array(0);
    const problem = misplaced(this);
    if (problem !== null) throw new RangeError(problem);
    const unit = array.BYTES_PER_ELEMENT;
    if (this.strides === null && (this.bytes.byteOffset + this.offset) % unit === 0)
      return new array(this.bytes.buffer as ArrayBuffer, this.bytes.byteOffset + this.offset, (count * size) / unit);
    const copy = new Uint8Array(count * size);
    gather(this, size, copy, 0);
    return new array(copy.buffer, 0, (count * size) / unit);
  }
}

/** What holds the elements of a typed array, whatever class or realm it is of: `Float32Array`; undefined for a DataView. */
const nameOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)!.get!;

const BY_NAME: Readonly<Record<string, Dtype>> = {
  Int8Array: "int8",
  Int16Array: "int16",
  Int32Array: "int32",
  BigInt64Array: "int64",
  Uint8Array: "uint8",
  Uint8ClampedArray: "uint8",
  Uint16Array: "uint16",
  Uint32Array: "uint32",
  BigUint64Array: "uint64",
  Float16Array: "float16",
  Float32Array: "float32",
  Float64Array: "float64",
};

/** Why elements lie outside their bytes, as a clause; null if they don't. */
export function outOfBounds(
  size: number,
  shape: readonly number[],
  strides: readonly number[] | null,
  offset: number,
  held: number,
): string | null {
  let step = size;
  for (const extent of shape) step *= Math.max(extent, 1);
  if (step >= 2 ** 63) return "the shape needs more bytes than an address has";
  if (shape.includes(0)) return null;
  let first = offset;
  let end = offset + size;
  step = size;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const span = (shape[axis]! - 1) * (strides === null ? step : strides[axis]!);
    if (span < 0) first += span;
    else end += span;
    step *= shape[axis]!;
  }
  if (first >= 0 && end <= held) return null;
  return `the array reaches from byte ${first} to byte ${end}, the data has ${held} bytes; make shape, strides and offset fit`;
}

/** Why elements of a tensor lie outside its bytes, which are fewer once their ArrayBuffer has been resized or transferred. */
export function misplaced({ dtype, shape, strides, offset, bytes }: Tensor): string | null {
  if (isLost(bytes)) return LOST;
  return outOfBounds(DTYPES[dtype].size, shape, strides, offset, bytes.length);
}

/** Copies the elements of a tensor, none of which is misplaced, in C order to `target`. */
export function gather(tensor: Tensor, size: number, target: Uint8Array, at: number): void {
  const { bytes, shape } = tensor;
  if (tensor.strides === null) {
    target.set(bytes.subarray(tensor.offset, tensor.offset + tensor.length * size), at);
    return;
  }
  const strides = tensor.strides;
  const walk = (axis: number, from: number): void => {
    if (axis === shape.length) {
      for (let byte = 0; byte < size; byte++) target[at++] = bytes[from + byte]!;
      return;
    }
    for (let index = 0; index < shape[axis]!; index++) walk(axis + 1, from + index * strides[axis]!);
  };
  walk(0, tensor.offset);
}

function isCOrder(shape: readonly number[], strides: readonly number[], size: number): boolean {
  if (shape.includes(0)) return true;
  let step = size;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== step) return false;
    step *= shape[axis]!;
  }
  return true;
}
