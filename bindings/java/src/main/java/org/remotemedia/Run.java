package org.remotemedia;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.remotemedia.engine.Completion;
import org.remotemedia.engine.Execution;

/**
 * A run under way. It completes with the results, or exceptionally with a {@link RemoteMediaException}, on a virtual
 * thread.
 *
 * <p>{@link #cancel} cancels the native work, as does whatever else completes it first, such as {@link #orTimeout}.
 */
public final class Run extends CompletableFuture<Results> {
    // Kept, since a runtime that nothing refers to is shut down.
    private final RemoteMedia owner;
    private final Execution execution;
    /**
     * Opens when the native work has ended or this was completed: who waits need not wait for the virtual thread too.
     */
    private final CountDownLatch settled = new CountDownLatch(1);

    Run(RemoteMedia owner, Execution execution) {
        this.owner = owner;
        this.execution = execution;
        whenComplete((results, error) -> {
            settled.countDown();
            execution.cancel();
        });
        CompletableFuture<Completion> done = execution.done();
        done.thenRun(settled::countDown);
        // What depends on this must not run on the thread of the port.
        done.thenRunAsync(this::settle, Thread::startVirtualThread);
    }

    /** How far it is: inputs that are done, and how much media has come out; null once it has ended. */
    public Progress progress() {
        return Progress.of(owner.runtime.port().progress(execution.token()));
    }

    @Override
    public Results get() throws InterruptedException, ExecutionException {
        settled.await();
        settle();
        return super.get();
    }

    @Override
    public Results get(long timeout, TimeUnit unit) throws InterruptedException, ExecutionException, TimeoutException {
        if (!settled.await(timeout, unit)) {
            throw new TimeoutException();
        }
        settle();
        return super.get();
    }

    @Override
    public Results join() {
        boolean interrupted = false;
        while (true) {
            try {
                settled.await();
                break;
            } catch (InterruptedException error) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        settle();
        return super.join();
    }

    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
        return new CompletableFuture<>();
    }

    private void settle() {
        Completion completion = execution.done().getNow(null);
        if (completion == null || isDone()) {
            return;
        }
        RemoteMediaException failure = completion.failure();
        if (failure == null) {
            complete(completion.results());
        } else {
            completeExceptionally(failure);
        }
    }
}
