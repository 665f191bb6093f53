package org.remotemedia.tests;

import static org.remotemedia.tests.Tests.check;
import static org.remotemedia.tests.Tests.fails;
import static org.remotemedia.tests.Tests.same;
import static org.remotemedia.tests.Tests.until;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.remotemedia.HostNode;
import org.remotemedia.Manifest;
import org.remotemedia.NodeException;
import org.remotemedia.Nodes;
import org.remotemedia.Packet;
import org.remotemedia.Pipeline;
import org.remotemedia.RemoteMediaException;
import org.remotemedia.Session;
import org.remotemedia.SessionOptions;
import org.remotemedia.Value;

/** Sessions: order, back pressure, the ways to read one, and how it ends. */
final class SessionTests {
    private SessionTests() {}

    static void packetsComeInTheirOrderWithTheirTimes() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(1));
                Session session = add.session()) {
            session.send(1);
            session.send(2, Duration.ofMillis(5));
            session.send(Packet.at(3, Duration.ofMillis(7)).lasting(Duration.ofMillis(2)));
            session.finish();
            List<Packet> packets = new ArrayList<>();
            session.forEach(packets::add);
            same(List.of(2L, 3L, 4L), packets.stream().map(packet -> packet.value().asLong()).toList());
            same(Duration.ofMillis(5), packets.get(1).pts());
            same(Duration.ofMillis(2), packets.get(2).duration());
            same(List.of(0L, 1L, 2L), packets.stream().map(Packet::seq).toList());
            same("add", packets.getFirst().port());
            same(Optional.empty(), session.receive());
            session.completion().get(10, TimeUnit.SECONDS);
        }
    }

    /** A node that waits for its gate: nothing moves meanwhile, so that a session that is full stays so. */
    private static HostNode gated(CountDownLatch begun, CountDownLatch gate) {
        return HostNode.map("Own", value -> {
            begun.countDown();
            gate.await();
            return value;
        });
    }

    static void sendWaitsWhileNothingIsReceived() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch gate = new CountDownLatch(1);
        try (Pipeline held = Pipeline.of(Manifests.own(), gated(begun, gate));
                Session session = held.session(SessionOptions.DEFAULT.buffer(4, null, null))) {
            session.send(0);
            begun.await();
            AtomicInteger sent = new AtomicInteger(1);
            Thread sender = Thread.startVirtualThread(() -> {
                try {
                    for (int number = 1; number < 1000; number++) {
                        session.send(number);
                        sent.incrementAndGet();
                    }
                    session.finish();
                } catch (InterruptedException error) {
                    throw new AssertionError(error);
                }
            });
            until(() -> sender.getState() == Thread.State.WAITING, "the sender waits");
            int before = sent.get();
            check(before >= 4 && before <= 32, before);
            same(0, session.trySend(List.of(Packet.of(0))));
            gate.countDown();
            List<Long> found = new ArrayList<>();
            for (Packet packet : session) {
                found.add(packet.value().asLong());
            }
            same(1000, found.size());
            same(999L, found.getLast());
        }
    }

    static void aHundredPlatformThreadsMaySend() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(0));
                Session session = add.session()) {
            CountDownLatch sent = new CountDownLatch(100);
            for (int number = 0; number < 100; number++) {
                Thread.ofPlatform().daemon().start(() -> {
                    try {
                        for (int packet = 0; packet < 100; packet++) {
                            session.send(1);
                        }
                    } catch (InterruptedException error) {
                        throw new AssertionError(error);
                    }
                    sent.countDown();
                });
            }
            Thread.startVirtualThread(() -> {
                try {
                    sent.await();
                    session.finish();
                } catch (InterruptedException error) {
                    throw new AssertionError(error);
                }
            });
            same(10_000L, session.stream().count());
        }
    }

    static void aFlushBringsOutWhatIsHeldBack() throws Exception {
        Manifest chunks = Manifest.chain("chunks", new Nodes.AudioChunk().frames(4));
        try (Pipeline pipeline = Pipeline.of(chunks);
                Session session = pipeline.session()) {
            session.send(org.remotemedia.Audio.of(new float[6], 8000));
            session.flush();
            session.send(org.remotemedia.Audio.of(new float[4], 8000));
            session.finish();
            List<Long> frames = session.stream()
                    .map(packet -> ((org.remotemedia.Audio) packet.value()).frames())
                    .toList();
            same(List.of(4L, 2L, 4L), frames);
        }
    }

    static void anInterruptionDropsWhatWasSent() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(0));
                Session session = add.session()) {
            for (int number = 0; number < 10; number++) {
                session.send(number);
            }
            // Fetched ahead, and dropped with the rest.
            same(0L, session.receive().orElseThrow().value().asLong());
            session.interrupt();
            session.send(100);
            session.finish();
            same(List.of(100L), session.stream().map(packet -> packet.value().asLong()).toList());
        }
    }

    static void anInterruptionOfAllDropsWhatWaitsToBeSent() throws Exception {
        for (boolean isPart : new boolean[] {false, true}) {
            CountDownLatch begun = new CountDownLatch(1);
            CountDownLatch gate = new CountDownLatch(1);
            try (Pipeline held = Pipeline.of(Manifests.own(), gated(begun, gate));
                    Session session = held.session(SessionOptions.DEFAULT.buffer(1, null, null))) {
                session.send(0);
                begun.await();
                while (session.trySend(List.of(Packet.of(1))) > 0) {}
                Thread sender = Thread.startVirtualThread(() -> {
                    try {
                        session.sendAll(List.of(Packet.of(2), Packet.of(3), Packet.of(4)));
                        session.send(5);
                        session.finish();
                    } catch (InterruptedException error) {
                        throw new AssertionError(error);
                    }
                });
                until(() -> sender.getState() == Thread.State.WAITING, "the sender waits");
                if (isPart) {
                    session.interrupt("own");
                } else {
                    session.interrupt();
                }
                gate.countDown();
                List<Long> found = session.stream().map(packet -> packet.value().asLong()).toList();
                same(isPart ? List.of(2L, 3L, 4L, 5L) : List.of(5L), found);
            }
        }
    }

    static void outputsAreReadOneByOne() throws Exception {
        Manifest two = Manifest.named("two")
                .add(new Nodes.Calculator(Nodes.Calculator.Operation.ADD, 1).id("plus"))
                .add(new Nodes.Calculator(Nodes.Calculator.Operation.MULTIPLY, 10).id("times"));
        try (Pipeline pipeline = Pipeline.of(two);
                Session session = pipeline.session()) {
            session.send(1);
            session.send(2);
            session.finish();
            List<Long> times = new ArrayList<>();
            session.output("times").forEach(packet -> times.add(packet.value().asLong()));
            same(List.of(10L, 20L), times);
            same(2L, session.receive("plus").orElseThrow().value().asLong());
            same(1, session.receive("plus", 10).size());
            same(List.of(), session.receive("plus", 10));
            fails(RemoteMediaException.InvalidArgument.class, () -> session.receive("minus"));
        }
    }

    static void chosenOutputsAreReadByTheirNames() throws Exception {
        Manifest two = Manifest.named("two")
                .add(new Nodes.Calculator(Nodes.Calculator.Operation.ADD, 1).id("plus"))
                .add(new Nodes.Calculator(Nodes.Calculator.Operation.MULTIPLY, 10).id("times"));
        List<SessionOptions> all = List.of(
                SessionOptions.DEFAULT.outputs(),
                SessionOptions.DEFAULT.outputs("times", "plus"),
                SessionOptions.of(Map.of("outputs", new String[] {"times", "plus"})),
                SessionOptions.of(Map.of("outputs", Value.of(List.of("times")))));
        try (Pipeline pipeline = Pipeline.of(two)) {
            for (SessionOptions options : all) {
                try (Session session = pipeline.session(options)) {
                    session.send(5);
                    same(new Value.Int(50), session.receive("times").orElseThrow().value());
                }
            }
        }
    }

    static void outputsAreReadTogetherAndOneByOne() throws Exception {
        Manifest two = Manifest.named("two")
                .add(new Nodes.Calculator(Nodes.Calculator.Operation.ADD, 1).id("plus"))
                .add(new Nodes.Calculator(Nodes.Calculator.Operation.MULTIPLY, 10).id("times"));
        try (Pipeline pipeline = Pipeline.of(two);
                Session session = pipeline.session()) {
            session.sendAll(List.of(Packet.of(1), Packet.of(2), Packet.of(3)));
            session.finish();
            session.completion().join();
            Map<String, List<Long>> found = Map.of("plus", new ArrayList<>(), "times", new ArrayList<>());
            Consumer<Packet> sort = packet -> found.get(packet.port()).add(packet.value().asLong());
            sort.accept(session.receive().orElseThrow());
            sort.accept(session.receive("times").orElseThrow());
            sort.accept(session.receive("plus").orElseThrow());
            session.forEach(sort);
            same(Map.of("plus", List.of(2L, 3L, 4L), "times", List.of(10L, 20L, 30L)), found);
        }
    }

    static void atMostNoneIsRefused() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(0));
                Session session = add.session()) {
            session.sendAll(List.of(Packet.of(1), Packet.of(2), Packet.of(3)));
            session.finish();
            session.completion().join();
            fails(RemoteMediaException.InvalidArgument.class, () -> session.receiveNow(null, 0));
            fails(RemoteMediaException.InvalidArgument.class, () -> session.receive(null, -1));
            same(2, session.receiveNow(null, 2).size());
            same(1, session.receive("add", 2).size());
        }
    }

    static void timesOfOptionsAreNotCut() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(0))) {
            SessionOptions fraction = SessionOptions.DEFAULT.buffer(null, null, Duration.ofNanos(1_500_000));
            RemoteMediaException error = fails(RemoteMediaException.class, () -> add.session(fraction));
            check(error.getMessage().contains("buffer.ms: expected an integer, got 1.5"), error);
            add.session(SessionOptions.DEFAULT.packetDeadline(Duration.ofNanos(999))).close();
            add.session(SessionOptions.DEFAULT.deadline(Duration.ofSeconds(Long.MAX_VALUE))).close();
        }
    }

    static void paramsChangeWhileItRuns() throws Exception {
        Manifest gain = Manifest.chain("gain", new Nodes.AudioGain().gainDb(0));
        try (Pipeline pipeline = Pipeline.of(gain);
                Session session = pipeline.session()) {
            session.send(org.remotemedia.Audio.of(new float[] {0.5f}, 8000));
            session.set("audiogain", Map.of("gain_db", -100.0));
            fails(RemoteMediaException.class, () -> session.set("audiogain", Map.of("gain", 1)));
            session.finish();
            same(1L, session.stream().count());
            check(session.metrics().get("sent").asLong() == 1, session.metrics());
        }
    }

    static void aFailureIsThrownBehindTheLastOutput() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(1));
                Session session = add.session()) {
            session.send(1);
            session.send("two");
            same(2L, session.receive().orElseThrow().value().asLong());
            NodeException error = fails(NodeException.class, session::receive);
            same("add", error.nodeId());
            fails(NodeException.class, () -> session.send(3));
            fails(NodeException.class, session::finish);
            check(fails(ExecutionException.class, () -> session.completion().get(10, TimeUnit.SECONDS)).getCause()
                            instanceof NodeException,
                    "the completion has it too");
        }
    }

    static void anInterruptedReceiverLosesNothing() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(1));
                Session session = add.session()) {
            CompletableFuture<Throwable> ended = new CompletableFuture<>();
            Thread reader = Thread.startVirtualThread(() ->
                    ended.complete(fails(InterruptedException.class, session::receive)));
            until(() -> reader.getState() == Thread.State.WAITING, "the reader waits");
            reader.interrupt();
            ended.get(10, TimeUnit.SECONDS);
            session.send(1);
            same(2L, session.receive().orElseThrow().value().asLong());
        }
    }

    static void closingEndsWaits() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(1))) {
            Session session = add.session();
            CompletableFuture<Throwable> ended = new CompletableFuture<>();
            Thread reader = Thread.startVirtualThread(
                    () -> ended.complete(fails(RemoteMediaException.class, session::receive)));
            until(() -> reader.getState() == Thread.State.WAITING, "the reader waits");
            session.close();
            ended.get(10, TimeUnit.SECONDS);
            fails(RemoteMediaException.Gone.class, () -> session.send(1));
        }
    }

    static void aSubscriberGetsWhatItRequests() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(0));
                Session session = add.session(SessionOptions.DEFAULT.buffer(2, null, null))) {
            List<Long> found = new ArrayList<>();
            CompletableFuture<Void> complete = new CompletableFuture<>();
            AtomicInteger outstanding = new AtomicInteger();
            session.publisher().subscribe(new Flow.Subscriber<>() {
                private Flow.Subscription subscription;

                @Override
                public void onSubscribe(Flow.Subscription given) {
                    subscription = given;
                    outstanding.set(3);
                    subscription.request(3);
                }

                @Override
                public void onNext(Packet packet) {
                    check(outstanding.decrementAndGet() >= 0, "more than requested");
                    found.add(packet.value().asLong());
                    if (outstanding.get() == 0) {
                        outstanding.set(3);
                        subscription.request(3);
                    }
                }

                @Override
                public void onError(Throwable error) {
                    complete.completeExceptionally(error);
                }

                @Override
                public void onComplete() {
                    complete.complete(null);
                }
            });
            for (int number = 0; number < 100; number++) {
                session.send(number);
            }
            session.finish();
            complete.get(20, TimeUnit.SECONDS);
            same(100, found.size());
            same(99L, found.getLast());
        }
    }

    static void aSubscriberHearsOfTheEndWithoutARequest() throws Exception {
        HostNode own = HostNode.map("Own", value -> 1 / value.asLong());
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), own)) {
            for (int requests = 0; requests < 3; requests++) {
                List<String> heard = new ArrayList<>();
                CountDownLatch end = new CountDownLatch(1);
                try (Session session = pipeline.session()) {
                    session.publisher().subscribe(listener(heard, end, requests));
                    session.sendAll(Collections.nCopies(requests, Packet.of(1)));
                    if (requests == 1) {
                        session.send(0);
                    } else {
                        session.finish();
                    }
                    check(end.await(20, TimeUnit.SECONDS), "it has ended");
                }
                List<List<String>> all =
                        List.of(List.of("end"), List.of("1", "NodeException"), List.of("1", "1", "end"));
                same(all.get(requests), heard);
            }
            List<String> heard = new ArrayList<>();
            CountDownLatch end = new CountDownLatch(1);
            try (Session session = pipeline.session()) {
                session.publisher().subscribe(listener(heard, end, 0));
                session.sendAll(List.of(Packet.of(1), Packet.of(1)));
                session.finish();
                session.completion().join();
                Value one = Value.of(Map.of("own", 1));
                until(() -> session.metrics().get("unread").equals(one), "the other one is fetched ahead");
                session.cancel();
                check(end.await(20, TimeUnit.SECONDS), "it has ended");
            }
            same(List.of("end"), heard);
        }
    }

    /** A subscriber that requests nothing and does nothing. */
    private static class Silent implements Flow.Subscriber<Packet> {
        @Override
        public void onSubscribe(Flow.Subscription subscription) {}

        @Override
        public void onNext(Packet packet) {}

        @Override
        public void onError(Throwable error) {}

        @Override
        public void onComplete() {}
    }

    static void aSubscriberThatFailsEndsTheSession() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(0))) {
            for (boolean isThrowing : List.of(true, false)) {
                CompletableFuture<Throwable> heard = new CompletableFuture<>();
                try (Session session = add.session(SessionOptions.DEFAULT.buffer(2, null, null))) {
                    session.publisher().subscribe(new Silent() {
                        @Override
                        public void onSubscribe(Flow.Subscription subscription) {
                            subscription.request(isThrowing ? 1 : 0);
                        }

                        @Override
                        public void onNext(Packet packet) {
                            throw new IllegalStateException("mine");
                        }

                        @Override
                        public void onError(Throwable error) {
                            heard.complete(error);
                        }
                    });
                    fails(RemoteMediaException.Cancelled.class, () -> {
                        while (true) {
                            session.send(1);
                        }
                    });
                    Throwable error = heard.get(20, TimeUnit.SECONDS);
                    same(isThrowing ? "mine" : "request a number above 0, not 0", error.getMessage());
                    fails(CompletionException.class, () -> session.completion().join());
                    check(session.metrics().get("nodes") != null, "counters stay");
                }
            }
        }
    }

    static void aSubscriberThatCantBeSubscribedEndsTheSession() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(0));
                Session session = add.session(SessionOptions.DEFAULT.buffer(2, null, null))) {
            Flow.Publisher<Packet> publisher = session.publisher();
            fails(NullPointerException.class, () -> publisher.subscribe(null));
            IllegalStateException error = fails(
                    IllegalStateException.class, () -> publisher.subscribe(new Silent() {
                        @Override
                        public void onSubscribe(Flow.Subscription subscription) {
                            throw new IllegalStateException("mine");
                        }
                    }));
            same("mine", error.getMessage());
            fails(RemoteMediaException.Cancelled.class, () -> {
                while (true) {
                    session.send(1);
                }
            });
        }
    }

    static void aSubscriberHearsOfOneEndWhateverItThrows() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(0));
                Session session = add.session()) {
            List<String> heard = Collections.synchronizedList(new ArrayList<>());
            CompletableFuture<Thread> reader = new CompletableFuture<>();
            session.publisher().subscribe(new Silent() {
                @Override
                public void onError(Throwable error) {
                    heard.add(error.toString());
                }

                @Override
                public void onComplete() {
                    heard.add("end");
                    Thread.currentThread().setUncaughtExceptionHandler((thread, error) -> heard.add(error.getMessage()));
                    reader.complete(Thread.currentThread());
                    throw new IllegalStateException("mine");
                }
            });
            session.finish();
            check(reader.get(20, TimeUnit.SECONDS).join(Duration.ofSeconds(20)), "its thread has ended");
            same(List.of("end", "mine"), heard);
        }
    }

    private static Flow.Subscriber<Packet> listener(List<String> heard, CountDownLatch end, long requests) {
        return new Flow.Subscriber<>() {
            @Override
            public void onSubscribe(Flow.Subscription subscription) {
                if (requests > 0) {
                    subscription.request(requests);
                }
            }

            @Override
            public void onNext(Packet packet) {
                heard.add(packet.value().toString());
            }

            @Override
            public void onError(Throwable error) {
                heard.add(error.getClass().getSimpleName());
                end.countDown();
            }

            @Override
            public void onComplete() {
                heard.add("end");
                end.countDown();
            }
        };
    }

    static void aSubscriberThatHasRequestedEverythingMayCancel() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(0));
                Session session = add.session()) {
            session.publisher().subscribe(new Silent() {
                @Override
                public void onSubscribe(Flow.Subscription subscription) {
                    subscription.request(Long.MAX_VALUE);
                    subscription.cancel();
                }
            });
            fails(RemoteMediaException.Gone.class, () -> session.send(1));
        }
    }

    static void namesOfInputsAreChecked() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(1));
                Session session = add.session()) {
            fails(org.remotemedia.MarshalException.class, () -> session.send(Packet.of(1).to("microphone")));
        }
    }

    static void valuesThatCantCrossLoseNothing() throws Exception {
        HostNode own = HostNode.map("Own", value -> value);
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), own);
                Session session = pipeline.session()) {
            session.send(1);
            fails(org.remotemedia.MarshalException.class, () -> session.send("\ud800"));
            session.send(2);
            session.finish();
            same(List.of(new Value.Int(1), new Value.Int(2)), session.stream().map(Packet::value).toList());
        }
    }

    static void skippedPacketsAreReported() throws Exception {
        HostNode own = HostNode.map("Own", value -> {
            throw new IllegalArgumentException("not " + value);
        });
        Manifest skipping = Manifest.chain("skip", org.remotemedia.Node.of("Own").onError("skip"));
        CompletableFuture<org.remotemedia.ErrorDetail> skipped = new CompletableFuture<>();
        try (Pipeline pipeline = Pipeline.of(skipping, own);
                Session session = pipeline.session(SessionOptions.DEFAULT.onSkip(skipped::complete))) {
            session.send(1);
            check(skipped.get(10, TimeUnit.SECONDS).exception() instanceof IllegalArgumentException, "the exception");
            session.finish();
            same(0L, session.stream().count());
        }
    }

    static void aPartIsInterrupted() throws Exception {
        HostNode left = HostNode.map("Left", value -> value);
        HostNode right = HostNode.map("Right", value -> value);
        Manifest two = Manifest.named("two")
                .add(org.remotemedia.Node.of("Left"))
                .add(org.remotemedia.Node.of("Right"));
        try (Pipeline pipeline = Pipeline.of(two, left, right);
                Session session = pipeline.session()) {
            session.send(1);
            session.send(2);
            // Both are fetched ahead of their readers.
            same(1L, session.receive("left").orElseThrow().value().asLong());
            same(1L, session.receive("right").orElseThrow().value().asLong());
            session.interrupt("left");
            session.send(3);
            session.finish();
            List<Long> found = new ArrayList<>();
            session.output("left").forEach(packet -> found.add(packet.value().asLong()));
            same(List.of(3L), found);
            found.clear();
            session.output("right").forEach(packet -> found.add(packet.value().asLong()));
            same(List.of(2L, 3L), found);
        }
    }

    static void stepsAreRecorded() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(1));
                Session session = add.session(SessionOptions.DEFAULT.trace())) {
            session.send(1);
            session.finish();
            same(1L, session.stream().count());
            check(!session.trace().get("records").asList().isEmpty(), "there are records");
        }
    }

    static void inputsAndOutputsHaveNames() throws Exception {
        Manifest two = Manifest.named("two")
                .add(new Nodes.Calculator(Nodes.Calculator.Operation.ADD, 1).id("plus"))
                .add(new Nodes.Calculator(Nodes.Calculator.Operation.MULTIPLY, 10).id("times"))
                .input("left", "plus.in")
                .input("right", "times.in")
                .output("sum", "plus.out")
                .output("product", "times.out");
        try (Pipeline pipeline = Pipeline.of(two)) {
            var results = pipeline.execute(Map.of("left", List.of(1), "right", List.of(2)));
            same(List.of(new Value.Int(2)), results.values("sum"));
            same(List.of(new Value.Int(20)), results.values("product"));
            try (Session session = pipeline.session()) {
                session.send(Packet.of(3).to("right"));
                session.send(Packet.of(4).to("left"));
                session.finish();
                same(30L, session.receive("product").orElseThrow().value().asLong());
                same("sum", session.receive("sum").orElseThrow().port());
            }
        }
    }

    static void aCancelDropsWhatAnEndedSessionHas() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(0));
                Session session = add.session(SessionOptions.DEFAULT.buffer(1000, null, null))) {
            session.sendAll(Collections.nCopies(500, Packet.of(1)));
            session.finish();
            session.completion().join();
            check(session.receive().isPresent(), "more are fetched with it, and not all");
            check(!session.cancel(), "it has ended");
            same(Optional.empty(), session.receive());
        }
    }

    static void nothingIsReceivedAfterClose() throws Exception {
        try (Pipeline pipeline = Pipeline.of(Manifests.add(1))) {
            Session session = pipeline.session();
            session.sendAll(List.of(Packet.of(1), Packet.of(2), Packet.of(3)));
            session.finish();
            session.completion().join();
            // The others are fetched with it.
            same(2L, session.receive().orElseThrow().value().asLong());
            session.close();
            fails(RemoteMediaException.Gone.class, session::receive);
            fails(RemoteMediaException.Gone.class, () -> session.receiveNow(null, 10));
        }
    }
}
