package org.remotemedia.codec;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.remotemedia.Audio;
import org.remotemedia.MarshalException;
import org.remotemedia.Table;
import org.remotemedia.Tensor;
import org.remotemedia.Value;
import org.remotemedia.Video;

/**
 * Writes values as documents: msgpack bytes, and a table of the memory that payloads of 16 KiB and more lie in.
 *
 * <p>{@code docs/wire.md} describes the format. It knows nothing of native memory: the table holds segments as they
 * are.
 */
public final class Encoder {
    /** Payloads below this many bytes lie inside the document. */
    public static final int INLINE_BELOW = 16 * 1024;

    private static final VarHandle SHORT = view(short[].class);
    private static final VarHandle INT = view(int[].class);
    private static final VarHandle LONG = view(long[].class);

    private byte[] bytes = new byte[512];
    private int length;
    private int depth;
    private boolean arraysAreLists;
    private final List<MemorySegment> buffers = new ArrayList<>();

    /** Forgets what was written. */
    public void clear() {
        length = 0;
        depth = 0;
        buffers.clear();
        if (bytes.length > 1 << 20) {
            bytes = new byte[512];
        }
    }

    /** The bytes written so far; only the first {@link #length} count, until something else is written. */
    public byte[] bytes() {
        return bytes;
    }

    /** The number of bytes written so far. */
    public int length() {
        return length;
    }

    /** The buffer table. */
    public List<MemorySegment> buffers() {
        return buffers;
    }

    /**
     * Writes a value, or a Java object that stands for one, see {@link Value#of}.
     *
     * @param name what errors call it; the place in it follows
     */
    public void value(Object object, String name) {
        try {
            value(object);
        } catch (MarshalException error) {
            throw error.inside(name);
        }
    }

    /** Writes a manifest, or params, as {@link #value} does; there arrays of numbers are lists, and not tensors. */
    public void manifest(Object object, String name) {
        arraysAreLists = true;
        try {
            value(object, name);
        } finally {
            arraysAreLists = false;
        }
    }

    private void value(Object object) {
        switch (object) {
            case null -> nil();
            case String text -> text(text);
            case Integer number -> integer(number);
            case Long number -> integer(number);
            case Double number -> floating(number);
            case Boolean bool -> bool(bool);
            case Value value -> write(value);
            case Map<?, ?> map -> map(map);
            case List<?> list -> list(list);
            default -> {
                List<?> items = arraysAreLists ? PlainValues.itemsOf(object) : null;
                if (items != null) {
                    list(items);
                } else {
                    write(PlainValues.valueOf(object));
                }
            }
        }
    }

    /** Writes null. */
    public void nil() {
        put(0xc0);
    }

    /** Writes a truth value. */
    public void bool(boolean value) {
        put(value ? 0xc3 : 0xc2);
    }

    /** Writes an integer in its shortest form. */
    public void integer(long value) {
        if (value >= 0) {
            if (value < 128) {
                put((int) value);
            } else if (value < 1 << 8) {
                put(0xcc);
                put((int) value);
            } else if (value < 1 << 16) {
                put16(0xcd, (int) value);
            } else if (value < 1L << 32) {
                put32(0xce, (int) value);
            } else {
                put64(0xcf, value);
            }
        } else if (value >= -32) {
            put((int) value);
        } else if (value >= Byte.MIN_VALUE) {
            put(0xd0);
            put((int) value);
        } else if (value >= Short.MIN_VALUE) {
            put16(0xd1, (int) value);
        } else if (value >= Integer.MIN_VALUE) {
            put32(0xd2, (int) value);
        } else {
            put64(0xd3, value);
        }
    }

    /** Writes a float with all its bits. */
    public void floating(double value) {
        put64(0xcb, Double.doubleToRawLongBits(value));
    }

    /** Writes the head of a list; its items follow. */
    public void array(int count) {
        head(count, 0x90, 15, 0, 0xdc, 0xdd);
    }

    /** Writes the head of a map; its keys and values follow. */
    public void entries(int count) {
        head(count, 0x80, 15, 0, 0xde, 0xdf);
    }

    /** Writes text. */
    public void text(String text) {
        int count = text.length();
        int at = 0;
        while (at < count && text.charAt(at) < 0x80) {
            at++;
        }
        if (at == count) {
            head(count, 0xa0, 31, 0xd9, 0xda, 0xdb);
            room(count);
            copyAscii(text, count);
            length += count;
            return;
        }
        byte[] encoded = Utf8.encode(text);
        head(encoded.length, 0xa0, 31, 0xd9, 0xda, 0xdb);
        raw(encoded, 0, encoded.length);
    }

    /** Writes nanoseconds, or nil. @param name what errors call the time */
    public void nanoseconds(Duration time, String name) {
        if (time == null) {
            nil();
            return;
        }
        try {
            integer(time.toNanos());
        } catch (ArithmeticException error) {
            throw new MarshalException("the time " + time + " does not fit 64 bits of nanoseconds").inside(name);
        }
    }

