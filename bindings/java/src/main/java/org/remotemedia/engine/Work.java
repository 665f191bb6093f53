package org.remotemedia.engine;

import org.remotemedia.ErrorDetail;

/** What a port notifies: submitted work, or a session. It is called on the thread of the port, so it never waits. */
public interface Work {
    /** It has ended; nothing else follows. */
    void completed(Completion completion);

    /** There is room again for packets that were not taken. */
    default void room() {}

    /** There are outputs, or the session has ended. */
    default void outputs() {}

    /** A node has dropped a packet after an error, the first time or again. */
    default void skipped(ErrorDetail error, boolean first) {}
}
