package org.remotemedia.codec;

import java.lang.foreign.MemorySegment;
import java.lang.reflect.Array;
import java.math.BigInteger;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;
import java.nio.file.FileSystems;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.remotemedia.Audio;
import org.remotemedia.DType;
import org.remotemedia.MarshalException;
import org.remotemedia.Table;
import org.remotemedia.Tensor;
import org.remotemedia.Value;
import org.remotemedia.Video;

/**
 * Between values and Java objects, and values as text for people. It knows nothing of documents.
 */
public final class PlainValues {
    private static final BigInteger MOST = BigInteger.ONE.shiftLeft(64);

    private PlainValues() {}

    /**
     * The value of a Java object, see {@link Value#of}.
     *
     * @param name what errors call it; the place in it follows
     */
    public static Value valueOf(Object object, String name) {
        try {
            return valueOf(object);
        } catch (MarshalException error) {
            throw error.inside(name);
        }
    }

    static Value valueOf(Object object) {
        return valueOf(object, 0);
    }

    /** The value of an object inside so many lists and maps. */
    private static Value valueOf(Object object, int depth) {
        return switch (object) {
            case null -> Value.NULL;
            case Value value -> value;
            case String text -> new Value.Text(text);
            case Boolean bool -> new Value.Bool(bool);
            case Integer number -> new Value.Int(number);
            case Long number -> new Value.Int(number);
            case Double number -> new Value.Float(number);
            case java.lang.Float number -> new Value.Float(number);
            case Short number -> new Value.Int(number);
            case Byte number -> new Value.Int(number);
            case BigInteger number -> integer(number);
            case Map<?, ?> map -> mapOf(map, deeper(depth));
            case Object[] array -> listOf(Arrays.asList(array), deeper(depth));
            case byte[] bytes -> new Value.Bytes(bytes);
            case MemorySegment segment -> new Value.Bytes(segment);
            case ByteBuffer buffer -> new Value.Bytes(MemorySegment.ofBuffer(buffer));
            case FloatBuffer numbers -> tensor(DType.FLOAT32, inOrder(numbers));
            case DoubleBuffer numbers -> tensor(DType.FLOAT64, inOrder(numbers));
            case IntBuffer numbers -> tensor(DType.INT32, inOrder(numbers));
            case LongBuffer numbers -> tensor(DType.INT64, inOrder(numbers));
            case ShortBuffer numbers -> tensor(DType.INT16, inOrder(numbers));
            case float[] array -> Tensor.of(array);
            case double[] array -> Tensor.of(array);
            case int[] array -> Tensor.of(array);
            case long[] array -> Tensor.of(array);
            case short[] array -> Tensor.of(array);
            case Instant moment -> new Value.Timestamp(moment.getEpochSecond(), moment.getNano());
            // A path is an Iterable too.
            case Path path -> new Value.File(path);
            case Iterable<?> items -> listOf(items, deeper(depth));
            default -> throw new MarshalException("a " + object.getClass().getName()
                    + " is no value; Value.of lists what can be one");
        };
    }

    /**
     * A copy of lists, maps and arrays, which are lists in it; other objects as they are.
     *
     * @param name what errors call it; the place in it is not known
     */
    public static Object copyOf(Object object, String name) {
        try {
            return copyOf(object, 0);
        } catch (MarshalException error) {
            throw error.inside(name);
        }
    }

    private static Object copyOf(Object object, int depth) {
        return switch (object) {
            case null -> null;
            case byte[] bytes -> bytes.clone();
            case Map<?, ?> map -> {
                int inside = deeper(depth);
                Map<Object, Object> copy = new LinkedHashMap<>();
                map.forEach((key, value) -> copy.put(key, copyOf(value, inside)));
                yield copy;
            }
            // A path is an Iterable too.
            case Path path -> path;
            case Iterable<?> items -> copyOf(items, deeper(depth));
            default -> {
                List<?> items = itemsOf(object);
                yield items == null ? object : copyOf(items, deeper(depth));
            }
        };
    }

    private static List<Object> copyOf(Iterable<?> items, int depth) {
        List<Object> copy = new ArrayList<>();
        items.forEach(item -> copy.add(copyOf(item, depth)));
        return copy;
    }

    /** The items of an array, unless it is one of bytes; null for other objects. */
    public static List<?> itemsOf(Object object) {
        return switch (object) {
            case null -> null;
            case byte[] bytes -> null;
            case Object[] items -> Arrays.asList(items);
            case Object numbers when numbers.getClass().isArray() ->
                IntStream.range(0, Array.getLength(numbers))
                        .mapToObj(index -> Array.get(numbers, index))
                        .toList();
            default -> null;
        };
    }

    /** The Java object of a value, see {@link Value#toJava}. */
    public static Object objectOf(Value value) {
        return switch (value) {
            case Value.Null nothing -> null;
            case Value.Bool(boolean bool) -> bool;
            case Value.Int(long number) -> number;
            case Value.UInt number -> number.value();
            case Value.Float(double number) -> number;
            case Value.Text(String text) -> text;
            case Value.Bytes bytes -> bytes.toArray();
            case Value.Timestamp moment -> moment.toInstant();
            case Value.List(List<Value> items) -> {
                List<Object> objects = new ArrayList<>(items.size());
                items.forEach(item -> objects.add(objectOf(item)));
                yield objects;
            }
            case Value.Map(Map<String, Value> entries) -> {
                Map<String, Object> objects = new LinkedHashMap<>();
                entries.forEach((key, entry) -> objects.put(key, objectOf(entry)));
                yield objects;
            }
            default -> value;
        };
    }

    /** Reports that a value is not what its reader takes it for. */
    public static <T> T isNo(Value value, String wanted) {
        throw new IllegalStateException("this value is " + kindOf(value) + ", not " + wanted);
    }

