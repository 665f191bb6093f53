package org.remotemedia;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/**
 * An array of numbers with any number of dimensions, little-endian.
 *
 * @param dtype the type of the elements
 * @param shape the sizes, the last dimension varying fastest; empty for one element without dimensions
 * @param strides the distance in bytes between neighbours of each dimension; null for C order
 * @param data the memory; it holds all elements
 * @param offset where the element {@code [0, 0, ...]} begins in it, in bytes
 */
public record Tensor(DType dtype, long[] shape, long[] strides, MemorySegment data, long offset) implements Value {

    /** The most dimensions. */
    public static final int MAX_DIMENSIONS = 64;

    /** Checks that every element lies inside the memory. */
    public Tensor {
        Objects.requireNonNull(dtype);
        Objects.requireNonNull(data);
        shape = shape.clone();
        strides = strides == null ? null : strides.clone();
        if (shape.length > MAX_DIMENSIONS) {
            throw new IllegalArgumentException(
                    "a tensor has at most " + MAX_DIMENSIONS + " dimensions, not " + shape.length);
        }
        if (strides != null && strides.length != shape.length) {
            throw new IllegalArgumentException(
                    "there are " + strides.length + " strides for " + shape.length + " dimensions");
        }
        boolean empty = false;
        for (long size : shape) {
            if (size < 0) {
                throw new IllegalArgumentException("a size of a tensor is below 0: " + size);
            }
            empty |= size == 0;
        }
        long bytes = dtype.size();
        try {
            for (long size : shape) {
                // An empty array has no more bytes than its other sizes have.
                bytes = Math.multiplyExact(bytes, Math.max(size, 1));
            }
            if (!empty) {
                long low = offset;
                long high = Math.addExact(offset, strides == null ? bytes : dtype.size());
                if (strides != null) {
                    for (int at = 0; at < shape.length; at++) {
                        long span = Math.multiplyExact(shape[at] - 1, strides[at]);
                        if (span < 0) {
                            low = Math.addExact(low, span);
                        } else {
                            high = Math.addExact(high, span);
                        }
                    }
                }
                if (low < 0 || high > data.byteSize()) {
                    throw new IllegalArgumentException("the array reaches from byte " + low + " to byte " + high
                            + ", the memory has " + data.byteSize() + " bytes");
                }
            }
        } catch (ArithmeticException error) {
            throw new IllegalArgumentException(
                    "the array " + Arrays.toString(shape) + " of " + dtype.text() + " is larger than any memory");
        }
    }

    /** A tensor in C order; {@code shape} may be left out for one dimension. */
    public static Tensor of(DType dtype, MemorySegment data, long... shape) {
        long[] sizes = shape.length == 0 ? new long[] {data.byteSize() / dtype.size()} : shape;
        return new Tensor(dtype, sizes, null, data, 0);
    }

    /** A tensor of {@code float32}. */
    public static Tensor of(float[] data, long... shape) {
        return of(DType.FLOAT32, MemorySegment.ofArray(data), shape);
    }

    /** A tensor of {@code float64}. */
    public static Tensor of(double[] data, long... shape) {
        return of(DType.FLOAT64, MemorySegment.ofArray(data), shape);
    }

    /** A tensor of {@code int32}. */
    public static Tensor of(int[] data, long... shape) {
        return of(DType.INT32, MemorySegment.ofArray(data), shape);
    }

    /** A tensor of {@code int64}. */
    public static Tensor of(long[] data, long... shape) {
        return of(DType.INT64, MemorySegment.ofArray(data), shape);
    }

    /** A tensor of {@code int16}. */
    public static Tensor of(short[] data, long... shape) {
        return of(DType.INT16, MemorySegment.ofArray(data), shape);
    }

    @Override
    public long[] shape() {
        return shape.clone();
    }

    @Override
    public long[] strides() {
        return strides == null ? null : strides.clone();
    }

    /** The number of elements. */
    public long count() {
        long count = 1;
        for (long size : shape) {
            count *= size;
        }
        return count;
    }

    /** The elements in C order: the memory itself where it has that order, else a copy. */
    public MemorySegment contiguous() {
        long bytes = count() * dtype.size();
        if (bytes == 0) {
            return MemorySegment.ofArray(new byte[0]);
        }
        if (isContiguous()) {
            return data.asSlice(offset, bytes);
        }
        MemorySegment gathered = MemorySegment.ofArray(new long[Math.toIntExact((bytes + 7) / 8)]);
        gather(gathered, 0, 0, offset);
        return gathered.asSlice(0, bytes);
    }

    /** Whether the elements lie in C order without gaps. */
    public boolean isContiguous() {
        if (strides == null) {
            return true;
        }
        long expected = dtype.size();
        for (int at = shape.length - 1; at >= 0; at--) {
            if (shape[at] == 0) {
                return true;
            }
            if (shape[at] != 1 && strides[at] != expected) {
                return false;
            }
            expected *= shape[at];
        }
        return true;
    }

    private long gather(MemorySegment target, long written, int dimension, long from) {
        if (dimension == shape.length) {
            MemorySegment.copy(data, from, target, written, dtype.size());
            return written + dtype.size();
        }
        for (long index = 0; index < shape[dimension]; index++) {
            written = gather(target, written, dimension + 1, from + index * strides[dimension]);
        }
        return written;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Tensor that
                && dtype == that.dtype
                && Arrays.equals(shape, that.shape)
                && contiguous().mismatch(that.contiguous()) == -1;
    }

    @Override
    public int hashCode() {
        return Objects.hash(dtype, Arrays.hashCode(shape));
    }

    @Override
    public String toString() {
        return "Tensor(" + dtype.text() + ", " + Arrays.toString(shape) + ")";
    }
}
