package org.remotemedia.abi;

/** A use of an object of the library, for a block of its own: the object is not freed before its end. */
public record Use(Handle handle, long address) implements AutoCloseable {
    /** Begins a use. @throws org.remotemedia.RemoteMediaException.Gone if the object is closed */
    public static Use of(Handle handle) {
        return new Use(handle, handle.enter());
    }

    @Override
    public void close() {
        handle.exit();
    }
}