    /** The kind of a value with its article. */
    public static String kindOf(Value value) {
        return switch (value) {
            case Value.Null nothing -> "null";
            case Value.Bool bool -> "a truth value";
            case Value.Int number -> "an integer";
            case Value.UInt number -> "an integer";
            case Value.Float number -> "a float";
            case Value.Text text -> "text";
            case Value.Bytes bytes -> "bytes";
            case Value.List list -> "a list";
            case Value.Map map -> "a map";
            case Value.Timestamp moment -> "a timestamp";
            case Value.File file -> "a file";
            case Audio audio -> "audio";
            case Video video -> "a picture";
            case Tensor tensor -> "a tensor";
            case Table table -> "a table";
        };
    }

    /** Text in quotes, with the escapes of JSON. */
    public static String quoted(String text) {
        StringBuilder quoted = new StringBuilder(text.length() + 2).append('"');
        text.codePoints().forEach(character -> {
            switch (character) {
                case '"' -> quoted.append("\\\"");
                case '\\' -> quoted.append("\\\\");
                case '\n' -> quoted.append("\\n");
                case '\t' -> quoted.append("\\t");
                case '\r' -> quoted.append("\\r");
                default -> {
                    if (character < ' ' || Character.getType(character) == Character.SURROGATE) {
                        quoted.append(String.format("\\u%04x", character));
                    } else {
                        quoted.appendCodePoint(character);
                    }
                }
            }
        });
        return quoted.append('"').toString();
    }

    /** A map as JSON has it. */
    public static String braces(Map<String, Value> entries) {
        List<String> parts = new ArrayList<>();
        entries.forEach((key, value) -> parts.add(quoted(key) + ": " + value));
        return "{" + String.join(", ", parts) + "}";
    }

    /** The place inside a value of an entry with this key, for messages. */
    public static String step(Object key) {
        if (key instanceof String text) {
            return text.matches("[A-Za-z_][A-Za-z0-9_]*") ? "." + text : "[" + quoted(text) + "]";
        }
        return "[" + key + "]";
    }

    /**
     * The text of a path, by which native code opens the file. A path of another file system, or one whose bytes are
     * no text, would be another file.
     */
    public static String textOf(Path path) {
        String text = path.toString();
        boolean isSame;
        try {
            isSame = FileSystems.getDefault().getPath(text).equals(path);
        } catch (InvalidPathException unmappable) {
            isSame = false;
        }
        if (!isSame) {
            throw new MarshalException("the path " + quoted(text) + " names no file of this machine: it is of another"
                    + " file system, or its name is not text; read it, and send the content");
        }
        return text;
    }

    /** The depth inside one more list or map. One that contains itself has no end. */
    static int deeper(int depth) {
        if (depth == Limits.DEFAULT.depth()) {
            throw new MarshalException("lists and maps are nested deeper than " + Limits.DEFAULT.depth()
                    + ", or contain themselves; flatten the value");
        }
        return depth + 1;
    }

    static Value integer(BigInteger number) {
        if (number.bitLength() < 64) {
            return new Value.Int(number.longValue());
        }
        if (number.signum() > 0 && number.compareTo(MOST) < 0) {
            return new Value.UInt(number.longValue());
        }
        throw new MarshalException(
                "the integer " + number + " does not fit 64 bits; use -2^63 to 2^64-1, a float, or text");
    }

    private static Tensor tensor(DType dtype, Buffer numbers) {
        return Tensor.of(dtype, MemorySegment.ofBuffer(numbers));
    }

    // A buffer itself, or a copy of it if its bytes lie in the order of other machines.

    private static FloatBuffer inOrder(FloatBuffer numbers) {
        return numbers.order() == ByteOrder.nativeOrder()
                ? numbers
                : FloatBuffer.allocate(numbers.remaining()).put(numbers.duplicate()).flip();
    }

    private static DoubleBuffer inOrder(DoubleBuffer numbers) {
        return numbers.order() == ByteOrder.nativeOrder()
                ? numbers
                : DoubleBuffer.allocate(numbers.remaining()).put(numbers.duplicate()).flip();
    }

    private static IntBuffer inOrder(IntBuffer numbers) {
        return numbers.order() == ByteOrder.nativeOrder()
                ? numbers
                : IntBuffer.allocate(numbers.remaining()).put(numbers.duplicate()).flip();
    }

    private static LongBuffer inOrder(LongBuffer numbers) {
        return numbers.order() == ByteOrder.nativeOrder()
                ? numbers
                : LongBuffer.allocate(numbers.remaining()).put(numbers.duplicate()).flip();
    }

    private static ShortBuffer inOrder(ShortBuffer numbers) {
        return numbers.order() == ByteOrder.nativeOrder()
                ? numbers
                : ShortBuffer.allocate(numbers.remaining()).put(numbers.duplicate()).flip();
    }

    private static Value listOf(Iterable<?> items, int depth) {
        List<Value> values = new ArrayList<>();
        int index = 0;
        for (Object item : items) {
            try {
                values.add(valueOf(item, depth));
            } catch (MarshalException error) {
                throw error.inside(step(index));
            }
            index++;
        }
        return new Value.List(values);
    }

    private static Value mapOf(Map<?, ?> map, int depth) {
        Map<String, Value> entries = new LinkedHashMap<>();
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            if (!(entry.getKey() instanceof String key)) {
                throw new MarshalException("the key " + entry.getKey() + " of a map is not text; make every key text");
            }
            try {
                entries.put(key, valueOf(entry.getValue(), depth));
            } catch (MarshalException error) {
                throw error.inside(step(key));
            }
        }
        return new Value.Map(entries);
    }
}
