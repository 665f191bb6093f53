package org.remotemedia;

import java.util.List;

/**
 * An error of the library. Each status has a class; {@link #detail} has the fields.
 *
 * <p>Where a node of the host failed, {@link #getCause} is the exception that it has thrown, the same object.
 */
public class RemoteMediaException extends RuntimeException {
    private final transient ErrorDetail detail;

    /** An error with all that is known of it. */
    public RemoteMediaException(ErrorDetail detail) {
        super(detail.message(), detail.exception());
        this.detail = detail;
    }

    /** The status. */
    public final Status status() {
        return detail.status();
    }

    /** The fields of the error. */
    public final ErrorDetail detail() {
        return detail;
    }

    /** The exception of the class that the status has. */
    public static RemoteMediaException of(ErrorDetail detail) {
        return of(detail, Results.NONE, List.of(detail));
    }

    /** The same, with the results that came before the error, and all errors of the run. */
    public static RemoteMediaException of(ErrorDetail detail, Results results, List<ErrorDetail> errors) {
        return switch (detail.status()) {
            case INVALID_ARGUMENT -> new InvalidArgument(detail);
            case INVALID_MANIFEST -> new ManifestException(detail);
            case INVALID_DOCUMENT -> new MarshalException(detail);
            case EXECUTION_FAILED -> new NodeException(detail, results, errors);
            case CANCELLED -> new Cancelled(detail);
            case TIMED_OUT -> new TimedOut(detail, results, errors);
            case SHUT_DOWN -> new ShutDown(detail);
            case GONE -> new Gone(detail);
            case POISONED -> new Poisoned(detail);
            case PANIC -> new Panic(detail);
            case OUT_OF_RESOURCES -> new OutOfResources(detail);
            case LIMIT_EXCEEDED -> new LimitExceeded(detail, results, errors);
            case UNSUPPORTED -> new Unsupported(detail);
            default -> new RemoteMediaException(detail);
        };
    }

    /** An argument is out of range, or missing. */
    public static final class InvalidArgument extends RemoteMediaException {
        InvalidArgument(ErrorDetail detail) {
            super(detail);
        }

        /** A mistake that this package found itself. */
        public InvalidArgument(String message) {
            super(new ErrorDetail(Status.INVALID_ARGUMENT, message));
        }
    }

    /** The work was cancelled. */
    public static final class Cancelled extends RemoteMediaException {
        Cancelled(ErrorDetail detail) {
            super(detail);
        }
    }

    /** The work took longer than its timeout. */
    public static final class TimedOut extends WithResults {
        TimedOut(ErrorDetail detail, Results results, List<ErrorDetail> errors) {
            super(detail, results, errors);
        }
    }

    /** The runtime is shut down. */
    public static final class ShutDown extends RemoteMediaException {
        ShutDown(ErrorDetail detail) {
            super(detail);
        }
    }

    /** What the call refers to is over: a session that has ended, or that was closed. */
    public static final class Gone extends RemoteMediaException {
        Gone(ErrorDetail detail) {
            super(detail);
        }

        /** The same, found by this package. */
        public Gone(String message) {
            super(new ErrorDetail(Status.GONE, message));
        }
    }

    /** A node of this pipeline panicked before; make the pipeline anew. */
    public static final class Poisoned extends RemoteMediaException {
        Poisoned(ErrorDetail detail) {
            super(detail);
        }
    }

    /** A defect inside the library or a node; please report the message. */
    public static final class Panic extends RemoteMediaException {
        Panic(ErrorDetail detail) {
            super(detail);
        }
    }

    /** The system gave no descriptor, thread or memory. */
    public static final class OutOfResources extends RemoteMediaException {
        OutOfResources(ErrorDetail detail) {
            super(detail);
        }
    }

    /** The results grew past a limit of the runtime. */
    public static final class LimitExceeded extends WithResults {
        LimitExceeded(ErrorDetail detail, Results results, List<ErrorDetail> errors) {
            super(detail, results, errors);
        }
    }

    /** This system can't do it. */
    public static final class Unsupported extends RemoteMediaException {
        Unsupported(ErrorDetail detail) {
            super(detail);
        }
    }

    /** The native library was not found, or has another version. */
    public static final class LibraryMissing extends RemoteMediaException {
        /** An error with the places that were looked at. */
        public LibraryMissing(String message) {
            super(new ErrorDetail(Status.INVALID_ARGUMENT, message));
        }
    }

    /** An error of work that had results before it. */
    public abstract static class WithResults extends RemoteMediaException {
        private final transient Results results;
        private final transient List<ErrorDetail> errors;

        WithResults(ErrorDetail detail, Results results, List<ErrorDetail> errors) {
            super(detail);
            this.results = results;
            this.errors = errors;
        }

        /** What came out before the error; nothing of a session, which hands out its outputs itself. */
        public final Results results() {
            return results;
        }

        /** All errors of the run; the first one is this. */
        public final List<ErrorDetail> errors() {
            return errors;
        }
    }
}
