package org.remotemedia.tests;

import static org.remotemedia.tests.Tests.check;
import static org.remotemedia.tests.Tests.fails;
import static org.remotemedia.tests.Tests.same;
import static org.remotemedia.tests.Tests.until;

import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.remotemedia.HostNode;
import org.remotemedia.Manifest;
import org.remotemedia.Nodes;
import org.remotemedia.Pipeline;
import org.remotemedia.RemoteMedia;
import org.remotemedia.RemoteMediaException;
import org.remotemedia.Run;
import org.remotemedia.Session;

/** Cancelling, by all the means that Java has. */
final class CancelTests {
    private CancelTests() {}

    private static Pipeline endless(RemoteMedia runtime) {
        return runtime.pipeline(
                Manifest.chain("long", new Nodes.NoiseSource().durationS(86_400), new Nodes.Loudness()));
    }

    static void aCancelledFutureCancelsTheWork() throws Exception {
        try (RemoteMedia runtime = RemoteMedia.open();
                Pipeline pipeline = endless(runtime)) {
            Run run = pipeline.executeAsync();
            check(run.progress() != null, "it is under way");
            check(run.cancel(true), "it was cancelled");
            fails(CancellationException.class, run::join);
            noRunsAreLeft();
        }
    }

    static void whateverCompletesTheFutureFirstCancelsTheWork() throws Exception {
        try (RemoteMedia runtime = RemoteMedia.open();
                Pipeline pipeline = endless(runtime)) {
            Run run = pipeline.executeAsync();
            run.orTimeout(10, TimeUnit.MILLISECONDS);
            ExecutionException error = fails(ExecutionException.class, () -> run.get(10, TimeUnit.SECONDS));
            check(error.getCause() instanceof TimeoutException, error);
            noRunsAreLeft();
        }
    }

    static void anInterruptCancelsABlockedRun() throws Exception {
        for (Thread.Builder kind : List.of(Thread.ofVirtual(), Thread.ofPlatform())) {
            CountDownLatch begun = new CountDownLatch(1);
            HostNode own = HostNode.map("Own", value -> {
                begun.countDown();
                Thread.sleep(60_000);
                return value;
            });
            try (RemoteMedia runtime = RemoteMedia.open();
                    Pipeline pipeline = runtime.pipeline(Manifests.own(), own)) {
                CompletableFuture<Throwable> ended = new CompletableFuture<>();
                Thread thread = kind.start(() ->
                        ended.complete(fails(InterruptedException.class, () -> pipeline.execute(List.of(1)))));
                begun.await();
                thread.interrupt();
                ended.get(10, TimeUnit.SECONDS);
                same(false, thread.isInterrupted());
                noRunsAreLeft();
            }
        }
    }

    static void anInterruptThatCameBeforeBeginsNothing() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(1))) {
            Thread.currentThread().interrupt();
            fails(InterruptedException.class, () -> add.execute(List.of(1)));
            same(1, add.execute(List.of(1)).values().size());
        }
    }

    static void aCancelledSessionEnds() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(1));
                Session session = add.session()) {
            session.send(1);
            same(true, session.cancel());
            fails(RemoteMediaException.Cancelled.class, session::receive);
            until(() -> !session.cancel(), "it has ended");
            fails(RemoteMediaException.Gone.class, () -> session.send(1));
        }
    }

    static void aCancelAfterTheEndDoesNothing() throws Exception {
        try (Pipeline add = Pipeline.of(Manifests.add(1))) {
            Run run = add.executeAsync(List.of(1));
            run.get(10, TimeUnit.SECONDS);
            same(false, run.cancel(true));
            check(run.progress() == null, "there is no progress any more");
        }
    }

    private static void noRunsAreLeft() throws InterruptedException {
        until(() -> RemoteMedia.liveObjects().get("runs").asLong() == 0, "the native work has ended");
    }
}
