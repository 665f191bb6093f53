package org.remotemedia.engine;

import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.remotemedia.Value;
import org.remotemedia.abi.Abi;
import org.remotemedia.abi.CallBuffers;
import org.remotemedia.abi.Handle;
import org.remotemedia.abi.Loans;
import org.remotemedia.abi.Native;
import org.remotemedia.abi.Use;
import org.remotemedia.codec.Encoder;

/**
 * A native runtime with its port and what is lent to it, in the order in which they end: shut down, drain, free.
 */
public final class NativeRuntime {
    /** What was still lent when its runtime was given up: native threads may read it until the process ends. */
    private static final Set<Loans> LEFT = ConcurrentHashMap.newKeySet();

    private final Handle handle;
    private final Loans loans = new Loans();
    private final EventPort port;

    /** Makes it, with a config as docs/abi.md describes it. */
    public NativeRuntime(Map<String, ?> config) {
        CallBuffers call = CallBuffers.acquire();
        try {
            call.encoder().value(config, "config");
            call.check(Native.rm_runtime_new(call.document(), call.length(), call.cell(1), call.error()), loans);
            handle = new Handle(call.cellValue(1), "runtime", Native::rm_runtime_free);
        } finally {
            call.release();
        }
        EventPort made = null;
        try {
            made = new EventPort(handle, loans);
        } finally {
            if (made == null) {
                handle.close();
            }
        }
        port = made;
    }

    /** The handle, for calls. */
    public Handle handle() {
        return handle;
    }

    /** The port at which all of its work ends. */
    public EventPort port() {
        return port;
    }

    /** What is lent to it. */
    public Loans loans() {
        return loans;
    }

    /** The document that it describes itself with. */
    public Value describe() {
        CallBuffers call = CallBuffers.acquire();
        try (Use use = Use.of(handle)) {
            call.check(Native.rm_runtime_describe(use.address(), call.output(), call.error()), loans);
            return call.result(loans).value();
        } finally {
            call.release();
        }
    }

    /** Ends all work, and waits; returns whether it has ended within the time. */
    public boolean shutdown(Duration patience) {
        CallBuffers call = CallBuffers.acquire();
        try (Use use = Use.of(handle)) {
            int status = Native.rm_runtime_shutdown(use.address(), Execution.microseconds(patience), call.error());
            call.check(status, loans);
            return status == Abi.OK;
        } finally {
            call.release();
        }
    }

    /** Shuts down, and frees all. Memory that is still in use after that time stays as it is for good. */
    public void close(Duration patience) {
        if (handle.isClosed()) {
            return;
        }
        boolean interrupted = false;
        long until = System.nanoTime() + patience.toNanos();
        shutdown(patience);
        try {
            port.awaitEnd(Math.max(until - System.nanoTime(), 1_000_000_000));
        } catch (InterruptedException error) {
            interrupted = true;
        }
        free();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** What becomes of a runtime that nothing refers to any more: it is shut down by another thread. */
    public void abandon() {
        if (!handle.isClosed()) {
            Thread.ofPlatform().daemon().name("remotemedia-close").start(() -> close(Duration.ofSeconds(1)));
        }
    }

    /** The document of a manifest. */
    public static byte[] encoded(Map<String, ?> manifest) {
        Encoder encoder = new Encoder();
        encoder.manifest(manifest, "manifest");
        return Arrays.copyOf(encoder.bytes(), encoder.length());
    }

    private void free() {
        port.handle.close();
        // What the port has not handed out comes by the runtime.
        takeReleased();
        if (loans.size() > 0) {
            LEFT.add(loans);
        }
        handle.close();
    }

    /**
     * Lets go of what was lent without a port, such as node types of pipelines that were freed: no event may come for
     * it.
     */
    public void takeReleased() {
        CallBuffers call = CallBuffers.acquire();
        try (Use use = Use.of(handle)) {
            call.check(Native.rm_runtime_released(use.address(), call.output(), call.error()), loans);
            Completion.tokens(call.result(loans)).forEach(loans::release);
        } finally {
            call.release();
        }
    }
}
