package org.remotemedia.tests;

import static org.remotemedia.tests.Tests.check;
import static org.remotemedia.tests.Tests.fails;
import static org.remotemedia.tests.Tests.same;
import static org.remotemedia.tests.Tests.until;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.StreamHandler;
import org.remotemedia.HostNode;
import org.remotemedia.Manifest;
import org.remotemedia.Nodes;
import org.remotemedia.Pipeline;
import org.remotemedia.RemoteMedia;
import org.remotemedia.RemoteMediaException;
import org.remotemedia.Run;
import org.remotemedia.Session;
import org.remotemedia.Value;
import org.remotemedia.abi.Abi;
import org.remotemedia.engine.Execution;
import org.remotemedia.engine.NativePipeline;
import org.remotemedia.engine.NativeRuntime;
import org.remotemedia.engine.NativeSession;

/** The end of runtimes: by close, by the collector, with work under way. */
final class ShutdownTests {
    private ShutdownTests() {}

    static void closingEndsAllWork() throws Exception {
        Map<String, Value> before = live();
        RemoteMedia runtime = RemoteMedia.open();
        Pipeline pipeline = runtime.pipeline(
                Manifest.chain("long", new Nodes.NoiseSource().durationS(86_400), new Nodes.Loudness()));
        List<Run> runs = new ArrayList<>();
        for (int number = 0; number < 10; number++) {
            runs.add(pipeline.executeAsync());
        }
        Session session = pipeline.session();
        runtime.close();
        runtime.close();
        for (Run run : runs) {
            Throwable cause = fails(ExecutionException.class, () -> run.get(10, TimeUnit.SECONDS)).getCause();
            check(cause instanceof RemoteMediaException.ShutDown, cause);
        }
        fails(RemoteMediaException.class, session::receive);
        fails(RemoteMediaException.class, () -> pipeline.execute());
        fails(RemoteMediaException.Gone.class, () -> runtime.pipeline(Manifests.same()));
        session.close();
        pipeline.close();
        until(() -> live().equals(before), "nothing is left: " + before);
    }

    static void closingByAnInterruptedThreadIsNoError() throws Exception {
        List<String> logged = Collections.synchronizedList(new ArrayList<>());
        Handler handler = new StreamHandler() {
            @Override
            public void publish(LogRecord record) {
                logged.add(record.getMessage());
            }
        };
        Logger logger = Logger.getLogger("org.remotemedia");
        logger.addHandler(handler);
        try {
            for (int round = 0; round < 20; round++) {
                RemoteMedia runtime = RemoteMedia.open();
                Pipeline pipeline = runtime.pipeline(
                        Manifest.chain("long", new Nodes.NoiseSource().durationS(86_400), new Nodes.Loudness()));
                Run run = pipeline.executeAsync();
                Thread.currentThread().interrupt();
                runtime.close();
                check(Thread.interrupted(), "the interrupt stays");
                Throwable cause = fails(ExecutionException.class, () -> run.get(10, TimeUnit.SECONDS)).getCause();
                check(cause instanceof RemoteMediaException.ShutDown, cause);
                pipeline.close();
            }
        } finally {
            logger.removeHandler(handler);
        }
        same(List.of(), logged);
    }

    static void shutdownSaysWhetherAllHasEnded() throws Exception {
        try (RemoteMedia runtime = RemoteMedia.open()) {
            check(runtime.shutdown(Duration.ofSeconds(10)), "nothing was under way");
            check(runtime.shutdown(Duration.ZERO), "it may be called again");
            fails(RemoteMediaException.ShutDown.class, () -> {
                try (Pipeline same = runtime.pipeline(Manifests.same())) {
                    same.execute(List.of(1));
                }
            });
        }
    }

    static void whatIsForgottenIsCollected() throws Exception {
        Map<String, Value> before = live();
        forget();
        until(
                () -> {
                    System.gc();
                    return live().equals(before);
                },
                "runtime, pipeline and session are freed: " + before);
    }

