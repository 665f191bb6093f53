package org.remotemedia;

import java.util.concurrent.CompletableFuture;
import org.remotemedia.engine.EventPort;
import org.remotemedia.engine.Execution;

/**
 * A run under way. It completes with the results, or exceptionally with a {@link RemoteMediaException}, on a virtual thread.
 *
 * <p>{@link #cancel} cancels the native work, as does whatever else completes it first, such as {@link #orTimeout}.
 */
public final class Run extends CompletableFuture<Results> {
    private final EventPort port;
    private final Execution execution;

    Run(EventPort port, Execution execution) {
        this.port = port;
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

    /** How far it is: inputs that are done, and how much media has come out. */
    public Progress progress() {
        return Progress.of(port.progress(execution.token()));
    }

    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
        return new CompletableFuture<>();
    }
}
