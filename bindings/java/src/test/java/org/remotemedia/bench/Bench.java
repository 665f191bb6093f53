package org.remotemedia.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.remotemedia.DType;
import org.remotemedia.HostNode;
import org.remotemedia.Pipeline;
import org.remotemedia.Tensor;
import org.remotemedia.Value;
import org.remotemedia.abi.Library;
import org.remotemedia.abi.Native;

/** The five figures of {@code tests/conformance/README.md}, in nanoseconds, as one JSON map. */
public final class Bench {
    private static final long ROUND_NANOSECONDS = 200_000_000;
    private static final int ROUNDS = 5;
    private static final int LARGE = 2_764_800;

    private Bench() {}

    @FunctionalInterface
    private interface Call {
        void run() throws Exception;
    }

    public static void main(String[] words) throws Exception {
        Path manifests = Path.of(words[0], "bench");
        Library.load();
        List<Integer> numbers = List.of(1, 2, 3);
        Tensor large = Tensor.of(DType.UINT8, Arena.ofAuto().allocate(LARGE, 64));
        try (Pipeline three = Pipeline.load(manifests.resolve("three.json"));
                Pipeline one = Pipeline.load(manifests.resolve("one.json"));
                Pipeline own = Pipeline.load(manifests.resolve("own.json"), HostNode.map("Own", value -> value))) {
            double bare = time(Native::rm_abi_version);
            double execute = time(() -> three.execute(numbers));
            double submit = time(() -> three.executeAsync(numbers).get());
            double whole = time(() -> {
                Value found = one.execute(List.of(large)).values().getFirst();
                MemorySegment memory = ((Tensor) found).contiguous();
                if (memory.address() != large.data().address()) {
                    throw new AssertionError("it was copied");
                }
            });
            double node = time(() -> own.execute(List.of(1)));
            System.out.printf(
                    java.util.Locale.ROOT,
                    "{\"bare\": %.1f, \"execute\": %.1f, \"submit\": %.1f, \"large\": %.1f, \"node\": %.1f}%n",
                    bare,
                    execute,
                    submit,
                    whole,
                    node);
        }
    }

    private static double time(Call call) throws Exception {
        // The compiler needs longer than a round.
        for (int warm = 0; warm < 5; warm++) {
            mean(call);
        }
        double[] means = new double[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            means[round] = mean(call);
        }
        Arrays.sort(means);
        return means[ROUNDS / 2];
    }

    private static double mean(Call call) throws Exception {
        long calls = 0;
        long step = 1;
        long begun = System.nanoTime();
        long taken;
        do {
            for (long index = 0; index < step; index++) {
                call.run();
            }
            calls += step;
            taken = System.nanoTime() - begun;
            step = Math.min(step * 2, 1000);
        } while (taken < ROUND_NANOSECONDS);
        return (double) taken / calls;
    }
}
