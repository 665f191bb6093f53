package org.remotemedia.tests;

import static org.remotemedia.tests.Tests.check;
import static org.remotemedia.tests.Tests.fails;
import static org.remotemedia.tests.Tests.same;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.remotemedia.HostNode;
import org.remotemedia.Manifest;
import org.remotemedia.MarshalException;
import org.remotemedia.Node;
import org.remotemedia.NodeException;
import org.remotemedia.Nodes;
import org.remotemedia.Packet;
import org.remotemedia.Pipeline;
import org.remotemedia.RemoteMediaException;
import org.remotemedia.Results;
import org.remotemedia.Run;
import org.remotemedia.Session;
import org.remotemedia.SessionOptions;
import org.remotemedia.Value;
import org.remotemedia.engine.Execution;

/** Runs: blocking, in the background, from many threads. */
final class RunTests {
    private RunTests() {}

    static void executeGivesValuesWithTheirItems() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(5))) {
            Results results = add.execute(List.of(1, 2.5));
            same(List.of(new Value.Int(6), new Value.Float(7.5)), results.values("add"));
            same(List.of(0L, 1L), results.packets().stream().map(Packet::item).toList());
            same(List.of(), results.packets("other"));
        }
    }

    static void sourcesTakeNoInputs() throws Exception {
        Manifest tone = Manifest.chain("tone", new Nodes.ToneSource().durationS(0.01).rate(8000));
        try (Pipeline pipeline = Pipeline.of(tone)) {
            same(80L, frames(pipeline.execute()));
            same(80L, frames(pipeline.execute(List.of())));
            same(80L, frames(pipeline.executeAsync().get(10, TimeUnit.SECONDS)));
        }
        try (Pipeline add = Pipeline.of(Manifests.add(1))) {
            fails(RemoteMediaException.InvalidArgument.class, add::execute);
        }
    }

    static void arraysOfNumbersAreListsInAManifest() throws Exception {
        double[] taps = {0.5, 0.25};
        Node<?> own = Node.of(HostNode.map("Own", value -> value)).param("a", taps);
        taps[0] = 0;
        own.param("b", List.of(new int[] {1}, Map.of("c", new float[] {1.5f}))).param("d", new long[][] {{}, {2}});
        try (Pipeline pipeline = Pipeline.of(Manifest.chain("arrays", own, new Nodes.AudioGain()));
                Session session = pipeline.session()) {
            same(
                    "{\"a\": [0.5, 0.25], \"b\": [[1], {\"c\": [1.5]}], \"d\": [[], [2]]}",
                    pipeline.describe().get("nodes").asList().getFirst().get("params").toString());
            RemoteMediaException refused = fails(
                    RemoteMediaException.class, () -> session.set("audiogain", Map.of("gain_db", new int[] {1})));
            check(refused.getMessage().endsWith("got a list"), refused);
        }
    }

    static void aManifestHasItsNodesAsTheyWereAdded() throws Exception {
        Nodes.PassThrough pass = new Nodes.PassThrough();
        List<Manifest> manifests = new ArrayList<>();
        for (int number = 0; number < 3; number++) {
            manifests.add(Manifest.chain("number", pass.param("number", number)));
        }
        for (int number = 0; number < 3; number++) {
            same(Map.of("number", number), node(manifests.get(number)).get("params"));
        }
        Nodes.PassThrough late = new Nodes.PassThrough();
        Manifest none = Manifest.chain("none", late);
        late.param("number", 1);
        List<Object> items = new ArrayList<>(List.of(1, Path.of("a")));
        Map<String, Object> action = new HashMap<>(Map.of("action", "skip"));
        Node<?> node = Node.of("Own").param("items", Map.of("inside", items)).onError(action);
        Manifest manifest = Manifest.chain("own", node);
        String before = manifest.toMap().toString();
        items.add(2);
        action.put("action", "fail");
        node.id("other").onError(null).param("more", 1);
        same(before, manifest.toMap().toString());
        same(null, node(none).get("params"));
        items.set(0, items);
        MarshalException endless = fails(MarshalException.class, () -> node.param("items", items));
        check(endless.getMessage().contains("contain themselves"), endless);
    }

    private static Map<?, ?> node(Manifest manifest) {
        return (Map<?, ?>) ((List<?>) manifest.toMap().get("nodes")).getFirst();
    }

    static void limitsOfTimeAreNotNegative() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(1))) {
            for (Duration time : List.of(Duration.ofNanos(-1), Duration.ofSeconds(Long.MIN_VALUE))) {
                RemoteMediaException error = fails(
                        RemoteMediaException.InvalidArgument.class, () -> add.execute(List.of(1), time));
                same("timeout: expected 0 or more, got " + time, error.getMessage());
                fails(RemoteMediaException.InvalidArgument.class, () -> add.executeAsync(List.of(1), time));
                error = fails(
                        RemoteMediaException.InvalidArgument.class, () -> SessionOptions.DEFAULT.deadline(time));
                same("deadline: expected 0 or more, got " + time, error.getMessage());
                fails(RemoteMediaException.InvalidArgument.class, () -> SessionOptions.DEFAULT.packetDeadline(time));
                same(0L, Execution.microseconds(time));
            }
            Duration longest = Duration.ofSeconds(Long.MAX_VALUE);
            same(List.of(new Value.Int(2)), add.execute(List.of(1), longest).values());
            add.session(SessionOptions.DEFAULT.deadline(longest).packetDeadline(longest)).close();
        }
    }

    static void aManifestHasEachInputAndOutputOnce() {
        Manifest same = Manifests.same().input("a", "same").output("a", "same");
        RemoteMediaException error = fails(RemoteMediaException.InvalidArgument.class, () -> same.input("a", "same"));
        same("there are two inputs a; name all that an input leads to in one call of input", error.getMessage());
        fails(RemoteMediaException.InvalidArgument.class, () -> same.output("a", "same"));
    }

    static void dependentsRunOnVirtualThreadsAndHoldNothingUp() throws Exception {
        CountDownLatch registered = new CountDownLatch(1);
        CompletableFuture<Void> gate = new CompletableFuture<>();
        HostNode own = HostNode.map("Own", value -> {
            registered.await();
            return value;
        });
        try (Pipeline held = Pipeline.of(Manifests.own(), own);
                Pipeline add = Pipeline.of(Manifests.add(1))) {
            CompletableFuture<Boolean> blocked = held.executeAsync(List.of(1)).thenApply(results -> {
                gate.join();
                return Thread.currentThread().isVirtual();
            });
            registered.countDown();
            for (int round = 0; round < 20; round++) {
                Run run = add.executeAsync(List.of(1));
                same(List.of(new Value.Int(2)), run.get(10, TimeUnit.SECONDS).values());
            }
            gate.complete(null);
            same(true, blocked.get(10, TimeUnit.SECONDS));
        }
    }

    static void failedFuturesHaveTheError() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(1))) {
            Run run = add.executeAsync(List.of(1, "two"));
            ExecutionException error = fails(ExecutionException.class, () -> run.get(10, TimeUnit.SECONDS));
            NodeException failure = (NodeException) error.getCause();
            same("add", failure.nodeId());
            same(1L, failure.item());
            same(List.of(new Value.Int(2)), failure.results().values());
        }
    }

    static void timeoutsEndRuns() throws Exception {
        Manifest long_ = Manifest.chain("long", new Nodes.NoiseSource().durationS(3600), new Nodes.Loudness());
        try (Pipeline pipeline = Pipeline.of(long_)) {
            fails(RemoteMediaException.TimedOut.class, () -> pipeline.execute(Duration.ofMillis(50)));
        }
    }

    static void aThousandVirtualThreadsShareOnePipeline() throws Exception {
        AtomicInteger right = new AtomicInteger();
        try (Pipeline add = Pipeline.of(Manifests.add(1))) {
            List<Thread> threads = new ArrayList<>();
            for (int number = 0; number < 1000; number++) {
                int input = number;
                threads.add(Thread.startVirtualThread(() -> {
                    try {
                        for (int round = 0; round < 10; round++) {
                            Value value = add.execute(List.of(input + round)).values().getFirst();
                            if (value.equals(new Value.Int(input + round + 1))) {
                                right.incrementAndGet();
                            }
                        }
                    } catch (InterruptedException error) {
                        throw new AssertionError(error);
                    }
                }));
            }
            for (Thread thread : threads) {
                thread.join();
            }
        }
        same(10_000, right.get());
    }

    private static long frames(Results results) {
        return results.values().stream()
                .mapToLong(value -> ((org.remotemedia.Audio) value).frames())
                .sum();
    }
}
