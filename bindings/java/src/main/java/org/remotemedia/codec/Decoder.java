package org.remotemedia.codec;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import org.remotemedia.MarshalException;
import org.remotemedia.Value;

/**
 * Reads documents: the msgpack bytes of a value, whose payloads may lie in a table of memory.
 *
 * <p>No number is trusted: a declared length counts only as far as there are bytes for it. The payloads of media are
 * read by {@link MediaReader}.
 */
public final class Decoder {
    private static final VarHandle SHORT = view(short[].class);
    private static final VarHandle INT = view(int[].class);
    private static final VarHandle LONG = view(long[].class);

    /** Recent keys: records repeat theirs, and one that is found here is not made again. Races do no harm. */
    private static final String[] KEYS = new String[256];

    final byte[] bytes;
    final List<MemorySegment> buffers;
    final Limits limits;
    int at;
    int end;
    private long itemsLeft;

    /** Reads the first {@code length} bytes. */
    public Decoder(byte[] bytes, int length, List<MemorySegment> buffers, Limits limits) {
        this.bytes = bytes;
        this.buffers = buffers;
        this.limits = limits;
        end = length;
        itemsLeft = limits.items();
        if (length > limits.bytes()) {
            throw new MarshalException("the document has " + length + " bytes, the limit is " + limits.bytes());
        }
        if (buffers.size() > limits.buffers()) {
            throw new MarshalException(
                    "the table has " + buffers.size() + " buffers, the limit is " + limits.buffers());
        }
    }

    /** The value of a whole document. */
    public static Value decode(byte[] bytes, List<MemorySegment> buffers, Limits limits) {
        Decoder decoder = new Decoder(bytes, bytes.length, buffers, limits);
        Value value = decoder.value(0);
        decoder.finish();
        return value;
    }

    /** Checks that nothing follows. */
    public void finish() {
        if (at != end) {
            throw new MarshalException("there is more after the end of the value (bytes: " + (end - at)
                    + "); send one value a document");
        }
    }

    /** All bytes as text: what a call has written that is no document. */
    public String whole() {
        return Utf8.decode(bytes, 0, end);
    }

    /** All bytes, and the buffers that they refer to, unread. */
    public byte[] rawBytes() {
        return java.util.Arrays.copyOf(bytes, end);
    }

    /** The buffer table. */
    public List<MemorySegment> rawBuffers() {
        return buffers;
    }

    /** The next value. */
    public Value value() {
        return value(0);
    }

    /** Reads the head of a list, and returns its length. */
    public int list() {
        int head = one("a list");
        if (head >= 0x90 && head <= 0x9f) {
            return head & 15;
        }
        return switch (head) {
            case 0xdc -> u16("a list");
            case 0xdd -> length("a list");
            default -> throw wrong("a list", head);
        };
    }

    /** Reads the head of a map, and returns its length. */
    public int map() {
        int head = one("a map");
        if (head >= 0x80 && head <= 0x8f) {
            return head & 15;
        }
        return switch (head) {
            case 0xde -> u16("a map");
            case 0xdf -> length("a map");
            default -> throw wrong("a map", head);
        };
    }

    /** Reads text. */
    public String text() {
        int head = one("text");
        int count =
                switch (head) {
                    case 0xd9 -> one("text");
                    case 0xda -> u16("text");
                    case 0xdb -> length("text");
                    default -> {
                        if (head < 0xa0 || head > 0xbf) {
                            throw wrong("text", head);
                        }
                        yield head & 31;
                    }
                };
        int from = take(count, "text");
        return Utf8.decode(bytes, from, count);
    }

