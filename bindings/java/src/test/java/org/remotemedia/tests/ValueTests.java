package org.remotemedia.tests;

import static org.remotemedia.tests.Tests.check;
import static org.remotemedia.tests.Tests.fails;
import static org.remotemedia.tests.Tests.same;

import java.math.BigInteger;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.ShortBuffer;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.remotemedia.Audio;
import org.remotemedia.DType;
import org.remotemedia.MarshalException;
import org.remotemedia.Packet;
import org.remotemedia.Pipeline;
import org.remotemedia.PixelFormat;
import org.remotemedia.RemoteMedia;
import org.remotemedia.Session;
import org.remotemedia.SessionOptions;
import org.remotemedia.Tensor;
import org.remotemedia.Value;
import org.remotemedia.Video;
import org.remotemedia.codec.Encoder;

/** Values: what Java objects become, what comes back, what is refused. */
final class ValueTests {
    private ValueTests() {}

    static void plainObjectsComeBack() throws Exception {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("2", true);
        map.put("1", null);
        List<Object> inputs = Arrays.asList(
                null,
                true,
                -5,
                5L,
                1.0,
                "täxt\u0000\uD83D\uDE00",
                map,
                List.of(List.of(), Map.of()),
                Instant.parse("1969-12-31T23:59:59.5Z"),
                BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE));
        List<Object> expected = Arrays.asList(
                null,
                true,
                -5L,
                5L,
                1.0,
                "täxt\u0000\uD83D\uDE00",
                map,
                List.of(List.of(), Map.of()),
                Instant.parse("1969-12-31T23:59:59.5Z"),
                BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE));
        try (Pipeline same = Pipeline.of(Manifests.same())) {
            List<Object> found =
                    same.execute(inputs).values().stream().map(Value::toJava).toList();
            same(expected, found);
        }
    }

    static void mediaComeBackAtEverySize() throws Exception {
        try (Pipeline same = Pipeline.of(Manifests.same())) {
            for (int size : new int[] {0, 1, 100, 4095, 4096, 4097, 100_000}) {
                float[] samples = new float[2 * size];
                for (int index = 0; index < samples.length; index++) {
                    samples[index] = index % 100 / 100f;
                }
                byte[] bytes = new byte[3 * size];
                Arrays.fill(bytes, (byte) 7);
                List<Value> values = List.of(
                        Audio.of(new float[][] {Arrays.copyOf(samples, size), new float[size]}, 48_000)
                                .withPts(Duration.ofNanos(-5)),
                        Tensor.of(samples, 2, size),
                        new Value.Bytes(bytes),
                        new Value.File(bytes),
                        new Video(
                                PixelFormat.RGB24,
                                size,
                                1,
                                Duration.ofSeconds(1),
                                List.of(new Video.Plane(java.lang.foreign.MemorySegment.ofArray(bytes), 3L * size))));
                same(values, same.execute(values).values());
            }
        }
    }

    static void stridedTensorsAreTheSameValue() throws Exception {
        for (int size : new int[] {3, 200}) {
            int[] numbers = new int[size * size];
            Arrays.setAll(numbers, index -> index);
            Tensor whole = Tensor.of(numbers, size, size);
            Tensor turned = new Tensor(
                    DType.INT32,
                    new long[] {size, size},
                    new long[] {-4L * size, 4},
                    whole.data(),
                    4L * size * (size - 1));
            try (Pipeline same = Pipeline.of(Manifests.same())) {
                Value found = same.execute(List.of(turned)).values().getFirst();
                same(turned, found);
                check(!found.equals(whole), "rows are turned");
            }
        }
    }

    static void objectsThatAreNoValuesAreRefusedWithTheirPlace() {
        try (Pipeline same = Pipeline.of(Manifests.same())) {
            MarshalException error =
                    fails(MarshalException.class, () -> same.execute(List.of(1, Map.of("a b", List.of(new Thread())))));
            check(error.getMessage().startsWith("inputs[1][\"a b\"][0]: a java.lang.Thread is no value"), error);
            error = fails(MarshalException.class, () -> same.execute(List.of(Map.of("gain", "\ud83d"))));
            check(error.getMessage().startsWith("inputs[0].gain: "), error);
            fails(MarshalException.class, () -> same.execute(List.of(BigInteger.ONE.shiftLeft(64))));
            fails(MarshalException.class, () -> same.execute(List.of(Map.of(1, 2))));
        }
    }

    static void aRefusedValueIsNamedWithItsPlace() throws Exception {
        Map<String, Object> wrong = Map.of("a", List.of(1, new Thread()));
        Map<String, Object> half = Map.of("a", "\ud800");
        try (Pipeline same = Pipeline.of(Manifests.same());
                Session session = same.session()) {
            Map<String, Tests.Action> refused = new LinkedHashMap<>();
            refused.put("value.a[1]: a java.lang.Thread", () -> session.send(wrong));
            refused.put("value.a: the text", () -> session.send(half));
            refused.put("values[1].a: the text", () -> session.sendAll(List.of(Packet.of(1), Packet.of(half))));
            refused.put("value.pts: the time", () -> session.send(1, Duration.ofSeconds(Long.MAX_VALUE)));
            refused.put("value: there is no input mic", () -> session.send(Packet.of(1).to("mic")));
            refused.put("params.a: the text", () -> session.set("same", half));
            refused.put("options.a: the text", () -> same.session(SessionOptions.of(half)));
            refused.put("config.a: the text", () -> RemoteMedia.open(half));
            refused.put("manifest.a: the text", () -> RemoteMedia.shared().pipeline(half));
            refused.put("manifest: the text", () -> Pipeline.of("{} # \ud800"));
            refused.put("text: the text", () -> RemoteMedia.fromJson("\"\ud800\""));
            refused.put("inputs[0]: the key \"\\ud800\"", () -> same.execute(List.of(Map.of("\ud800", 1))));
            refused.put("value[0]: a java.lang.Thread", () -> Value.of(List.of(new Thread())));
            for (var each : refused.entrySet()) {
                MarshalException error = fails(MarshalException.class, each.getValue());
                check(error.getMessage().startsWith(each.getKey()), error);
            }
        }
    }

    static void buffersOfNumbersAreTensors() {
        for (ByteOrder order : List.of(ByteOrder.BIG_ENDIAN, ByteOrder.LITTLE_ENDIAN)) {
            ByteBuffer room = ByteBuffer.allocateDirect(32).order(order);
            same(Tensor.of(new float[] {1, 2}), Value.of(room.asFloatBuffer().put(new float[] {1, 2}).flip()));
            same(Tensor.of(new double[] {1, 2}), Value.of(room.asDoubleBuffer().put(new double[] {1, 2}).flip()));
            same(Tensor.of(new int[] {1, 2}), Value.of(room.asIntBuffer().put(new int[] {1, 2}).flip()));
            same(Tensor.of(new long[] {1, 2}), Value.of(room.asLongBuffer().put(new long[] {1, 2}).flip()));
            ShortBuffer numbers = room.asShortBuffer().put(new short[] {1, 2}).flip();
            same(Tensor.of(new short[] {2}), Value.of(numbers.position(1).asReadOnlyBuffer()));
            same(1, numbers.position());
        }
        same(new Value.Bytes(new byte[] {2}), Value.of(ByteBuffer.wrap(new byte[] {1, 2}).position(1)));
        fails(MarshalException.class, () -> Value.of(CharBuffer.wrap("text")));
    }

    static void pathsThatNameNoFileOfThisMachineAreRefused() throws Exception {
        Path inside = FileSystems.getFileSystem(URI.create("jrt:/")).getPath("/etc/hostname");
        fails(MarshalException.class, () -> new Value.File(inside));
        MarshalException error = fails(MarshalException.class, () -> Value.of(List.of(inside)));
        check(error.getMessage().startsWith("value[0]: the path \"/etc/hostname\" names no file"), error);
        Path folder = Files.createTempDirectory("remotemedia");
        Path odd = null;
        try {
            // The name is a byte that is no UTF-8, which Java can list and not write.
            String command = "cd \"$0\" && touch \"$(printf '\\377')\"";
            same(0, new ProcessBuilder("sh", "-c", command, folder.toString()).start().waitFor());
            try (var files = Files.list(folder)) {
                odd = files.findFirst().orElseThrow();
            }
            Path listed = odd;
            fails(MarshalException.class, () -> Value.of(listed));
        } finally {
            if (odd != null) {
                Files.delete(odd);
            }
            Files.delete(folder);
        }
    }

    static void kindsAreNotMixedUp() {
        check(!new Value.Int(1).equals(new Value.Float(1.0)), "an int is no float");
        check(!new Value.Float(0.0).equals(new Value.Float(-0.0)), "the sign of zero counts");
        same(new Value.Float(Double.NaN), new Value.Float(Double.NaN));
        check(!Value.of(orderedMap("a", "b")).equals(Value.of(orderedMap("b", "a"))), "the order of entries counts");
        same("this value is text, not an integer below 2^63", fails(IllegalStateException.class, () ->
                        new Value.Text("1").asLong())
                .getMessage());
    }

    static void headersOfMediaAreChecked() {
        fails(IllegalArgumentException.class, () -> Audio.of(new float[1], 0));
        var three = Audio.of(new float[3], 1).data();
        fails(IllegalArgumentException.class, () -> new Audio(8000, null, null, 2, 2, 8, three));
        fails(IllegalArgumentException.class, () -> Tensor.of(new float[3], 2, 2));
        fails(IllegalArgumentException.class, () -> Tensor.of(new float[3], Long.MAX_VALUE, Long.MAX_VALUE));
        fails(IllegalArgumentException.class, () -> new Value.File(null, null, null));
        fails(IllegalArgumentException.class, () -> new Value.UInt(5));
    }

    static void twinsAndPcm() {
        Value value = Value.of(List.of(1, 1.0, "x"));
        same("[1,1.0,\"x\"]", RemoteMedia.toJson(value));
        same(value, RemoteMedia.fromJson(" [1, 1.0, \"x\"]"));
        Audio audio = RemoteMedia.fromPcm(new byte[] {0, 64, 0, -64}, "s16", 8000, 1);
        same(List.of(0.5f, -0.5f), List.of(audio.samples(0)[0], audio.samples(0)[1]));
        check(Arrays.equals(new byte[] {0, 64, 0, -64}, RemoteMedia.toPcm(audio, "s16")), "PCM comes back");
        fails(org.remotemedia.RemoteMediaException.class, () -> RemoteMedia.toPcm(audio, "s17"));
    }

    private static Map<String, Object> orderedMap(String first, String second) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put(first, 1);
        map.put(second, 1);
        return map;
    }

    static void whatContainsItselfIsRefused() {
        List<Object> list = new ArrayList<>();
        list.add(list);
        Map<String, Object> map = new HashMap<>();
        map.put("self", map);
        Object[] array = new Object[1];
        array[0] = array;
        Iterable<Object> iterable = () -> List.<Object>of(list).iterator();
        String why = ": lists and maps are nested deeper than 128, or contain themselves; flatten the value";
        for (Object each : List.of(list, map, array, iterable)) {
            MarshalException error = fails(MarshalException.class, () -> Value.of(each));
            check(error.getMessage().endsWith(why), error);
            Encoder encoder = new Encoder();
            error = fails(MarshalException.class, () -> encoder.value(each, "value"));
            check(error.getMessage().endsWith(why), error);
            // The encoder counts anew.
            encoder.clear();
            encoder.value(nested(128), "value");
        }
        Value.of(nested(128));
        fails(MarshalException.class, () -> Value.of(nested(129)));
    }

    private static Object nested(int depth) {
        Object value = List.of();
        for (int level = 1; level < depth; level++) {
            value = List.of(value);
        }
        return value;
    }
}
