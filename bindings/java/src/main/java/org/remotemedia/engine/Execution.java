package org.remotemedia.engine;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.remotemedia.RemoteMediaException;
import org.remotemedia.abi.Abi;
import org.remotemedia.abi.CallBuffers;
import org.remotemedia.abi.Handle;
import org.remotemedia.abi.Native;
import org.remotemedia.abi.Use;

/** One run of a pipeline: submitted at a port, waited for, cancelled. */
public final class Execution implements Work {
    /** How long the calling thread works itself before the threads of the runtime take over. */
    public static final long BUDGET_US = 300;

    private final EventPort port;
    private final long token;
    private final CompletableFuture<Completion> done = new CompletableFuture<>();

    private Execution(EventPort port) {
        this.port = port;
        token = port.register(this);
    }

    /**
     * Submits inputs: null for none, a list, or a map of lists. With a budget the calling thread does short work
     * itself.
     *
     * @param timeout null for none
     */
    public static Execution submit(EventPort port, Handle pipeline, Object inputs, Duration timeout, long budget) {
        long limit = timeout == null ? -1 : limit("timeout", timeout);
        Execution execution = new Execution(port);
        boolean accepted = false;
        CallBuffers call = CallBuffers.acquire();
        try {
            call.encoder().value(inputs, "inputs");
            int status;
            try (Use target = Use.of(pipeline);
                    Use at = Use.of(port.handle)) {
                status = Native.rm_pipeline_submit(
                        target.address(),
                        at.address(),
                        execution.token,
                        call.document(),
                        call.length(),
                        call.table(port.loans),
                        call.tableLength(),
                        limit,
                        budget,
                        call.output(),
                        call.error());
            }
            call.check(status, port.loans);
            accepted = true;
            if (status == Abi.OK) {
                port.unregister(execution.token);
                execution.completed(Completion.read(call.result(port.loans), port.loans));
            }
            return execution;
        } finally {
            if (!accepted) {
                port.unregister(execution.token);
            }
            call.release();
        }
    }

    /** Done with the end of the run. What depends on it must not run on the thread that completes it. */
    public CompletableFuture<Completion> done() {
        return done;
    }

    /** Waits for the end. An interrupt cancels the run; its native work has let go when this throws. */
    public Completion await() throws InterruptedException {
        boolean interrupted = false;
        while (true) {
            try {
                Completion completion = done.get();
                if (interrupted) {
                    throw new InterruptedException("the run was cancelled, since its thread was interrupted");
                }
                return completion;
            } catch (InterruptedException error) {
                if (interrupted && done.isDone()) {
                    throw error;
                }
                interrupted = true;
                cancel();
            } catch (ExecutionException error) {
                throw new AssertionError(error);
            }
        }
    }

    /** Cancels the run: {@code false} if it has ended already. */
    public boolean cancel() {
        return !done.isDone() && port.cancel(token);
    }

    /** The token at the port. */
    public long token() {
        return token;
    }

    @Override
    public void completed(Completion completion) {
        done.complete(completion);
    }

    /**
     * A limit of work as the library takes it, rounded up: no time becomes none.
     *
     * @param name what errors call it
     * @throws RemoteMediaException.InvalidArgument if it is below 0
     */
    public static long limit(String name, Duration time) {
        if (time.isNegative()) {
            throw new RemoteMediaException.InvalidArgument(name + ": expected 0 or more, got " + time);
        }
        return microseconds(time);
    }

    /** How long to wait, as the library takes it, rounded up. Below 0 it is 0, as for all waits of Java. */
    public static long microseconds(Duration time) {
        if (time.isNegative()) {
            return 0;
        }
        try {
            long rest = Math.ceilDiv(time.getNano(), 1000);
            return Math.addExact(Math.multiplyExact(time.getSeconds(), 1_000_000L), rest);
        } catch (ArithmeticException error) {
            return Long.MAX_VALUE;
        }
    }
}
