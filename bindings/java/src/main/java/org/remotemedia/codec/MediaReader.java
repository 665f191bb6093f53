package org.remotemedia.codec;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.remotemedia.Audio;
import org.remotemedia.DType;
import org.remotemedia.MarshalException;
import org.remotemedia.PixelFormat;
import org.remotemedia.Table;
import org.remotemedia.Tensor;
import org.remotemedia.Value;
import org.remotemedia.Video;

/**
 * Reads the payloads of extension types. Every window is checked against its memory: the constructors of the values
 * do so.
 */
final class MediaReader {
    private final Decoder source;

    MediaReader(Decoder source) {
        this.source = source;
    }

    Value read(int code) {
        try {
            return switch (code) {
                case -1 -> timestamp();
                case 1 -> tensor();
                case 2 -> audio();
                case 3 -> video();
                case 4 -> table();
                case 5 -> file();
                case 6 -> bytes();
                default -> throw new MarshalException(
                        "the extension type " + code + " is not known; use one of 1 to 6, or -1 for a timestamp");
            };
        } catch (IllegalArgumentException error) {
            throw new MarshalException(error.getMessage());
        }
    }

    private Value timestamp() {
        return switch (source.end - source.at) {
            case 4 -> new Value.Timestamp(source.u32("a timestamp"), 0);
            case 8 -> {
                long whole = source.i64("a timestamp");
                yield new Value.Timestamp(whole & 0x3_ffff_ffffL, (int) (whole >>> 34));
            }
            case 12 -> {
                int nanoseconds = (int) source.u32("a timestamp");
                yield new Value.Timestamp(source.i64("a timestamp"), nanoseconds);
            }
            default -> throw new MarshalException("the payload of the timestamp must be 4, 8 or 12 bytes");
        };
    }

    private Value tensor() {
        open(5, "tensor");
        String name = source.text();
        DType dtype = DType.fromText(name);
        if (dtype == null) {
            throw new MarshalException("the dtype of the tensor must be the name of a data type such as float32, it is "
                    + PlainValues.quoted(name));
        }
        int dimensions = list();
        if (dimensions > Tensor.MAX_DIMENSIONS) {
            throw new MarshalException("the shape of the tensor must be a list of at most 64 sizes");
        }
        long[] shape = new long[dimensions];
        for (int index = 0; index < dimensions; index++) {
            shape[index] = size("shape");
        }
        long[] strides = null;
        if (!source.nil()) {
            if (list() != dimensions) {
                throw new MarshalException("the strides of the tensor must be nil or a list as long as the shape");
            }
            strides = new long[dimensions];
            for (int index = 0; index < dimensions; index++) {
                strides[index] = source.integer();
            }
        }
        MemorySegment data = payload();
        long offset = size("offset");
        Tensor tensor = new Tensor(dtype, shape, strides, data, offset);
        extent((double) tensor.count() * dtype.size(), data);
        return tensor;
    }

    private Value audio() {
        open(8, "audio");
        long rate = u32("rate");
        String layout = optionalText();
        Duration pts = optionalTime();
        long channels = size("channels");
        long frames = size("frames");
        long stride = size("channel stride");
        MemorySegment data = payload();
        long offset = size("offset");
        if (channels > Audio.MAX_CHANNELS) {
            throw new MarshalException(channels + " channels are not between 1 and " + Audio.MAX_CHANNELS);
        }
        extent((double) channels * frames * 4, data);
        if (frames == 0) {
            return new Audio(rate, layout, pts, (int) channels, 0, 0, data.asSlice(0, 0));
        }
        if (offset > data.byteSize()) {
            throw new MarshalException("the samples begin at byte " + offset + ", the memory has " + data.byteSize());
        }
        data = data.asSlice(offset);
        boolean aligned = data.address() % 4 == 0
                && !(data.heapBase().orElse(null) instanceof byte[])
                && (stride % 4 == 0 || channels == 1);
        if (aligned) {
            return new Audio(rate, layout, pts, (int) channels, frames, stride, data);
        }
        long row = Math.multiplyExact(frames, 4L);
        double last = (channels - 1.0) * stride + row;
        if (last > data.byteSize()) {
            throw new MarshalException(
                    channels + " channels of " + frames + " frames do not fit " + data.byteSize() + " bytes");
        }
        float[] gathered = new float[Math.toIntExact(channels * frames)];
        ValueLayout.OfFloat sample = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
        for (int channel = 0; channel < channels; channel++) {
            MemorySegment.copy(data, sample, channel * stride, gathered, channel * (int) frames, (int) frames);
        }
        return new Audio(rate, layout, pts, (int) channels, frames, row, MemorySegment.ofArray(gathered));
    }

    private Value video() {
        open(5, "video");
        String name = source.text();
        PixelFormat format = PixelFormat.fromText(name);
        if (format == null) {
            throw new MarshalException("the format of the picture must be gray, rgb24, rgba, yuv420p or nv12, it is "
                    + PlainValues.quoted(name));
        }
        long width = u32("width");
        long height = u32("height");
        Duration pts = optionalTime();
        if (list() != format.planes()) {
            throw new MarshalException("the planes of the picture must be a list with each plane of the format");
        }
        List<Video.Plane> planes = new ArrayList<>();
        for (int index = 0; index < format.planes(); index++) {
            if (list() != 3) {
                throw new MarshalException("the planes of the picture must be lists of 3 fields");
            }
            MemorySegment data = payload();
            long offset = size("offset");
            planes.add(new Video.Plane(from(data, offset), size("stride")));
        }
        Video video = new Video(format, width, height, pts, planes);
        List<Video.Plane> exact = new ArrayList<>();
        for (int index = 0; index < format.planes(); index++) {
            exact.add(new Video.Plane(video.plane(index), planes.get(index).stride()));
        }
        return new Video(format, width, height, pts, exact);
    }