    private static void forget() throws InterruptedException {
        RemoteMedia runtime = RemoteMedia.open();
        Pipeline pipeline = runtime.pipeline(Manifests.same());
        Session session = pipeline.session();
        session.send(1);
        same(1L, session.receive().orElseThrow().value().asLong());
    }

    static void aSessionWhoseEndIsWaitedForIsNotCollected() throws Exception {
        Map<String, Value> before = live();
        AtomicBoolean hasRun = new AtomicBoolean();
        HostNode own = HostNode.map("Own", value -> {
            // Long enough for the cleaner to cancel what it can.
            for (int round = 0; round < 20; round++) {
                System.gc();
                Thread.sleep(5);
            }
            hasRun.set(true);
            return value;
        });
        try (RemoteMedia runtime = RemoteMedia.open();
                Pipeline pipeline = runtime.pipeline(Manifests.own(), own)) {
            endOf(pipeline).get(20, TimeUnit.SECONDS);
            check(hasRun.get(), "the node has run to its end");
        }
        until(
                () -> {
                    System.gc();
                    return live().equals(before);
                },
                "the session is freed afterwards: " + before);
    }

    private static CompletableFuture<Void> endOf(Pipeline pipeline) throws InterruptedException {
        Session session = pipeline.session();
        session.send(1);
        session.finish();
        return session.completion();
    }

    static void whatEventsCantBeReadOfEndsWithAllOther() throws Exception {
        NativeRuntime runtime = new NativeRuntime(Map.of());
        try {
            byte[] manifest = NativeRuntime.encoded(Manifests.own().toMap());
            HostNode own = HostNode.map("Own", value -> value);
            NativePipeline pipeline = new NativePipeline(runtime, manifest, Map.of("Own", own));
            NativeSession session = new NativeSession(
                    runtime.port(), pipeline.handle(), Map.of(), List.of(""), List.of("own"), null);
            // A call of a node type that nothing knows can't be read, as it is with one that the heap has no room for.
            runtime.loans().forEach(runtime.loans()::release);
            Execution run = Execution.submit(runtime.port(), pipeline.handle(), List.of(1), null, 0);
            for (var done : List.of(run.done(), session.done())) {
                RemoteMediaException failure = done.get(10, TimeUnit.SECONDS).failure();
                check(failure instanceof RemoteMediaException.ShutDown, failure);
            }
            check(run.done().join().failure().getMessage().contains("could not be read"), "the error says why");
            same(Abi.END, session.receive(-1, 1, new ArrayList<>()));
            fails(
                    RemoteMediaException.ShutDown.class,
                    () -> Execution.submit(runtime.port(), pipeline.handle(), List.of(1), null, 0));
            session.close();
            pipeline.close();
        } finally {
            runtime.close(Duration.ofSeconds(10));
        }
    }

    static void twoRuntimesDoNotMeet() throws Exception {
        try (RemoteMedia first = RemoteMedia.open();
                RemoteMedia second = RemoteMedia.open();
                Pipeline one = first.pipeline(Manifests.same());
                Pipeline two = second.pipeline(Manifests.same())) {
            for (int round = 0; round < 100; round++) {
                byte[] large = new byte[20_000];
                large[0] = (byte) round;
                Value value = new Value.Bytes(large);
                same(List.of(value), one.execute(List.of(value)).values());
                same(List.of(value), two.execute(List.of(value)).values());
            }
            until(() -> first.lent() == 0 && second.lent() == 0, "all is released");
        }
    }

    /** The objects that programs close. Memory of earlier tests may be collected meanwhile. */
    private static Map<String, Value> live() {
        Map<String, Value> live = new HashMap<>(RemoteMedia.liveObjects());
        live.keySet().retainAll(Set.of("runtimes", "ports", "pipelines", "sessions", "runs", "nodes", "host_buffers"));
        return live;
    }
}
