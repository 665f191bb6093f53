package org.remotemedia.conformance;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.remotemedia.Audio;
import org.remotemedia.DType;
import org.remotemedia.PixelFormat;
import org.remotemedia.Table;
import org.remotemedia.Tensor;
import org.remotemedia.Value;
import org.remotemedia.Video;

/** Values of {@code vectors.json}, in the notation that the suite describes. */
final class Notation {
    private Notation() {}

    /** The value, or what stands for one that can't be written. */
    static Object value(Value notation) {
        List<Value> fields = notation.asList();
        return switch (fields.getFirst().asText()) {
            case "null" -> Value.NULL;
            case "bool" -> new Value.Bool(fields.get(1).asBool());
            case "int" -> integer(fields.get(1).asText());
            case "float" ->
                new Value.Float(Double.longBitsToDouble(Long.parseUnsignedLong(fields.get(1).asText(), 16)));
            case "text" -> new Value.Text(text(fields.get(1)));
            case "utf16" -> units(fields.get(1).asText());
            case "bytes" -> new Value.Bytes(bytes(fields.get(1)));
            case "list" -> list(fields.get(1).asList());
            case "repeat" ->
                new Value.List(Collections.nCopies((int) fields.get(2).asLong(), (Value) value(fields.get(1))));
            case "map" -> map(fields.get(1).asList());
            case "keys" -> keys((int) fields.get(1).asLong());
            case "nest" -> nest(fields.get(1).asText(), fields.get(2).asLong());
            case "timestamp" -> new Value.Timestamp(number(fields.get(1)), (int) number(fields.get(2)));
            case "tensor" -> new Tensor(
                    DType.fromText(fields.get(1).asText()),
                    fields.get(2).asList().stream().mapToLong(size -> Long.parseLong(digits(size))).toArray(),
                    null,
                    aligned(fields.get(3)),
                    0);
            case "audio" -> audio(fields);
            case "video" -> video(fields);
            case "table" -> new Table(number(fields.get(1)), segment(fields.get(2)), columns(fields.get(3)));
            case "file" -> fields.get(1).asText().equals("path")
                    ? new Value.File(fields.get(2).asText(), null, optional(fields.get(3)))
                    : new Value.File(null, segment(fields.get(2)), optional(fields.get(3)));
            default -> throw new IllegalArgumentException("the kind " + fields.getFirst() + " is not known");
        };
    }