    /** Reads a key of a map. */
    public String key() {
        int head = at < end ? bytes[at] & 0xff : 0;
        if (head <= 0xa0 || head > 0xbf) {
            if (!isText(head)) {
                throw new MarshalException("a map key is " + describe(head) + ", not text; make every key text");
            }
            return text();
        }
        int count = head & 31;
        at++;
        int from = take(count, "text");
        int slot = (bytes[from] * 7 + bytes[from + count - 1] * 31 + count * 13) & 255;
        String known = KEYS[slot];
        if (known != null && known.length() == count) {
            int same = 0;
            while (same < count && known.charAt(same) == bytes[from + same]) {
                same++;
            }
            if (same == count) {
                return known;
            }
        }
        String key = Utf8.decode(bytes, from, count);
        KEYS[slot] = key;
        return key;
    }

    /** Reads an integer of 64 bits with sign. */
    public long integer() {
        int head = one("an integer");
        if (head < 0x80) {
            return head;
        }
        if (head >= 0xe0) {
            return (byte) head;
        }
        return switch (head) {
            case 0xcc -> one("an integer");
            case 0xcd -> u16("an integer");
            case 0xce -> (int) INT.get(bytes, take(4, "an integer")) & 0xffff_ffffL;
            case 0xcf -> {
                long value = (long) LONG.get(bytes, take(8, "an integer"));
                if (value < 0) {
                    throw new MarshalException(
                            "an integer is above 2^63-1: " + Long.toUnsignedString(value));
                }
                yield value;
            }
            case 0xd0 -> bytes[take(1, "an integer")];
            case 0xd1 -> (short) SHORT.get(bytes, take(2, "an integer"));
            case 0xd2 -> (int) INT.get(bytes, take(4, "an integer"));
            case 0xd3 -> (long) LONG.get(bytes, take(8, "an integer"));
            default -> throw wrong("an integer", head);
        };
    }

    /** Whether nil is next; it is read if so. */
    public boolean nil() {
        if (at < end && bytes[at] == (byte) 0xc0) {
            at++;
            return true;
        }
        return false;
    }

    Value value(int depth) {
        int head = one("a value");
        if (head < 0x80) {
            return new Value.Int(head);
        }
        if (head >= 0xe0) {
            return new Value.Int((byte) head);
        }
        if (head >= 0xa0 && head <= 0xbf) {
            int count = head & 31;
            return new Value.Text(Utf8.decode(bytes, take(count, "text"), count));
        }
        if (head >= 0x90 && head <= 0x9f) {
            return items(head & 15, depth);
        }
        if (head <= 0x8f) {
            return entries(head & 15, depth);
        }
        return switch (head) {
            case 0xc0 -> Value.NULL;
            case 0xc2 -> new Value.Bool(false);
            case 0xc3 -> new Value.Bool(true);
            case 0xc4 -> bin(one("bytes"));
            case 0xc5 -> bin(u16("bytes"));
            case 0xc6 -> bin(length("bytes"));
            case 0xc7 -> extension(one("an extension value"));
            case 0xc8 -> extension(u16("an extension value"));
            case 0xc9 -> extension(length("an extension value"));
            case 0xca -> new Value.Float(Float.intBitsToFloat((int) INT.get(bytes, take(4, "a float"))));
            case 0xcb -> new Value.Float(Double.longBitsToDouble((long) LONG.get(bytes, take(8, "a float"))));
            case 0xcf -> {
                long bits = (long) LONG.get(bytes, take(8, "an integer"));
                yield bits < 0 ? new Value.UInt(bits) : new Value.Int(bits);
            }
            case 0xcc, 0xcd, 0xce, 0xd0, 0xd1, 0xd2, 0xd3 -> {
                at--;
                yield new Value.Int(integer());
            }
            case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8 -> extension(1 << (head - 0xd4));
            case 0xd9, 0xda, 0xdb -> {
                at--;
                yield new Value.Text(text());
            }
            case 0xdc -> items(u16("a list"), depth);
            case 0xdd -> items(length("a list"), depth);
            case 0xde -> entries(u16("a map"), depth);
            case 0xdf -> entries(length("a map"), depth);
            default -> throw wrong("a value", head);
        };
    }