    /** Writes bytes that are already a document or a part of one. */
    public void raw(byte[] source, int from, int count) {
        room(count);
        System.arraycopy(source, from, bytes, length, count);
        length += count;
    }

    /** Writes what another encoder has written, where this one has no memory yet: both tables become this one's. */
    public void append(Encoder other) {
        raw(other.bytes, 0, other.length);
        buffers.addAll(other.buffers);
    }

    /** Forgets what was written, outside of lists and maps, after it had so many bytes and so much memory. */
    public void rewind(int length, int count) {
        this.length = length;
        depth = 0;
        buffers.subList(count, buffers.size()).clear();
    }

    private void write(Value value) {
        switch (value) {
            case Value.Null nothing -> nil();
            case Value.Bool(boolean bool) -> bool(bool);
            case Value.Int(long number) -> integer(number);
            case Value.UInt(long bits) -> put64(0xcf, bits);
            case Value.Float(double number) -> floating(number);
            case Value.Text(String text) -> text(text);
            case Value.Bytes(MemorySegment data) -> bytes(data);
            case Value.List(List<Value> items) -> list(items);
            case Value.Map(Map<String, Value> entries) -> map(entries);
            case Value.Timestamp moment -> timestamp(moment.seconds(), moment.nanoseconds());
            case Value.File file -> extension(5, () -> file(file));
            case Tensor tensor -> extension(1, () -> tensor(tensor));
            case Audio audio -> extension(2, () -> audio(audio));
            case Video video -> extension(3, () -> video(video));
            case Table table -> extension(4, () -> table(table));
        }
    }

    private void list(List<?> items) {
        depth = PlainValues.deeper(depth);
        array(items.size());
        int index = 0;
        for (Object item : items) {
            try {
                value(item);
            } catch (MarshalException error) {
                throw error.inside(PlainValues.step(index));
            }
            index++;
        }
        depth--;
    }

