package org.remotemedia.engine;

import java.lang.System.Logger;
import java.util.HashMap;
import java.util.Map;
import org.remotemedia.HostNode;

/**
 * The handlers that serve the nodes of one piece of work: one for each node, which is made anew after an
 * interruption.
 */
final class HostInstances {
    private record Instance(HostNode.Handler handler, long epoch) {}

    private final Map<String, Instance> byNode = new HashMap<>();
    private boolean isClosed;

    /** The handler of a node, made at its first call. */
    synchronized HostNode.Handler handler(String node, HostNode type, long epoch) {
        Instance found = byNode.get(node);
        if (found != null && found.epoch != epoch) {
            close(found.handler);
            found = null;
        }
        if (found == null) {
            found = new Instance(type.newHandler(), epoch);
            if (!isClosed) {
                byNode.put(node, found);
            }
        }
        return found.handler;
    }

    /** Closes all. */
    synchronized void close() {
        isClosed = true;
        byNode.values().forEach(instance -> close(instance.handler));
        byNode.clear();
    }

    private static void close(HostNode.Handler handler) {
        try {
            handler.close();
        } catch (Exception error) {
            EventPort.LOG.log(Logger.Level.WARNING, "a node raised while it was closed", error);
        }
    }
}
