package org.remotemedia.abi;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;
import org.remotemedia.RemoteMediaException;

/**
 * An object of the library: it is freed once, when it was closed and the last call that uses it has returned.
 */
public final class Handle implements AutoCloseable {
    private static final int CLOSED = 1 << 30;

    private final long address;
    private final String name;
    private final LongConsumer free;
    private final AtomicInteger state = new AtomicInteger();

    /** An object at this address; {@code name} is what messages call it. */
    public Handle(long address, String name, LongConsumer free) {
        this.address = address;
        this.name = name;
        this.free = free;
    }

    /** The address, for one call that {@link #exit} follows: {@link Use} pairs them. */
    long enter() {
        if ((state.getAndIncrement() & CLOSED) != 0) {
            exit();
            throw new RemoteMediaException.Gone("the " + name + " is closed");
        }
        return address;
    }

    void exit() {
        if (state.decrementAndGet() == CLOSED && state.compareAndSet(CLOSED, CLOSED + (CLOSED >> 1))) {
            free.accept(address);
        }
    }

    /** Whether it was closed. */
    public boolean isClosed() {
        return (state.get() & CLOSED) != 0;
    }

    /** Closes it. May be called again. */
    @Override
    public void close() {
        int now;
        do {
            now = state.get();
            if ((now & CLOSED) != 0) {
                return;
            }
        } while (!state.compareAndSet(now, (now | CLOSED) + 1));
        exit();
    }
}
