package org.remotemedia;

import java.util.List;

/**
 * A node failed. {@link #getCause} is the exception of a node of the host, the same object; {@link #results} has what
 * came out before.
 */
public final class NodeException extends RemoteMediaException.WithResults {
    NodeException(ErrorDetail detail, Results results, List<ErrorDetail> errors) {
        super(detail, results, errors);
    }

    /** The id of the node in the manifest; null if it is not known. */
    public String nodeId() {
        return detail().nodeId();
    }

    /** The type of the node. */
    public String nodeType() {
        return detail().nodeType();
    }

    /** The number of the input at which it failed, from 0; -1 if it is not known. */
    public long item() {
        return detail().item();
    }
}
