package org.remotemedia;

/** A value can't cross between Java and the runtime; the message has its place. */
public final class MarshalException extends RemoteMediaException {
    private final String path;
    private final String reason;

    MarshalException(ErrorDetail detail) {
        super(detail);
        path = "";
        reason = detail.message();
    }

    /** A value that this package refuses. */
    public MarshalException(String reason) {
        this("", reason);
    }

    private MarshalException(String path, String reason) {
        super(new ErrorDetail(Status.INVALID_DOCUMENT, path.isEmpty() ? reason : path + ": " + reason));
        this.path = path;
        this.reason = reason;
    }

    /** The same, at a place inside a list or map: {@code [2]}, {@code .gain}, or the name of the whole. */
    public MarshalException inside(String step) {
        return new MarshalException(step + path, reason);
    }
}
