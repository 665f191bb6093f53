package org.remotemedia.tests;

import static org.remotemedia.tests.Tests.check;
import static org.remotemedia.tests.Tests.fails;
import static org.remotemedia.tests.Tests.same;
import static org.remotemedia.tests.Tests.until;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.remotemedia.Audio;
import org.remotemedia.DType;
import org.remotemedia.HostNode;
import org.remotemedia.Manifest;
import org.remotemedia.MarshalException;
import org.remotemedia.Nodes;
import org.remotemedia.Pipeline;
import org.remotemedia.RemoteMedia;
import org.remotemedia.Run;
import org.remotemedia.Session;
import org.remotemedia.Tensor;
import org.remotemedia.Value;

/** Memory: what is lent, what is copied, what is a view, and that it is given back. */
final class MemoryTests {
    private static final int LARGE = 1 << 20;

    private MemoryTests() {}

    static void memoryOfAnAutomaticArenaComesBackItself() throws Exception {
        MemorySegment memory = Arena.ofAuto().allocate(LARGE, 64);
        try (RemoteMedia runtime = RemoteMedia.open();
                Pipeline same = runtime.pipeline(Manifests.same())) {
            Tensor found = (Tensor) same.execute(List.of(Tensor.of(DType.UINT8, memory))).values().getFirst();
            same(memory.address(), found.contiguous().address());
            until(() -> runtime.lent() == 0, "it is released");
        }
    }

    static void memoryThatCanBeClosedIsCopied() throws Exception {
        try (RemoteMedia runtime = RemoteMedia.open();
                Pipeline same = runtime.pipeline(Manifests.same())) {
            for (Arena arena : List.of(Arena.ofConfined(), Arena.ofShared())) {
                Value found;
                try (arena) {
                    MemorySegment memory = arena.allocate(LARGE, 64);
                    memory.fill((byte) 7);
                    found = same.execute(List.of(memory)).values().getFirst();
                    check(((Value.Bytes) found).data().address() != memory.address(), "it is a copy");
                }
                same((byte) 7, ((Value.Bytes) found).data().get(ValueLayout.JAVA_BYTE, LARGE - 1));
            }
        }
    }

    static void heapArraysAreCopied() throws Exception {
        float[] samples = new float[LARGE];
        samples[LARGE - 1] = 0.5f;
        try (Pipeline same = Pipeline.of(Manifests.same())) {
            Audio found = (Audio) same.execute(List.of(Audio.of(samples, 8000))).values().getFirst();
            same(0.5f, found.samples(0)[LARGE - 1]);
            check(found.data().isNative(), "it is off the heap");
        }
    }

    static void aCallThatIsNotMadeKeepsNothing() throws Exception {
        MemorySegment closed;
        try (Arena arena = Arena.ofConfined()) {
            closed = arena.allocate(LARGE, 64);
        }
        List<MemorySegment> inputs = List.of(Arena.ofAuto().allocate(LARGE, 64), closed);
        HostNode own = HostNode.map("Own", value -> value);
        try (RemoteMedia runtime = RemoteMedia.open();
                Pipeline same = runtime.pipeline(Manifests.same());
                Session session = same.session()) {
            fails(MarshalException.class, () -> runtime.pipeline(Manifests.own(), own.withOutputs("\ud800")));
            fails(IllegalStateException.class, () -> same.execute(inputs));
            fails(IllegalStateException.class, () -> session.send(inputs));
            same(0, runtime.lent());
        }
    }

    static void memoryIsLentUntilNativeCodeHasLetGo() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch gate = new CountDownLatch(1);
        HostNode own = HostNode.map("Own", value -> {
            begun.countDown();
            gate.await();
            return 1;
        }).withBatch(1);
        MemorySegment memory = Arena.ofAuto().allocate(LARGE, 64);
        try (RemoteMedia runtime = RemoteMedia.open();
                Pipeline pipeline = runtime.pipeline(Manifests.own(), own)) {
            // The node has the first input, and the second one waits natively.
            Run run = pipeline.executeAsync(List.of(1, memory));
            begun.await();
            check(runtime.isLent(memory), "it is lent");
            gate.countDown();
            run.join();
            until(() -> !runtime.isLent(memory), "it is released");
        }
    }

    static void resultsOfTheRuntimeAreViews() throws Exception {
        look(tone());
        // Nothing refers to it any more.
        until(
                () -> {
                    System.gc();
                    return RemoteMedia.liveObjects().get("memories").asLong() == 0;
                },
                "views give their memory back");
    }

    private static Manifest tone() {
        return Manifest.chain(
                "tone", new Nodes.ToneSource().durationS(1).rate(48_000), new Nodes.AudioChunk().frames(48_000));
    }

    private static void look(Manifest tone) throws InterruptedException {
        try (RemoteMedia runtime = RemoteMedia.open();
                Pipeline pipeline = runtime.pipeline(tone)) {
            Audio audio = (Audio) pipeline.execute().values().getFirst();
            check(audio.data().isNative(), "it is a view");
            long memories = RemoteMedia.liveObjects().get("memories").asLong();
            check(memories >= 1, memories);
            same(48_000L, audio.frames());
        }
    }

    static void resultsOutliveEverything() throws Exception {
        Audio audio;
        try (RemoteMedia runtime = RemoteMedia.open();
                Pipeline pipeline = runtime.pipeline(tone())) {
            audio = (Audio) pipeline.execute().values().getFirst();
        }
        float sum = 0;
        for (float sample : audio.samples(0)) {
            sum += Math.abs(sample);
        }
        check(sum > 0, "the tone is there");
    }

    static void mappedFilesAreLent() throws Exception {
        java.nio.file.Path file = java.nio.file.Files.createTempFile("remotemedia", ".raw");
        try {
            java.nio.file.Files.write(file, new byte[LARGE]);
            try (var channel = java.nio.channels.FileChannel.open(file);
                    Pipeline same = Pipeline.of(Manifests.same())) {
                MemorySegment mapped =
                        channel.map(java.nio.channels.FileChannel.MapMode.READ_ONLY, 0, LARGE, Arena.ofAuto());
                Value.Bytes found = (Value.Bytes) same.execute(List.of(mapped)).values().getFirst();
                same(mapped.address(), found.data().address());
            }
        } finally {
            java.nio.file.Files.delete(file);
        }
    }
}
