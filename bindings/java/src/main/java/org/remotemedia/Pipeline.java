package org.remotemedia;

import java.lang.ref.Reference;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.remotemedia.abi.Handle;
import org.remotemedia.engine.EventPort;
import org.remotemedia.engine.Execution;
import org.remotemedia.engine.NativePipeline;

/**
 * A pipeline: a manifest that was checked and compiled. It runs any number of times, also at the same time, from any
 * thread.
 *
 * <p>Inputs are a list with one entry for each item, or for a manifest with named inputs a map of such lists. An
 * entry is a {@link Value}, or any object that {@link Value#of} takes.
 */
public final class Pipeline implements AutoCloseable {
    private final RemoteMedia owner;
    private final NativePipeline compiled;
    private final EventPort port;

    Pipeline(RemoteMedia owner, byte[] manifest, Map<String, HostNode> nodes) {
        this.owner = owner;
        port = owner.runtime.port();
        NativePipeline made = new NativePipeline(owner.runtime, manifest, nodes);
        compiled = made;
        RemoteMedia.CLEANER.register(this, made::close);
    }

    /** Compiles the text of a manifest, YAML or JSON, on the shared runtime. */
    public static Pipeline of(String manifest, HostNode... nodes) {
        return RemoteMedia.shared().pipeline(manifest, nodes);
    }

    /** Compiles the manifest in a file on the shared runtime. */
    public static Pipeline load(Path manifest, HostNode... nodes) {
        return RemoteMedia.shared().pipeline(manifest, nodes);
    }

    /** Compiles, on the shared runtime, a manifest that was built. */
    public static Pipeline of(Manifest manifest, HostNode... nodes) {
        return RemoteMedia.shared().pipeline(manifest, nodes);
    }

    /**
     * Runs the pipeline on a list of inputs, and waits. An interrupt of the thread cancels the run.
     *
     * @throws NodeException if a node fails
     * @throws MarshalException if an input is no value
     */
    public Results execute(List<?> inputs) throws InterruptedException {
        return run(inputs, null);
    }

    /**
     * The same; after the timeout the run ends with {@link RemoteMediaException.TimedOut}.
     *
     * @throws RemoteMediaException.InvalidArgument if the timeout is below 0
     */
    public Results execute(List<?> inputs, Duration timeout) throws InterruptedException {
        return run(inputs, timeout);
    }

    /** The same with named inputs. */
    public Results execute(Map<String, ? extends List<?>> inputs) throws InterruptedException {
        return run(inputs, null);
    }

    /** The same with named inputs and a timeout. */
    public Results execute(Map<String, ? extends List<?>> inputs, Duration timeout) throws InterruptedException {
        return run(inputs, timeout);
    }

    /** Runs a pipeline of sources, which takes no inputs. */
    public Results execute() throws InterruptedException {
        return run(null, null);
    }

    /** The same with a timeout. */
    public Results execute(Duration timeout) throws InterruptedException {
        return run(null, timeout);
    }

    /** Begins a run on a list of inputs. The calling thread does none of its work. */
    public Run executeAsync(List<?> inputs) {
        return start(inputs, null);
    }

    /** The same with a timeout. */
    public Run executeAsync(List<?> inputs, Duration timeout) {
        return start(inputs, timeout);
    }

    /** The same with named inputs. */
    public Run executeAsync(Map<String, ? extends List<?>> inputs) {
        return start(inputs, null);
    }

    /** The same with named inputs and a timeout. */
    public Run executeAsync(Map<String, ? extends List<?>> inputs, Duration timeout) {
        return start(inputs, timeout);
    }

    /** Begins a run of a pipeline of sources. */
    public Run executeAsync() {
        return start(null, null);
    }

    /** The same with a timeout. */
    public Run executeAsync(Duration timeout) {
        return start(null, timeout);
    }

    /** Opens a session with all defaults. */
    public Session session() {
        return session(SessionOptions.DEFAULT);
    }

    /** Opens a session: the pipeline at work on a stream that is sent and received while it runs. */
    public Session session(SessionOptions options) {
        return new Session(this, options);
    }

    /** The plan: nodes with the stage that runs each, connections, inputs and outputs; see docs/abi.md. */
    public Value describe() {
        return compiled.describe();
    }

    /** Frees the pipeline; runs and sessions that it has begun continue. May be called again. */
    @Override
    public void close() {
        compiled.close();
    }

    Handle handle() {
        return compiled.handle();
    }

    RemoteMedia owner() {
        return owner;
    }

    private Results run(Object inputs, Duration timeout) throws InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException("the thread was interrupted before the run began");
        }
        try {
            return Execution.submit(port, compiled.handle(), inputs, timeout, Execution.BUDGET_US)
                    .await()
                    .get();
        } finally {
            // Else the collector may take this, and shut its runtime down, while the run is waited for.
            Reference.reachabilityFence(this);
        }
    }

    private Run start(Object inputs, Duration timeout) {
        return new Run(owner, Execution.submit(port, compiled.handle(), inputs, timeout, 0));
    }
}