    private void map(Map<?, ?> map) {
        depth = PlainValues.deeper(depth);
        entries(map.size());
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            if (!(entry.getKey() instanceof String key)) {
                throw new MarshalException("the key " + entry.getKey() + " of a map is not text; make every key text");
            }
            try {
                text(key);
            } catch (MarshalException error) {
                throw new MarshalException("the key " + PlainValues.quoted(key)
                        + " of a map has half of a surrogate pair, which UTF-8 can't hold; use other text");
            }
            try {
                value(entry.getValue());
            } catch (MarshalException error) {
                throw error.inside(PlainValues.step(key));
            }
        }
        depth--;
    }

    private void bytes(MemorySegment data) {
        if (data.byteSize() < INLINE_BELOW) {
            binary(data);
            return;
        }
        extension(6, () -> {
            array(3);
            integer(entry(data));
            integer(0);
            integer(data.byteSize());
        });
    }

    private void timestamp(long seconds, int nanoseconds) {
        if (nanoseconds == 0 && seconds >= 0 && seconds < 1L << 32) {
            put(0xd6);
            put(-1);
            room(4);
            INT.set(bytes, length, (int) seconds);
            length += 4;
        } else if (seconds >= 0 && seconds < 1L << 34) {
            put(0xd7);
            put(-1);
            room(8);
            LONG.set(bytes, length, (long) nanoseconds << 34 | seconds);
            length += 8;
        } else {
            put(0xc7);
            put(12);
            put(-1);
            room(12);
            INT.set(bytes, length, nanoseconds);
            LONG.set(bytes, length + 4, seconds);
            length += 12;
        }
    }

    private void tensor(Tensor tensor) {
        array(5);
        text(tensor.dtype().text());
        long[] shape = tensor.shape();
        array(shape.length);
        for (long size : shape) {
            integer(size);
        }
        long size = tensor.dtype().size();
        long count = tensor.count() * size;
        boolean contiguous = tensor.isContiguous();
        if (count < INLINE_BELOW || contiguous) {
            nil();
            payload(tensor.contiguous());
            integer(0);
            return;
        }
        long[] strides = tensor.strides();
        array(strides.length);
        long low = 0;
        long high = size;
        for (int at = 0; at < strides.length; at++) {
            integer(strides[at]);
            long span = (shape[at] - 1) * strides[at];
            low += Math.min(span, 0);
            high += Math.max(span, 0);
        }
        integer(entry(tensor.data().asSlice(tensor.offset() + low, high - low)));
        integer(-low);
    }

    private void audio(Audio audio) {
        array(8);
        integer(audio.rate());
        optionalText(audio.layout());
        nanoseconds(audio.pts(), ".pts");
        integer(audio.channels());
        integer(audio.frames());
        long row = audio.frames() * 4;
        if (row * audio.channels() < INLINE_BELOW) {
            integer(row);
            int all = (int) row * audio.channels();
            binaryHead(all);
            room(all);
            for (int channel = 0; channel < audio.channels() && row > 0; channel++) {
                copy(audio.channel(channel));
            }
        } else {
            integer(audio.stride());
            integer(entry(audio.data().asSlice(0, (audio.channels() - 1) * audio.stride() + row)));
        }
        integer(0);
    }

    private void video(Video video) {
        array(5);
        text(video.format().text());
        integer(video.width());
        integer(video.height());
        nanoseconds(video.pts(), ".pts");
        array(video.planes().size());
        for (int plane = 0; plane < video.planes().size(); plane++) {
            array(3);
            payload(video.plane(plane));
            integer(0);
            integer(video.planes().get(plane).stride());
        }
    }

    private void table(Table table) {
        array(3);
        integer(table.rows());
        binary(table.metadata());
        columns(table.columns());
    }

    private void columns(List<Table.Column> columns) {
        array(columns.size());
        columns.forEach(this::column);
    }

    private void column(Table.Column column) {
        array(10);
        text(column.name());
        text(column.format());
        integer(column.flags());
        binary(column.metadata());
        integer(column.length());
        integer(column.nullCount());
        integer(column.offset());
        array(column.buffers().size());
        for (MemorySegment buffer : column.buffers()) {
            if (buffer == null) {
                nil();
            } else {
                payload(buffer);
            }
        }
        columns(column.children());
        if (column.dictionary() == null) {
            nil();
        } else {
            column(column.dictionary());
        }
    }

    private void file(Value.File file) {
        array(5);
        optionalText(file.path());
        optionalText(file.mime());
        if (file.content() == null) {
            nil();
        } else {
            payload(file.content());
        }
        integer(0);
        integer(file.content() == null ? 0 : file.content().byteSize());
    }

    private void optionalText(String text) {
        if (text == null) {
            nil();
        } else {
            text(text);
        }
    }

    /** Bytes inside the document, or the number of the entry that holds them. */
    private void payload(MemorySegment data) {
        if (data.byteSize() < INLINE_BELOW) {
            binary(data);
        } else {
            integer(entry(data));
        }
    }

    private int entry(MemorySegment data) {
        buffers.add(Objects.requireNonNull(data));
        return buffers.size() - 1;
    }

    private void binary(MemorySegment data) {
        int count;
        try {
            count = Math.toIntExact(data.byteSize());
        } catch (ArithmeticException error) {
            throw new MarshalException("metadata of 2 GiB or more does not fit a document");
        }
        binaryHead(count);
        room(count);
        copy(data);
    }

    private void binaryHead(int count) {
        if (count < 1 << 8) {
            put(0xc4);
            put(count);
        } else if (count < 1 << 16) {
            put16(0xc5, count);
        } else {
            put32(0xc6, count);
        }
    }

    private void copy(MemorySegment data) {
        MemorySegment.copy(data, ValueLayout.JAVA_BYTE, 0, bytes, length, (int) data.byteSize());
        length += (int) data.byteSize();
    }

    /** Writes the payload first, since its length decides the form of the head. */
    private void extension(int code, Runnable writer) {
        int start = length;
        room(6);
        length += 6;
        writer.run();
        int count = length - start - 6;
        length = start;
        switch (count) {
            case 1, 2, 4, 8, 16 -> put(0xd4 + Integer.numberOfTrailingZeros(count));
            default -> {
                if (count < 1 << 8) {
                    put(0xc7);
                    put(count);
                } else if (count < 1 << 16) {
                    put16(0xc8, count);
                } else {
                    put32(0xc9, count);
                }
            }
        }
        put(code);
        System.arraycopy(bytes, start + 6, bytes, length, count);
        length += count;
    }

    private void head(int count, int fixed, int most, int small, int middle, int large) {
        if (count <= most) {
            put(fixed | count);
        } else if (small != 0 && count < 1 << 8) {
            put(small);
            put(count);
        } else if (count < 1 << 16) {
            put16(middle, count);
        } else {
            put32(large, count);
        }
    }

    private void put(int value) {
        room(1);
        bytes[length++] = (byte) value;
    }

    private void put16(int code, int value) {
        room(3);
        bytes[length] = (byte) code;
        SHORT.set(bytes, length + 1, (short) value);
        length += 3;
    }

    private void put32(int code, int value) {
        room(5);
        bytes[length] = (byte) code;
        INT.set(bytes, length + 1, value);
        length += 5;
    }

    private void put64(int code, long value) {
        room(9);
        bytes[length] = (byte) code;
        LONG.set(bytes, length + 1, value);
        length += 9;
    }

    private void room(int count) {
        if (bytes.length - length < count) {
            bytes = Arrays.copyOf(bytes, Math.max(Math.addExact(length, count), Math.min(bytes.length, 1 << 29) * 2));
        }
    }

    @SuppressWarnings("deprecation") // It copies the low halves of the characters, which is all that ASCII has.
    private void copyAscii(String text, int count) {
        text.getBytes(0, count, bytes, length);
    }

    private static VarHandle view(Class<?> type) {
        return MethodHandles.byteArrayViewVarHandle(type, ByteOrder.BIG_ENDIAN);
    }
}
