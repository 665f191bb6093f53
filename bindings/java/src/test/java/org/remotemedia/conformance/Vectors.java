package org.remotemedia.conformance;

import static org.remotemedia.conformance.Conformance.same;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.remotemedia.RemoteMediaException;
import org.remotemedia.Value;
import org.remotemedia.abi.Documents;
import org.remotemedia.codec.Decoder;
import org.remotemedia.codec.Encoder;
import org.remotemedia.codec.Limits;
import org.remotemedia.conformance.Conformance.Case;
import org.remotemedia.conformance.Conformance.Mismatch;

/** The cases of {@code vectors.json}: the codec of this package, and the twins of the library. */
final class Vectors {
    private record Document(byte[] bytes, List<MemorySegment> buffers) {}

    private Vectors() {}

    static void addTo(Map<String, Case> cases, Value file) throws Mismatch {
        same(1L, file.get("version").asLong(), "version");
        for (Value each : file.get("values").asList()) {
            String name = each.get("name").asText();
            cases.put("vector/" + name, () -> vector(each));
            if (each.get("twin") != Value.NULL) {
                cases.put("twin/" + name, () -> twin(each));
            }
        }
        for (Value each : file.get("refused").asList()) {
            cases.put("refused/" + each.get("name").asText(), () -> refused(() -> decoded(document(each))));
        }
        for (Value each : file.get("unwritable").asList()) {
            cases.put("unwritable/" + each.get("name").asText(), () -> refused(() -> {
                new Encoder().value(Notation.value(each.get("value")), "value");
            }));
        }
        for (Value each : file.get("read_twins").asList()) {
            cases.put("read_twin/" + each.get("name").asText(), () -> reads(Notation.text(each.get("text")), each));
        }
        for (Value each : file.get("refused_twins").asList()) {
            cases.put("refused_twin/" + each.get("name").asText(), () -> refused(() -> {
                byte[] text = each.get("bytes") != null
                        ? Notation.bytes(each.get("bytes"))
                        : Notation.text(each.get("text")).getBytes(StandardCharsets.UTF_8);
                Documents.fromJson(text);
            }));
        }
    }

    private static void vector(Value each) throws Mismatch {
        Document document = document(each);
        Value expected = (Value) Notation.value(each.get("value"));
        Value found = decoded(document);
        same(expected, found, "value");
        if (each.get("written").asBool()) {
            written(document, expected);
            written(document, found);
        }
    }

    private static void written(Document document, Value value) throws Mismatch {
        Encoder encoder = new Encoder();
        encoder.value(value, "value");
        compare(document, Arrays.copyOf(encoder.bytes(), encoder.length()), encoder.buffers());
    }

    private static void twin(Value each) throws Mismatch {
        Document document = document(each);
        String text = Documents.toJson(out -> {
            out.raw(document.bytes, 0, document.bytes.length);
            out.buffers().addAll(document.buffers);
        });
        same(Notation.text(each.get("twin")), text, "twin");
        if (each.get("written").asBool()) {
            reads(text, each);
        }
    }

    private static void reads(String text, Value each) throws Mismatch {
        Decoder read = Documents.fromJson(text.getBytes(StandardCharsets.UTF_8));
        compare(document(each), read.rawBytes(), read.rawBuffers());
    }

    private static void compare(Document expected, byte[] bytes, List<MemorySegment> buffers) throws Mismatch {
        same(hex(expected.bytes), hex(bytes), "bytes");
        same(expected.buffers.size(), buffers.size(), "number of buffers");
        for (int index = 0; index < buffers.size(); index++) {
            same(-1L, expected.buffers.get(index).mismatch(buffers.get(index)), "first difference of buffer " + index);
        }
    }

    private static void refused(Case action) throws Exception {
        try {
            action.run();
        } catch (RemoteMediaException error) {
            if (error.getMessage() == null || error.getMessage().isEmpty()) {
                throw new Mismatch("the error has no message");
            }
            return;
        }
        throw new Mismatch("it was not refused");
    }

    private static Value decoded(Document document) {
        return Decoder.decode(document.bytes, document.buffers, Limits.DEFAULT);
    }

    private static Document document(Value each) {
        List<MemorySegment> buffers = new ArrayList<>();
        for (Value buffer : each.get("buffers").asList()) {
            byte[] content = Notation.bytes(buffer);
            MemorySegment block = Arena.ofAuto().allocate(content.length, 64);
            block.copyFrom(MemorySegment.ofArray(content));
            buffers.add(block);
        }
        return new Document(Notation.bytes(each.get("document")), buffers);
    }

    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }
}
