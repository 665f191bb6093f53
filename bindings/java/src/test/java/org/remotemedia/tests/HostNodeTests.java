package org.remotemedia.tests;

import static org.remotemedia.tests.Tests.check;
import static org.remotemedia.tests.Tests.fails;
import static org.remotemedia.tests.Tests.same;
import static org.remotemedia.tests.Tests.until;

import java.lang.foreign.Arena;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.remotemedia.Audio;
import org.remotemedia.DType;
import org.remotemedia.HostNode;
import org.remotemedia.Manifest;
import org.remotemedia.Node;
import org.remotemedia.NodeException;
import org.remotemedia.Nodes;
import org.remotemedia.Packet;
import org.remotemedia.Pipeline;
import org.remotemedia.RemoteMedia;
import org.remotemedia.RemoteMediaException;
import org.remotemedia.Results;
import org.remotemedia.Run;
import org.remotemedia.Session;
import org.remotemedia.SessionOptions;
import org.remotemedia.Tensor;
import org.remotemedia.Value;

/** Nodes of the host: functions, streams, batches, state, several ends, chains. */
final class HostNodeTests {
    private static final Duration SECONDS = Duration.ofSeconds(10);

    private HostNodeTests() {}

    static void aFunctionOfEachValue() throws Exception {
        HostNode own = HostNode.map("Own", value -> value.asLong() == 2 ? null : value.asLong() * 10);
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), own)) {
            Results results = pipeline.execute(List.of(1, 2, 3));
            same(List.of(new Value.Int(10), new Value.Int(30)), results.values());
            same(List.of(0L, 2L), results.packets().stream().map(Packet::item).toList());
        }
    }

    private static HostNode times(long factor) {
        return HostNode.map("Times", value -> value.asLong() * factor);
    }

    static void twoFunctionsOfOneNameBothRun() throws Exception {
        HostNode twice = times(2);
        Manifest chain = Manifest.chain("chain", Node.of(twice), Node.of(times(5)), Node.of(twice).id("c"));
        try (Pipeline pipeline = Pipeline.of(chain)) {
            same(List.of(new Value.Int(20)), pipeline.execute(List.of(1)).values());
            List<Value> nodes = pipeline.describe().get("nodes").asList();
            List<String> ids = nodes.stream().map(node -> node.get("id").asText()).toList();
            same(List.of("times", "times_2", "c"), ids);
            List<String> types = nodes.stream().map(node -> node.get("node_type").asText()).toList();
            same(List.of("Times", "Times_2", "Times"), types);
        }
    }

    static void twoFunctionsForOneNameAreRefused() {
        Manifest chain = Manifest.chain("chain", Node.of("Times"));
        RemoteMediaException.InvalidArgument error =
                fails(RemoteMediaException.InvalidArgument.class, () -> Pipeline.of(chain, times(2), times(5)));
        check(error.getMessage().startsWith("there are two node types Times; "), error);
        Manifest own = Manifest.chain("own", Node.of(times(2)));
        fails(RemoteMediaException.InvalidArgument.class, () -> Pipeline.of(own, times(5)));
        HostNode twice = times(2);
        Pipeline.of(chain, twice, twice).close();
    }

    static void aWaitMayBeAFractionOfAMillisecond() {
        HostNode own = HostNode.map("Own", value -> value).withMaxWait(Duration.ofNanos(1_500));
        same(0.0015, own.options().get("max_wait_ms"));
        Pipeline.of(Manifests.own(), own).close();
        same(2L, own.withMaxWait(Duration.ofMillis(2)).options().get("max_wait_ms"));
    }

    static void nullIsAValueToo() throws Exception {
        HostNode own = HostNode.map("Own", value -> Value.NULL);
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), own)) {
            same(List.of(Value.NULL), pipeline.execute(List.of(1)).values());
        }
    }

    static void aChainPassesValuesOn() throws Exception {
        HostNode twice = HostNode.of("Twice", () -> (packet, out) -> {
            out.emit(packet.value());
            out.emit(packet.value());
        });
        HostNode batch = HostNode.batch("Batch", 32, packets ->
                packets.stream().map(packet -> packet.value().asLong() + 1).toList());
        HostNode plus = HostNode.map("Plus", value -> value.asLong() + 100);
        Manifest chain = Manifest.chain("chain", Node.of("Twice"), Node.of("Batch"), Node.of("Plus"));
        try (Pipeline pipeline = Pipeline.of(chain, twice, batch, plus)) {
            Results results = pipeline.execute(List.of(1, 2));
            same(List.of(102L, 102L, 103L, 103L), results.values().stream().map(Value::asLong).toList());
            same(List.of(0L, 0L, 1L, 1L), results.packets().stream().map(Packet::item).toList());
        }
    }

    /** A node that fails for each list that has a 3, and keeps the lists. */
    private static HostNode picky(List<List<Long>> lists) {
        return HostNode.batch("Own", 8, packets -> {
            List<Long> numbers =
                    packets.stream().map(packet -> packet.value().asLong()).toList();
            lists.add(numbers);
            if (numbers.contains(3L)) {
                throw new java.io.IOException("no 3");
            }
            return numbers;
        });
    }

    static void aBatchThatFailsComesAgainOneByOne() throws Exception {
        List<List<Long>> lists = new ArrayList<>();
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), picky(lists))) {
            NodeException error = fails(NodeException.class, () -> pipeline.execute(List.of(1, 2, 3, 4, 5)));
            check(error.getCause() instanceof java.io.IOException, error.getCause());
            same(2L, error.detail().item());
            same(List.of(new Value.Int(1), new Value.Int(2)), error.results().values());
            same(List.of(List.of(1L, 2L, 3L, 4L, 5L), List.of(1L), List.of(2L), List.of(3L)), lists);
        }
        Manifest skipping = Manifest.chain("skip", Node.of("Own").onError("skip"));
        try (Pipeline pipeline = Pipeline.of(skipping, picky(lists))) {
            Results results = pipeline.execute(List.of(1, 2, 3, 4, 5));
            same(List.of(1L, 2L, 4L, 5L), results.values().stream().map(Value::asLong).toList());
            same(List.of(2L), results.skipped().stream().map(detail -> detail.item()).toList());
        }
        HostNode whole = HostNode.batch("Own", 8, packets -> {
            if (packets.size() > 1) {
                throw new java.io.IOException("one at a time");
            }
            return packets.stream().map(Packet::value).toList();
        });
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), whole)) {
            same(List.of(new Value.Int(1), new Value.Int(2)), pipeline.execute(List.of(1, 2)).values());
        }
    }

    static void aBatchWithoutAListIsNamed() throws Exception {
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), HostNode.batch("Own", 8, packets -> null))) {
            NodeException error = fails(NodeException.class, () -> pipeline.execute(List.of(1, 2, 3)));
            String message = "the node returned no list for 3 packets; return one for each, null for none";
            same(message, error.getCause().getMessage());
        }
    }

    static void theFirstFailureOfBatchesInARowCounts() {
        HostNode second = HostNode.batch("Second", 8, packets -> {
            List<Value> values = packets.stream().map(Packet::value).toList();
            if (values.contains(new Value.Int(2))) {
                throw new java.io.IOException("no 2");
            }
            return values;
        });
        Manifest chain = Manifest.chain("chain", Node.of("Own"), Node.of("Second"));
        try (Pipeline pipeline = Pipeline.of(chain, picky(new ArrayList<>()), second)) {
            NodeException error = fails(NodeException.class, () -> pipeline.execute(List.of(1, 2, 3)));
            same("second", error.nodeId());
            same(1L, error.detail().item());
            same(List.of(new Value.Int(1)), error.results().values());
        }
    }

    static void whatIsNoValueInABatchLosesNoOther() throws Exception {
        HostNode own = HostNode.batch("Own", 8, packets -> packets.stream()
                .map(packet -> packet.value().asLong() == 3 ? new Object() : packet.value())
                .toList());
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), own)) {
            NodeException error = fails(NodeException.class, () -> pipeline.execute(List.of(1, 2, 3, 4, 5)));
            same(2L, error.detail().item());
            same(List.of(new Value.Int(1), new Value.Int(2)), error.results().values());
        }
        Manifest skipping = Manifest.chain("skip", Node.of("Own").onError("skip"));
        try (Pipeline pipeline = Pipeline.of(skipping, own)) {
            Results results = pipeline.execute(List.of(1, 2, 3, 4, 5));
            same(List.of(1L, 2L, 4L, 5L), results.values().stream().map(Value::asLong).toList());
            same(1L, results.skips());
            same(List.of(2L), results.skipped().stream().map(detail -> detail.item()).toList());
        }
    }

    static void aBatchDoesNotWaitForAStreamToEnd() throws Exception {
        // With the same wait they share a call.
        for (Duration wait : List.of(Duration.ZERO, Duration.ofMillis(1))) {
            for (long count : new long[] {100, Long.MAX_VALUE}) {
                AtomicInteger most = new AtomicInteger();
                AtomicInteger made = new AtomicInteger();
                HostNode stream = HostNode.stream("Stream", (packet, out) -> {
                    for (long number = 0; number < count; number++) {
                        made.incrementAndGet();
                        out.emit(number);
                    }
                });
                HostNode batch = batch(most).withMaxWait(wait);
                Manifest chain = Manifest.chain("chain", Node.of("Stream"), Node.of("Batch"));
                try (Pipeline pipeline = Pipeline.of(chain, wait.isZero() ? stream : stream.withMaxWait(wait), batch);
                        Session session = pipeline.session(SessionOptions.DEFAULT.buffer(4, null, null))) {
                    session.send(1);
                    for (long number = 0; number < 100; number++) {
                        same(number, session.receive().orElseThrow().value().asLong());
                    }
                    check(made.get() < 500, made);
                }
                check(most.get() <= 32, most);
            }
        }
    }

    static void aBatchHasNoMoreThanItsSize() throws Exception {
        for (Duration wait : List.of(Duration.ZERO, Duration.ofMillis(1))) {
            AtomicInteger most = new AtomicInteger();
            HostNode many = HostNode.of("Many", () -> (packet, out) -> {
                for (int number = 0; number < 70; number++) {
                    out.emit(number);
                }
            });
            Manifest chain = Manifest.chain("chain", Node.of("Many"), Node.of("Batch"));
            try (Pipeline pipeline = Pipeline.of(
                    chain,
                    wait.isZero() ? many : many.withMaxWait(wait),
                    batch(most).withMaxWait(wait))) {
                same(70, pipeline.execute(List.of(1)).values().size());
                check(most.get() <= 32, most);
            }
        }
    }

    private static HostNode batch(AtomicInteger most) {
        return HostNode.batch("Batch", 32, packets -> {
            most.accumulateAndGet(packets.size(), Math::max);
            return packets.stream().map(Packet::value).toList();
        });
    }

    static void whatAnEndEmitsHasItsItem() throws Exception {
        HostNode sum = HostNode.of("Sum", () -> new HostNode.Handler() {
                    private long sum;

                    @Override
                    public void handle(Packet packet, HostNode.Emitter out) {
                        sum += packet.value().asLong();
                    }

                    @Override
                    public void end(HostNode.Emitter out) {
                        out.emit(sum);
                    }
                })
                .withEnds();
        HostNode item = HostNode.of("Item", () -> (packet, out) -> out.emit(packet.item()));
        // With a native node between them the runtime does it.
        for (Manifest manifest : List.of(
                Manifest.chain("next", Node.of("Sum"), Node.of("Item")),
                Manifest.chain("between", Node.of("Sum"), Node.of("PassThrough"), Node.of("Item")))) {
            try (Pipeline pipeline = Pipeline.of(manifest, sum, item)) {
                Results results = pipeline.execute(List.of(5, 6, 7));
                same(List.of(0L, 1L, 2L), results.values().stream().map(Value::asLong).toList());
            }
        }
    }

    static void aHandlerThatCannotBeMadeEndsTheWork() {
        HostNode never = HostNode.of("Never", () -> {
            throw new IllegalStateException("not today");
        });
        Manifest skips = Manifest.chain("skips", Node.of("Never").onError("skip"));
        try (Pipeline pipeline = Pipeline.of(skips, never)) {
            NodeException failure = fails(NodeException.class, () -> pipeline.execute(List.of(1, 2)));
            same("not today", failure.getCause().getMessage());
        }
    }

    static void theNodeOfAChainThatFailsIsNamed() {
        HostNode first = HostNode.map("First", value -> value);
        HostNode second = HostNode.map("Second", value -> {
            throw new java.io.IOException("broken");
        });
        Manifest chain = Manifest.chain("chain", Node.of("First"), Node.of("Second"));
        try (Pipeline pipeline = Pipeline.of(chain, first, second)) {
            NodeException error = fails(NodeException.class, () -> pipeline.execute(List.of(1)));
            same("second", error.nodeId());
            check(error.getCause() instanceof java.io.IOException, error.getCause());
        }
    }

    static void endlessValuesAreHeldUpAndEnded() throws Exception {
        isHeldUpAndEnded(false);
        isHeldUpAndEnded(true);
    }

    private static void isHeldUpAndEnded(boolean streaming) throws Exception {
        AtomicInteger emitted = new AtomicInteger();
        CompletableFuture<Void> ended = new CompletableFuture<>();
        HostNode.Handler endless = (packet, out) -> {
            try {
                while (true) {
                    out.emit(emitted.getAndIncrement());
                }
            } finally {
                ended.complete(null);
            }
        };
        HostNode own = streaming ? HostNode.stream("Own", endless) : HostNode.of("Own", () -> endless);
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), own)) {
            try (Session session = pipeline.session()) {
                session.send(1);
                for (int number = 0; number < 500; number++) {
                    same((long) number, session.receive().orElseThrow().value().asLong());
                }
                check(emitted.get() < 2000, emitted);
            }
            ended.get(10, TimeUnit.SECONDS);
        }
    }

    static void stateLastsForOneRun() throws Exception {
        AtomicInteger made = new AtomicInteger();
        AtomicInteger closed = new AtomicInteger();
        HostNode own = HostNode.of("Own", () -> {
                    made.incrementAndGet();
                    return new HostNode.Handler() {
                        private long count;

                        @Override
                        public void handle(Packet packet, HostNode.Emitter out) {
                            count++;
                        }

                        @Override
                        public void end(HostNode.Emitter out) {
                            out.emit(Map.of("packets", count));
                            count = 0;
                        }

                        @Override
                        public void close() {
                            closed.incrementAndGet();
                        }
                    };
                })
                .withEnds();
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), own)) {
            for (int run = 0; run < 3; run++) {
                Results results = pipeline.execute(List.of(1, 2));
                same(List.of(1L, 1L), results.values().stream().map(value -> value.get("packets").asLong()).toList());
            }
            same(3, made.get());
            until(() -> closed.get() == 3, "all are closed");
        }
    }

    static void anInterruptionBeginsStateAnew() throws Exception {
        HostNode own = HostNode.of("Own", () -> {
            AtomicInteger count = new AtomicInteger();
            return (packet, out) -> out.emit(count.incrementAndGet());
        });
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), own);
                Session session = pipeline.session()) {
            session.send("a");
            session.send("b");
            same(1L, session.receive().orElseThrow().value().asLong());
            same(2L, session.receive().orElseThrow().value().asLong());
            session.interrupt();
            session.send("c");
            same(1L, session.receive().orElseThrow().value().asLong());
        }
    }

    static void aHandlerIsNotClosedWhileItIsAtWork() throws Exception {
        for (boolean interrupting : List.of(true, false)) {
            CountDownLatch begun = new CountDownLatch(1);
            CountDownLatch touched = new CountDownLatch(1);
            List<String> seen = Collections.synchronizedList(new ArrayList<>());
            HostNode own = HostNode.of("Own", () -> new HostNode.Handler() {
                @Override
                public void handle(Packet packet, HostNode.Emitter out) throws Exception {
                    if (packet.value().asLong() == 1) {
                        begun.countDown();
                        try {
                            touched.await();
                        } catch (InterruptedException notWanted) {
                            // It stays at work, and would soon see another call or its own end.
                            touched.await(100, TimeUnit.MILLISECONDS);
                        }
                    } else {
                        touched.countDown();
                    }
                    seen.add("end of " + packet.value());
                    out.emit(packet.value());
                }

                @Override
                public void close() {
                    touched.countDown();
                    seen.add("close");
                }
            });
            try (Pipeline pipeline = Pipeline.of(Manifests.own(), own);
                    Session session = pipeline.session()) {
                session.send(1);
                begun.await();
                if (interrupting) {
                    session.interrupt();
                    session.send(2);
                    session.finish();
                    same(2L, session.receive().orElseThrow().value().asLong());
                } else {
                    session.cancel();
                }
                List<String> expected = interrupting
                        ? List.of("end of 1", "close", "end of 2", "close")
                        : List.of("end of 1", "close");
                until(() -> seen.size() == expected.size(), "all are closed");
                same(expected, seen);
            }
        }
    }

    static void aCloseThatThrowsLeavesTheOthersClosed() throws Exception {
        AtomicInteger closed = new AtomicInteger();
        List<HostNode> nodes = new ArrayList<>();
        for (String type : List.of("First", "Second")) {
            nodes.add(HostNode.of(type, () -> new HostNode.Handler() {
                @Override
                public void handle(Packet packet, HostNode.Emitter out) {
                    out.emit(packet.value());
                }

                @Override
                public void close() {
                    closed.incrementAndGet();
                    throw new AssertionError("mine");
                }
            }));
        }
        Manifest manifest = Manifest.chain("two", Node.of("First"), Node.of("Second"));
        try (Pipeline pipeline = Pipeline.of(manifest, nodes.toArray(HostNode[]::new));
                Session session = pipeline.session()) {
            session.send(1);
            session.receive();
            session.interrupt();
            session.send(2);
            same(2L, session.receive().orElseThrow().value().asLong());
            same(2, closed.get());
            session.finish();
            same(Optional.empty(), session.receive());
            until(() -> closed.get() == 4, "all are closed");
        }
    }

    static void anErrorWhoseTextHasNoRoomReachesTheCaller() throws Exception {
        Exception large = new IllegalStateException("x".repeat(20_000));
        Exception deep = new Exception("root");
        for (int number = 0; number < 50; number++) {
            deep = new Exception("y".repeat(300), deep);
        }
        try (RemoteMedia runtime = RemoteMedia.open(Map.of("limits", Map.of("document_bytes", 10_000)))) {
            for (Exception each : List.of(large, deep)) {
                HostNode own = HostNode.stream("Own", (packet, out) -> {
                    out.emit(packet.value());
                    throw each;
                });
                try (Pipeline pipeline = runtime.pipeline(Manifests.own(), own)) {
                    NodeException error = fails(NodeException.class, () -> pipeline.execute(List.of(1)));
                    check(error.getCause() == each, error.getCause());
                    check(error.getMessage().contains(each.getMessage().substring(0, 100)), error);
                    same(List.of(new Value.Int(1)), error.results().values());
                }
            }
        }
        try (RemoteMedia runtime = RemoteMedia.open(Map.of("limits", Map.of("document_bytes", 300)))) {
            HostNode own = HostNode.map("Own", value -> {
                throw large;
            });
            // Not even that has room: the work ends all the same.
            try (Pipeline pipeline = runtime.pipeline(Manifests.own(), own)) {
                fails(RemoteMediaException.Cancelled.class, () -> pipeline.execute(List.of(1)));
            }
        }
    }

    static void severalInputsAndOutputs() throws Exception {
        HostNode split = HostNode.of("Split", () -> (packet, out) ->
                        out.emit(packet.value(), packet.value().asLong() % 2 == 0 ? "even" : "odd"))
                .withOutputs("even", "odd");
        HostNode merge = HostNode.of("Merge", () -> (packet, out) ->
                        out.emit(List.of(packet.port(), packet.value())))
                .withInputs("left", "right");
        Manifest manifest = Manifest.named("ends")
                .add(Node.of("Split"))
                .add(Node.of("Merge"))
                .connect("split.even", "merge.left")
                .connect("split.odd", "merge.right");
        try (Pipeline pipeline = Pipeline.of(manifest, split, merge)) {
            List<String> found = new ArrayList<>();
            for (Value value : pipeline.execute(List.of(1, 2))) {
                found.add(value.toString());
            }
            found.sort(null);
            same(List.of("[\"left\", 2]", "[\"right\", 1]"), found);
        }
        HostNode wrong = HostNode.of("Own", () -> (packet, out) -> out.emit(1, "elsewhere"));
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), wrong)) {
            NodeException error = fails(NodeException.class, () -> pipeline.execute(List.of(1)));
            check(error.getCause() instanceof IllegalArgumentException, error.getCause());
        }
    }

    static void whatIsNoValueFailsTheNode() {
        HostNode own = HostNode.map("Own", value -> new Thread());
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), own)) {
            NodeException error = fails(NodeException.class, () -> pipeline.execute(List.of(1)));
            check(error.getMessage().contains("a java.lang.Thread is no value"), error);
        }
        HostNode inner = HostNode.map("Own", value -> Map.of("a", List.of(1, new Thread())));
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), inner)) {
            NodeException error = fails(NodeException.class, () -> pipeline.execute(List.of(1)));
            check(error.getMessage().contains("the returned value.a[1]: a java.lang.Thread is no value"), error);
        }
        HostNode text = HostNode.map("Own", value -> "\udc00");
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), text)) {
            NodeException error = fails(NodeException.class, () -> pipeline.execute(List.of(1)));
            check(error.getMessage().contains("surrogate"), error);
        }
    }

    static void whatIsNoValueLosesNoOther() throws Exception {
        HostNode own = HostNode.map("Own", value -> value.asLong() == 2 ? "\ud83d" : value);
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), own)) {
            NodeException error = fails(NodeException.class, () -> pipeline.execute(List.of(1, 2, 3)));
            same(1L, error.detail().item());
            same(List.of(new Value.Int(1)), error.results().values());
        }
        Manifest skipping = Manifest.chain("skip", Node.of("Own").onError("skip"));
        try (Pipeline pipeline = Pipeline.of(skipping, own)) {
            Results results = pipeline.execute(List.of(1, 2, 3, 4, 5));
            same(List.of(1L, 3L, 4L, 5L), results.values().stream().map(Value::asLong).toList());
            same(1L, results.skips());
        }
    }

    /** An exception whose own methods fail. */
    private static final class Broken extends RuntimeException {
        private static final long serialVersionUID = 1;

        @Override
        public String getMessage() {
            throw new IllegalStateException("no message");
        }

        @Override
        public synchronized Throwable getCause() {
            throw new IllegalStateException("no cause");
        }
    }

    static void aCallIsRepliedToWhateverFails() throws Exception {
        Map<String, HostNode.Mapper> failing = Map.of(
                "its message can't be made", value -> {
                    throw new Broken();
                },
                "Already closed", value -> {
                    try (Arena arena = Arena.ofConfined()) {
                        return Tensor.of(DType.UINT8, arena.allocate(400), 400);
                    }
                },
                "closed", value -> {
                    try (Arena arena = Arena.ofConfined()) {
                        return Tensor.of(DType.UINT8, arena.allocate(40_000), 40_000);
                    }
                });
        for (Map.Entry<String, HostNode.Mapper> each : failing.entrySet()) {
            try (Pipeline pipeline = Pipeline.of(Manifests.own(), HostNode.map("Own", each.getValue()))) {
                NodeException error = fails(NodeException.class, () -> pipeline.execute(List.of(1), SECONDS));
                check(error.getMessage().contains(each.getKey()), error);
            }
        }
        HostNode.Handler copying = (packet, out) -> {
            try (Arena arena = Arena.ofConfined()) {
                out.emit(Tensor.of(DType.UINT8, arena.allocate(40_000).fill((byte) 7), 40_000));
            }
        };
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), HostNode.of("Own", () -> copying))) {
            Tensor found = (Tensor) pipeline.execute(List.of(1), SECONDS).values().getFirst();
            same((byte) 7, found.contiguous().get(java.lang.foreign.ValueLayout.JAVA_BYTE, 39_999));
        }
    }

    static void aKeptEmitterOfAnEarlierCallFailsTheRun() throws Exception {
        for (boolean streaming : List.of(false, true)) {
            HostNode keeper = HostNode.of("Own", () -> new HostNode.Handler() {
                        private HostNode.Emitter kept;

                        @Override
                        public void handle(Packet packet, HostNode.Emitter out) {
                            kept = kept == null ? out : kept;
                            kept.emit(packet.value());
                        }
                    })
                    .withBatch(1);
            try (Pipeline pipeline = Pipeline.of(Manifests.own(), streaming ? keeper.streaming() : keeper)) {
                NodeException error = fails(NodeException.class, () -> pipeline.execute(List.of(1, 2, 3), SECONDS));
                same(1L, error.detail().item());
                check(error.getCause() instanceof CancellationException, error.getCause());
                same(List.of(new Value.Int(1)), error.results().values());
            }
        }
    }

    static void aNodeMayInterruptItsOwnThread() throws Exception {
        HostNode own = HostNode.stream("Own", (packet, out) -> {
            while (true) {
                Thread.currentThread().interrupt();
                out.emit(1);
            }
        });
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), own);
                Session session = pipeline.session()) {
            session.send(1);
            NodeException error = fails(NodeException.class, () -> session.stream().forEach(packet -> {}));
            check(error.getCause() instanceof IllegalStateException, error.getCause());
        }
    }

    static void aChainKeepsTheTimesThatItsNodesGive() throws Exception {
        Duration five = Duration.ofSeconds(5);
        Duration two = Duration.ofSeconds(2);
        Audio silence = Audio.of(new float[100], 44_100);
        Audio sound = new Audio(44_100, "mono", five, 1, 100, silence.stride(), silence.data());
        Map<Packet, List<Duration>> expected = Map.of(
                Packet.at(1, five).lasting(Duration.ofSeconds(1)), List.of(five, Duration.ofSeconds(1)),
                Packet.at(1, five), List.of(five, two),
                Packet.of(1).lasting(Duration.ofSeconds(1)), List.of(Duration.ofSeconds(3), Duration.ofSeconds(1)),
                Packet.of(sound), List.of(five, Duration.ofNanos(2_267_574)),
                Packet.of(silence), List.of(Duration.ofSeconds(3), Duration.ofNanos(2_267_574)),
                Packet.of(1), List.of(Duration.ofSeconds(3), two));
        for (Map.Entry<Packet, List<Duration>> each : expected.entrySet()) {
            List<Duration> seen = new ArrayList<>();
            HostNode at = HostNode.of("At", () -> (packet, out) -> out.emit(each.getKey()));
            HostNode last = HostNode.of("Last", () -> (packet, out) -> {
                seen.add(packet.pts());
                seen.add(packet.duration());
                out.emit("text");
            });
            // With a native node between them the runtime does it.
            for (Manifest manifest : List.of(
                    Manifest.chain("next", Node.of("At"), Node.of("Last")),
                    Manifest.chain("between", Node.of("At"), Node.of("PassThrough"), Node.of("Last")))) {
                try (Pipeline pipeline = Pipeline.of(manifest, at, last);
                        Session session = pipeline.session()) {
                    session.send(Packet.at(0, Duration.ofSeconds(3)).lasting(two));
                    session.finish();
                    Packet found = session.receive().orElseThrow();
                    same(each.getValue(), Arrays.asList(found.pts(), found.duration()));
                    same(each.getValue(), seen);
                    seen.clear();
                }
            }
        }
    }

    static void timesOfValuesAreKept() throws Exception {
        HostNode own = HostNode.of("Own", () -> (packet, out) -> {
            out.emit("same");
            out.emit(Packet.at("later", packet.pts().plusMillis(5)).lasting(Duration.ofMillis(1)));
        });
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), own);
                Session session = pipeline.session()) {
            session.send(1, Duration.ofMillis(3));
            session.finish();
            List<Duration> times = session.stream().map(Packet::pts).toList();
            same(List.of(Duration.ofMillis(3), Duration.ofMillis(8)), times);
        }
    }

    static void aHandlerMayUseTheLibrary() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(1))) {
            HostNode own = HostNode.map("Own", value ->
                    add.execute(List.of(value)).values().getFirst());
            try (Pipeline pipeline = Pipeline.of(Manifests.own(), own)) {
                same(List.of(new Value.Int(8)), pipeline.execute(List.of(7)).values());
            }
        }
    }

    static void aCancelledRunInterruptsItsHandler() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CompletableFuture<Boolean> interrupted = new CompletableFuture<>();
        HostNode own = HostNode.map("Own", value -> {
            begun.countDown();
            try {
                Thread.sleep(Duration.ofMinutes(1));
                interrupted.complete(false);
            } catch (InterruptedException error) {
                interrupted.complete(true);
            }
            return value;
        });
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), own)) {
            Run run = pipeline.executeAsync(List.of(1));
            begun.await();
            check(run.cancel(true), "it was cancelled");
            same(true, interrupted.get(10, TimeUnit.SECONDS));
        }
    }

    static void errorsCanBeSkipped() throws Exception {
        HostNode own = HostNode.map("Own", value -> {
            if (value.asLong() == 2) {
                throw new IllegalArgumentException("two");
            }
            return value;
        });
        Manifest skipping = Manifest.chain("skip", Node.of("Own").onError("skip"));
        try (Pipeline pipeline = Pipeline.of(skipping, own)) {
            Results results = pipeline.execute(List.of(1, 2, 3));
            same(List.of(1L, 3L), results.values().stream().map(Value::asLong).toList());
            same(1L, results.skips());
            check(results.skipped().getFirst().exception() instanceof IllegalArgumentException, results.skipped());
        }
    }

    static void builtInNodesFollow() throws Exception {
        HostNode own = HostNode.map("Own", value -> value.asLong() + 1);
        Manifest manifest = Manifest.chain(
                "mixed", Node.of("Own"), new Nodes.Calculator(Nodes.Calculator.Operation.MULTIPLY, 10));
        try (Pipeline pipeline = Pipeline.of(manifest, own)) {
            List<Integer> inputs = new ArrayList<>();
            List<Value> expected = new ArrayList<>();
            for (int number = 0; number < 1000; number++) {
                inputs.add(number);
                expected.add(new Value.Int((number + 1) * 10L));
            }
            same(expected, pipeline.execute(inputs).values());
        }
        fails(RemoteMediaException.class, () -> Pipeline.of(Manifests.own()));
    }
}