    /** Bytes of the notation. */
    static byte[] bytes(Value parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Value part : parts.asList()) {
            if (part instanceof Value.Map(var fields)) {
                for (int number = 0; number < fields.get("keys").asLong(); number++) {
                    out.write(0xa5);
                    out.writeBytes(key(number).getBytes(StandardCharsets.US_ASCII));
                    out.write(0xc0);
                }
            } else if (part instanceof Value.List(var repeated)) {
                byte[] once = HexFormat.of().parseHex(repeated.get(0).asText());
                for (long times = repeated.get(1).asLong(); times > 0; times--) {
                    out.writeBytes(once);
                }
            } else {
                out.writeBytes(HexFormat.of().parseHex(part.asText()));
            }
        }
        return out.toByteArray();
    }

    /** Text of the notation. */
    static String text(Value parts) {
        StringBuilder text = new StringBuilder();
        for (Value part : parts.asList()) {
            if (part instanceof Value.Map(var fields)) {
                for (int number = 0; number < fields.get("keys").asLong(); number++) {
                    text.append(number == 0 ? "" : ",").append('"').append(key(number)).append("\":null");
                }
            } else if (part instanceof Value.List(var repeated)) {
                text.append(repeated.get(0).asText().repeat((int) repeated.get(1).asLong()));
            } else {
                text.append(part.asText());
            }
        }
        return text.toString();
    }

    private static Object integer(String digits) {
        BigInteger number = new BigInteger(digits);
        // What fits no value is left to the encoder to refuse.
        boolean fits = number.bitLength() < 64 || number.signum() > 0 && number.bitLength() == 64;
        return fits ? Value.of(number) : number;
    }

    private static String units(String hex) {
        StringBuilder text = new StringBuilder();
        for (int at = 0; at < hex.length(); at += 4) {
            text.append((char) Integer.parseInt(hex.substring(at, at + 4), 16));
        }
        return text.toString();
    }

    private static Object list(List<Value> notations) {
        List<Object> items = new ArrayList<>();
        boolean plain = true;
        for (Value notation : notations) {
            Object item = value(notation);
            plain &= item instanceof Value;
            items.add(item);
        }
        return plain ? Value.of(items) : items;
    }

    private static Value map(List<Value> pairs) {
        Map<String, Value> entries = new LinkedHashMap<>();
        pairs.forEach(pair -> entries.put(text(pair.get(0)), (Value) value(pair.get(1))));
        return new Value.Map(entries);
    }

    private static Value keys(int count) {
        Map<String, Value> entries = new LinkedHashMap<>();
        for (int number = 0; number < count; number++) {
            entries.put(key(number), Value.NULL);
        }
        return new Value.Map(entries);
    }

    private static Value nest(String kind, long count) {
        boolean isList = kind.equals("list");
        Value value = isList ? new Value.List(List.of()) : new Value.Map(Map.of());
        for (long level = 1; level < count; level++) {
            value = isList ? new Value.List(List.of(value)) : new Value.Map(Map.of("k", value));
        }
        return value;
    }

    private static Value audio(List<Value> fields) {
        long frames = number(fields.get(5));
        return new Audio(
                number(fields.get(1)),
                optional(fields.get(2)),
                time(fields.get(3)),
                (int) number(fields.get(4)),
                frames,
                frames * 4,
                aligned(fields.get(6)));
    }

    private static Value video(List<Value> fields) {
        List<Video.Plane> planes = new ArrayList<>();
        for (Value plane : fields.get(5).asList()) {
            planes.add(new Video.Plane(segment(plane.get(1)), number(plane.get(0))));
        }
        return new Video(
                PixelFormat.fromText(fields.get(1).asText()),
                number(fields.get(2)),
                number(fields.get(3)),
                time(fields.get(4)),
                planes);
    }

    private static List<Table.Column> columns(Value notations) {
        List<Table.Column> columns = new ArrayList<>();
        notations.asList().forEach(notation -> columns.add(column(notation)));
        return columns;
    }

    private static Table.Column column(Value notation) {
        if (notation == Value.NULL) {
            return null;
        }
        List<Value> fields = notation.asList();
        List<MemorySegment> buffers = new ArrayList<>();
        fields.get(7).asList().forEach(buffer -> buffers.add(buffer == Value.NULL ? null : segment(buffer)));
        return new Table.Column(
                fields.get(0).asText(),
                fields.get(1).asText(),
                number(fields.get(2)),
                segment(fields.get(3)),
                number(fields.get(4)),
                number(fields.get(5)),
                number(fields.get(6)),
                buffers,
                columns(fields.get(8)),
                column(fields.get(9)));
    }

    private static MemorySegment segment(Value parts) {
        return MemorySegment.ofArray(bytes(parts));
    }

    /** Memory that is aligned for any element. */
    private static MemorySegment aligned(Value parts) {
        byte[] content = bytes(parts);
        MemorySegment memory = MemorySegment.ofArray(new long[(content.length + 7) / 8]).asSlice(0, content.length);
        memory.copyFrom(MemorySegment.ofArray(content));
        return memory;
    }

    private static Duration time(Value number) {
        return number == Value.NULL ? null : Duration.ofNanos(number(number));
    }

    private static String optional(Value text) {
        return text == Value.NULL ? null : text.asText();
    }

    private static long number(Value digits) {
        return Long.parseLong(digits(digits));
    }

    private static String digits(Value number) {
        return number instanceof Value.Text(String text) ? text : number.toString();
    }

    private static String key(int number) {
        return String.format("%05d", number);
    }
}
