package org.remotemedia.abi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Memory of the library in the hands of Java: a segment that gives it back when nothing refers to it any more.
 *
 * <p>The collector does not see how large it is. So each time that 256 MiB have come, while that much is out, it is
 * asked to run.
 */
final class NativeMemory {
    private static final long STEP = 256L << 20;
    private static final AtomicLong out = new AtomicLong();
    private static final AtomicLong since = new AtomicLong();

    private NativeMemory() {}

    /** A segment over memory whose handle is ours. */
    static MemorySegment adopt(long address, long length, long handle, boolean writable) {
        if (out.addAndGet(length) > STEP && since.addAndGet(length) > STEP) {
            since.set(0);
            System.gc();
        }
        MemorySegment segment = MemorySegment.ofAddress(address).reinterpret(length, Arena.ofAuto(), memory -> {
            out.addAndGet(-length);
            Native.rm_memory_free(handle);
        });
        return writable ? segment : segment.asReadOnly();
    }
}
