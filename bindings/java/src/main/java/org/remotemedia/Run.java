package org.remotemedia;

import java.util.concurrent.CompletableFuture;
import org.remotemedia.engine.Execution;

/**
 * A run under way. It completes with the results, or exceptionally with a {@link RemoteMediaException}, on a virtual thread.
 *
 * <p>{@link #cancel} cancels the native work, as does whatever else completes it first, such as {@link #orTimeout}.
 */
public final class Run extends CompletableFuture<Results> {
    // Kept, since a runtime that nothing refers to is shut down.
    private final RemoteMedia owner;
    private final Execution execution;

    Run(RemoteMedia owner, Execution execution) {
        this.owner = owner;
        this.execution = execution;
        execution.done()
                .thenAcceptAsync(
                        completion -> {
                            RemoteMediaException failure = completion.failure();
                            if (failure == null) {
                                complete(completion.results());
                            } else {
                                completeExceptionally(failure);
                            }
                        },
                        Thread::startVirtualThread);
        whenComplete((results, error) -> execution.cancel());
    }

    /** How far it is: inputs that are done, and how much media has come out; null once it has ended. */
    public Progress progress() {
        return Progress.of(owner.runtime.port().progress(execution.token()));
    }

    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
        return new CompletableFuture<>();
    }
}