    private Value table() {
        open(3, "table");
        long rows = size("rows");
        MemorySegment metadata = bin();
        return new Table(rows, metadata, columns(1));
    }

    private List<Table.Column> columns(int depth) {
        int count = list();
        List<Table.Column> columns = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            columns.add(column(depth));
        }
        return columns;
    }

    private Table.Column column(int depth) {
        if (depth > source.limits.depth()) {
            throw new MarshalException(
                    "columns lie inside each other deeper than " + source.limits.depth() + " levels");
        }
        open(10, "column");
        String name = source.text();
        String format = source.text();
        long flags = source.integer();
        MemorySegment metadata = bin();
        long length = size("column length");
        long nullCount = source.integer();
        long offset = size("column offset");
        int count = list();
        List<MemorySegment> buffers = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            buffers.add(columnBuffer());
        }
        List<Table.Column> children = columns(depth + 1);
        Table.Column dictionary = source.nil() ? null : column(depth + 1);
        return new Table.Column(
                name, format, flags, metadata, length, nullCount, offset, buffers, children, dictionary);
    }

    private MemorySegment columnBuffer() {
        if (source.nil()) {
            return null;
        }
        int head = peek();
        if (head >= 0x90 && head <= 0x9f || head == 0xdc || head == 0xdd) {
            if (list() != 3) {
                throw new MarshalException("a column buffer must be data, a list of 3 fields, or nil");
            }
            return windowOfEntry();
        }
        return payload();
    }

    private Value file() {
        open(5, "file");
        String path = optionalText();
        String mime = optionalText();
        MemorySegment content = source.nil() ? null : payload();
        long offset = size("offset");
        long length = size("length");
        return new Value.File(path, content == null ? null : window(content, offset, length), mime);
    }

    private Value bytes() {
        open(3, "bytes");
        return new Value.Bytes(windowOfEntry());
    }

    private MemorySegment windowOfEntry() {
        MemorySegment entry = entry(size("buffer index"));
        long offset = size("offset");
        return window(entry, offset, size("length"));
    }

    /** An entry of the table, or bytes, which are copied into memory that is aligned for any element. */
    private MemorySegment payload() {
        int head = peek();
        if (head >= 0xc4 && head <= 0xc6) {
            return bin();
        }
        return entry(size("data"));
    }

    private MemorySegment bin() {
        int head = source.one("bytes");
        int count =
                switch (head) {
                    case 0xc4 -> source.one("bytes");
                    case 0xc5 -> source.u16("bytes");
                    case 0xc6 -> source.length("bytes");
                    default -> throw source.wrong("bytes", head);
                };
        int from = source.take(count, "bytes");
        MemorySegment copy = MemorySegment.ofArray(new long[(count + 7) / 8]).asSlice(0, count);
        MemorySegment.copy(source.bytes, from, copy, ValueLayout.JAVA_BYTE, 0, count);
        return copy;
    }

    private MemorySegment entry(long index) {
        if (index >= source.buffers.size()) {
            throw new MarshalException("the document refers to buffer " + index + ", the table has "
                    + source.buffers.size() + "; pass the buffer table that belongs to the document");
        }
        return source.buffers.get((int) index);
    }

    private static MemorySegment window(MemorySegment data, long offset, long length) {
        if (offset > data.byteSize() || length > data.byteSize() - offset) {
            throw new MarshalException("the document refers to " + length + " bytes from byte " + offset
                    + " of a buffer, which has " + data.byteSize());
        }
        return data.asSlice(offset, length);
    }

    private static MemorySegment from(MemorySegment data, long offset) {
        return window(data, Math.min(offset, Long.MAX_VALUE), Math.max(data.byteSize() - offset, 0));
    }

    private void open(int fields, String kind) {
        int found = list();
        if (found != fields) {
            throw new MarshalException("the payload of the " + kind + " must be a list of " + fields
                    + " fields, it has " + found);
        }
    }

    private int list() {
        int count = source.list();
        if (count > source.end - source.at) {
            throw new MarshalException("a list goes past the end; send the whole document");
        }
        return count;
    }

    private long size(String field) {
        long size = source.integer();
        if (size < 0) {
            throw new MarshalException("the " + field + " must be an integer from 0 to 2^63-1, it is " + size);
        }
        return size;
    }

    private long u32(String field) {
        long number = source.integer();
        if (number < 0 || number > 0xffff_ffffL) {
            throw new MarshalException("the " + field + " must be an integer from 0 to 2^32-1, it is " + number);
        }
        return number;
    }

    private String optionalText() {
        return source.nil() ? null : source.text();
    }

    private Duration optionalTime() {
        return source.nil() ? null : Duration.ofNanos(source.integer());
    }

    /** Refuses a huge array on little memory, which strides of zero allow. */
    private void extent(double found, MemorySegment data) {
        if (found > data.byteSize() && found > source.limits.extent()) {
            throw new MarshalException("the array takes " + found + " bytes when it is laid out in full, the limit is "
                    + source.limits.extent());
        }
    }

    private int peek() {
        return source.at < source.end ? source.bytes[source.at] & 0xff : 0xc1;
    }
}
