package org.remotemedia.engine;

import java.lang.System.Logger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.ReentrantLock;
import org.remotemedia.HostNode;

/**
 * The handlers that serve the nodes of one piece of work: one for each node, which is made anew after an
 * interruption. One call at a time uses those of a chain, and none is closed while it is at work.
 */
final class HostInstances {
    private record Instance(HostNode.Handler handler, long epoch) {}

    private final Map<String, Turn> byChain = new HashMap<>();

    /** The handlers of a chain, by the name of its first node. */
    synchronized Turn turn(String chain) {
        return byChain.computeIfAbsent(chain, ignored -> new Turn());
    }

    /** Closes all, as soon as the calls that use them have ended. */
    void close() {
        List<Turn> all;
        synchronized (this) {
            all = new ArrayList<>(byChain.values());
        }
        all.forEach(Turn::close);
    }

    /** The handlers of the nodes of one chain, which calls use in turn. */
    static final class Turn {
        private final ReentrantLock lock = new ReentrantLock();
        private final Map<String, Instance> byNode = new HashMap<>();
        private boolean isClosed;

        /** Waits until the call before has ended: its work may still be under way when it is not wanted any more. */
        void begin() throws InterruptedException {
            lock.lockInterruptibly();
        }

        void end() {
            lock.unlock();
        }

        /** The handler of a node, made at its first call. */
        HostNode.Handler handler(String node, HostNode type, long epoch) {
            Instance found = byNode.get(node);
            if (isClosed || found != null && found.epoch > epoch) {
                throw new CancellationException("the work of this call has ended or was interrupted");
            }
            if (found == null || found.epoch < epoch) {
                if (found != null) {
                    closeNow(found.handler);
                }
                // Nothing is left to close if no handler can be made.
                byNode.remove(node);
                found = new Instance(type.newHandler(), epoch);
                byNode.put(node, found);
            }
            return found.handler;
        }

        private void close() {
            lock.lock();
            try {
                isClosed = true;
                byNode.values().forEach(instance -> closeNow(instance.handler));
                byNode.clear();
            } finally {
                lock.unlock();
            }
        }

        private static void closeNow(HostNode.Handler handler) {
            try {
                handler.close();
            } catch (Throwable error) {
                EventPort.LOG.log(Logger.Level.WARNING, "a node raised while it was closed", error);
            }
        }
    }
}