    private Value items(int count, int depth) {
        enter("a list", count, count, depth);
        Value[] items = new Value[count];
        for (int index = 0; index < count; index++) {
            try {
                items[index] = value(depth + 1);
            } catch (MarshalException error) {
                throw error.inside(PlainValues.step(index));
            }
        }
        return new Value.List(List.of(items));
    }

    private Value entries(int count, int depth) {
        enter("a map", count, 2L * count, depth);
        LinkedHashMap<String, Value> entries = LinkedHashMap.newLinkedHashMap(Math.min(count, 1 << 16));
        for (int index = 0; index < count; index++) {
            String key = key();
            Value value;
            try {
                value = value(depth + 1);
            } catch (MarshalException error) {
                throw error.inside(PlainValues.step(key));
            }
            if (entries.put(key, value) != null) {
                throw new MarshalException("the key " + PlainValues.quoted(key) + " appears twice; give each key once");
            }
        }
        return new Value.Map(new FrozenMap(entries));
    }

    private void enter(String what, int count, long leastBytes, int depth) {
        if (depth >= limits.depth()) {
            throw new MarshalException(
                    "lists and maps lie inside each other deeper than " + limits.depth() + " levels");
        }
        if (leastBytes > end - at) {
            throw truncated(what, leastBytes);
        }
        itemsLeft -= count;
        if (itemsLeft < 0) {
            throw new MarshalException("the document has more than " + limits.items() + " entries");
        }
    }

    private Value bin(int count) {
        int from = take(count, "bytes");
        return new Value.Bytes(Arrays.copyOfRange(bytes, from, from + count));
    }

    private Value extension(int count) {
        int code = bytes[take(1, "an extension value")];
        int from = take(count, "an extension value");
        int outer = end;
        at = from;
        end = from + count;
        Value value = new MediaReader(this).read(code);
        finish();
        end = outer;
        return value;
    }

    int one(String what) {
        return bytes[take(1, what)] & 0xff;
    }

    int u16(String what) {
        return (short) SHORT.get(bytes, take(2, what)) & 0xffff;
    }

    long u32(String what) {
        return (int) INT.get(bytes, take(4, what)) & 0xffff_ffffL;
    }

    long i64(String what) {
        return (long) LONG.get(bytes, take(8, what));
    }

    /** A length of 32 bits, which is never more than the bytes that are left. */
    int length(String what) {
        long count = u32(what);
        if (count > end - at) {
            throw truncated(what, count);
        }
        return (int) count;
    }

    int take(int count, String what) {
        if (count > end - at) {
            throw truncated(what, count);
        }
        int from = at;
        at += count;
        return from;
    }

    static boolean isText(int head) {
        return head >= 0xa0 && head <= 0xbf || head >= 0xd9 && head <= 0xdb;
    }

    MarshalException wrong(String wanted, int head) {
        if (head == 0xc1) {
            return new MarshalException("the byte 0xc1 begins no msgpack value; check that the bytes are a document");
        }
        return new MarshalException("there is " + describe(head) + " in place of " + wanted);
    }

    private MarshalException truncated(String what, long needed) {
        return new MarshalException(what + " goes past the end (bytes needed: " + needed + ", left: " + (end - at)
                + "); send the whole document");
    }

    static String describe(int head) {
        if (isText(head)) {
            return "text";
        }
        if (head < 0x80 || head >= 0xe0 || head >= 0xcc && head <= 0xd3) {
            return "an integer";
        }
        if (head <= 0x8f || head >= 0xde) {
            return "a map";
        }
        if (head <= 0x9f || head >= 0xdc) {
            return "a list";
        }
        return switch (head) {
            case 0xc0 -> "nil";
            case 0xc2, 0xc3 -> "a bool";
            case 0xc4, 0xc5, 0xc6 -> "bytes";
            case 0xca, 0xcb -> "a float";
            default -> "an extension value";
        };
    }

    private static VarHandle view(Class<?> type) {
        return MethodHandles.byteArrayViewVarHandle(type, ByteOrder.BIG_ENDIAN);
    }
}
