package org.remotemedia.engine;

import java.util.LinkedHashMap;
import java.util.Map;
import org.remotemedia.HostNode;
import org.remotemedia.RemoteMediaException;
import org.remotemedia.Value;
import org.remotemedia.abi.CallBuffers;
import org.remotemedia.abi.Handle;
import org.remotemedia.abi.Loans;
import org.remotemedia.abi.Native;
import org.remotemedia.abi.Use;

/**
 * A compiled pipeline. The node types of the host that it names stay known until a release record names their tokens.
 */
public final class NativePipeline implements AutoCloseable {
    private final NativeRuntime runtime;
    private final Handle handle;

    /** Compiles a manifest: text, or a msgpack map. Each node type of the host has the name that is its key. */
    public NativePipeline(NativeRuntime runtime, byte[] manifest, Map<String, HostNode> nodes) {
        this.runtime = runtime;
        Loans loans = runtime.loans();
        CallBuffers text = CallBuffers.acquire();
        CallBuffers call = CallBuffers.acquire();
        try (Use use = Use.of(runtime.handle())) {
            Map<String, Object> types = new LinkedHashMap<>();
            nodes.forEach((type, node) -> {
                Map<String, Object> options = new LinkedHashMap<>();
                options.put("token", call.lend(node, loans));
                options.putAll(node.options());
                types.put(type, options);
            });
            text.encoder().raw(manifest, 0, manifest.length);
            call.encoder().value(types.isEmpty() ? Map.of() : Map.of("host_nodes", types), "options");
            call.check(
                    Native.rm_pipeline_new(
                            use.address(),
                            text.document(),
                            text.length(),
                            call.document(),
                            call.length(),
                            call.cell(1),
                            call.error()),
                    loans);
            handle = new Handle(call.cellValue(1), "pipeline", Native::rm_pipeline_free);
        } finally {
            call.release();
            text.release();
        }
    }

    /** The handle, for calls. */
    public Handle handle() {
        return handle;
    }

    /** The plan. */
    public Value describe() {
        CallBuffers call = CallBuffers.acquire();
        try (Use use = Use.of(handle)) {
            call.check(Native.rm_pipeline_describe(use.address(), call.output(), call.error()), runtime.loans());
            return call.result(runtime.loans()).value();
        } finally {
            call.release();
        }
    }

    @Override
    public void close() {
        handle.close();
        try {
            runtime.takeReleased();
        } catch (RemoteMediaException.Gone closed) {
            // The runtime has taken them as it was closed.
        }
    }
}
