package org.remotemedia;

import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.Objects;
import org.remotemedia.codec.FrozenMap;
import org.remotemedia.codec.PlainValues;

/**
 * A value that travels through a pipeline: plain data, or media.
 *
 * <p>Values are immutable, but for the memory of media. Two values are equal if they have the same kind and all their
 * bits are equal: {@code Int(1)} is not {@code Float(1.0)}, and the order of the entries of a map counts. Wherever
 * the API takes an {@code Object} as a value, {@link #of} describes which Java objects it may be.
 */
public sealed interface Value
        permits Value.Null,
                Value.Bool,
                Value.Int,
                Value.UInt,
                Value.Float,
                Value.Text,
                Value.Bytes,
                Value.List,
                Value.Map,
                Value.Timestamp,
                Value.File,
                Audio,
                Video,
                Tensor,
                Table {

    /** The null value. */
    Null NULL = new Null();

    /** Nothing. */
    record Null() implements Value {
        @Override
        public String toString() {
            return "null";
        }
    }

    /** A truth value. */
    record Bool(boolean value) implements Value {
        @Override
        public String toString() {
            return Boolean.toString(value);
        }
    }

    /** An integer from -2^63 to 2^63-1. */
    record Int(long value) implements Value {
        @Override
        public String toString() {
            return Long.toString(value);
        }
    }

    /** An integer from 2^63 to 2^64-1; {@code bits} is negative when it is read as a {@code long}. */
    record UInt(long bits) implements Value {
        /** Checks that no smaller integer is written so: that is an {@link Int}. */
        public UInt {
            if (bits >= 0) {
                throw new IllegalArgumentException(bits + " is below 2^63; use Value.Int");
            }
        }

        /** The integer itself. */
        public BigInteger value() {
            return new BigInteger(Long.toUnsignedString(bits));
        }

        @Override
        public String toString() {
            return Long.toUnsignedString(bits);
        }
    }

    /** A floating-point number of 64 bits. */
    record Float(double value) implements Value {
        @Override
        public boolean equals(Object other) {
            return other instanceof Float(double that)
                    && Double.doubleToRawLongBits(value) == Double.doubleToRawLongBits(that);
        }

        @Override
        public int hashCode() {
            return Long.hashCode(Double.doubleToRawLongBits(value));
        }

        @Override
        public String toString() {
            return Double.toString(value);
        }
    }

    /** Text. */
    record Text(String value) implements Value {
        /** Checks that there is text. */
        public Text {
            Objects.requireNonNull(value);
        }

        @Override
        public String toString() {
            return PlainValues.quoted(value);
        }
    }

    /** Bytes, in memory on or off the heap. */
    record Bytes(MemorySegment data) implements Value {
        /** Bytes of an array, which is not copied. */
        public Bytes(byte[] data) {
            this(MemorySegment.ofArray(data));
        }

        /** A copy of the bytes. */
        public byte[] toArray() {
            return data.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Bytes(MemorySegment that) && data.mismatch(that) == -1;
        }

        @Override
        public int hashCode() {
            return Long.hashCode(data.byteSize());
        }

        @Override
        public String toString() {
            return "Bytes(" + data.byteSize() + ")";
        }
    }

    /** A list of values. */
    record List(java.util.List<Value> items) implements Value, Iterable<Value> {
        /** Keeps a copy of the list, unless it can't be changed. */
        public List {
            items = java.util.List.copyOf(items);
        }

        @Override
        public Iterator<Value> iterator() {
            return items.iterator();
        }

        @Override
        public String toString() {
            return items.toString();
        }
    }

    /** A map from text to values, in the order of its entries. */
    record Map(java.util.Map<String, Value> entries) implements Value {
        /** Keeps a copy of the map. */
        public Map {
            entries = FrozenMap.of(entries);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Map(var that)
                    && new ArrayList<>(entries.entrySet()).equals(new ArrayList<>(that.entrySet()));
        }

        @Override
        public int hashCode() {
            return entries.hashCode();
        }

        @Override
        public String toString() {
            return PlainValues.braces(entries);
        }
    }

    /** A moment: seconds since 1970-01-01T00:00:00Z, and nanoseconds within the second. */
    record Timestamp(long seconds, int nanoseconds) implements Value {
        /** Checks the nanoseconds. */
        public Timestamp {
            if (nanoseconds < 0 || nanoseconds > 999_999_999) {
                throw new IllegalArgumentException(
                        "the nanoseconds of a timestamp are 0 to 999999999, not " + nanoseconds);
            }
        }

        /**
         * The same moment; {@link Instant} has a smaller range, and {@link java.time.DateTimeException} reports it.
         */
        public Instant toInstant() {
            return Instant.ofEpochSecond(seconds, nanoseconds);
        }
    }

    /** A file: the path of one, or its content. {@code mime} is text such as {@code audio/flac}, or null. */
    record File(String path, MemorySegment content, String mime) implements Value {
        /** Checks that there is a path or a content, and not both. */
        public File {
            if ((path == null) == (content == null)) {
                throw new IllegalArgumentException("a file has either a path or a content");
            }
        }

        /**
         * The file at a path of this machine; nothing opens it before a node does.
         *
         * @throws MarshalException if the path is of another file system, such as one of an archive
         */
        public File(Path path) {
            this(PlainValues.textOf(path), null, null);
        }

        /** A file with this content. */
        public File(byte[] content) {
            this(null, MemorySegment.ofArray(content), null);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof File that
                    && Objects.equals(path, that.path)
                    && Objects.equals(mime, that.mime)
                    && (content == null) == (that.content == null)
                    && (content == null || content.mismatch(that.content) == -1);
        }

        @Override
        public int hashCode() {
            return Objects.hash(path, mime);
        }

        @Override
        public String toString() {
            return "File(" + (path != null ? PlainValues.quoted(path) : content.byteSize() + " bytes") + ")";
        }
    }

    /**
     * The value of a Java object: null, {@code Boolean}, integers up to {@code BigInteger}, {@code Float},
     * {@code Double}, {@code String}, {@code byte[]}, {@code MemorySegment} and {@code ByteBuffer} (bytes), arrays of
     * other numbers and their buffers in either byte order (a {@link Tensor} of one dimension), {@code Path} (a
     * {@link File}), {@code Instant}, {@code Iterable}, {@code Object[]}, and {@code Map} with text as keys. A
     * {@code Value} is itself.
     *
     * @throws MarshalException if the object, or one inside it, is something else
     */
    static Value of(Object object) {
        return PlainValues.valueOf(object, "value");
    }

    /**
     * The Java object of a plain value: null, {@code Boolean}, {@code Long}, {@code BigInteger}, {@code Double},
     * {@code String}, {@code byte[]}, {@code List}, {@code Map}, {@code Instant}. Media are themselves.
     */
    default Object toJava() {
        return PlainValues.objectOf(this);
    }

    /** The entry of a map; null if there is none. */
    default Value get(String key) {
        return asMap().get(key);
    }

    /** The item of a list. */
    default Value get(int index) {
        return asList().get(index);
    }

    /** The truth value. @throws IllegalStateException if this is something else */
    default boolean asBool() {
        return this instanceof Bool(boolean value) ? value : PlainValues.isNo(this, "a truth value");
    }

    /** The integer. @throws IllegalStateException if this is something else */
    default long asLong() {
        return this instanceof Int(long value) ? value : PlainValues.<Long>isNo(this, "an integer below 2^63");
    }

    /** The number, of an integer too. @throws IllegalStateException if this is something else */
    default double asDouble() {
        return switch (this) {
            case Float(double value) -> value;
            case Int(long value) -> value;
            case UInt whole -> whole.value().doubleValue();
            default -> PlainValues.<Double>isNo(this, "a number");
        };
    }

    /** The text. @throws IllegalStateException if this is something else */
    default String asText() {
        return this instanceof Text(String value) ? value : PlainValues.isNo(this, "text");
    }

    /** The items of a list. @throws IllegalStateException if this is something else */
    default java.util.List<Value> asList() {
        return this instanceof List(var items) ? items : PlainValues.isNo(this, "a list");
    }

    /** The entries of a map. @throws IllegalStateException if this is something else */
    default java.util.Map<String, Value> asMap() {
        return this instanceof Map(var entries) ? entries : PlainValues.isNo(this, "a map");
    }

    /** The kind of value, as messages name it. */
    default String kind() {
        return PlainValues.kindOf(this);
    }
}
