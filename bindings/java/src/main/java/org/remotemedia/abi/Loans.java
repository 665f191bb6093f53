package org.remotemedia.abi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;

/**
 * Objects that the library knows by their tokens: memory, exceptions and node types of the host. Each stays reachable
 * from before the call that lends it until a release record names its token.
 */
public final class Loans {
    private static final Class<?> AUTOMATIC = Arena.ofAuto().scope().getClass();
    private static final Class<?> GLOBAL = Arena.global().scope().getClass();
    // Scopes that can be closed have other classes. Where they have not, nothing is recognised, and everything is
    // copied.
    private static final boolean DISTINCT = isDistinct();

    private final ConcurrentHashMap<Long, Object> kept = new ConcurrentHashMap<>();
    private final AtomicLong next = new AtomicLong(1);

    /** Keeps an object, and returns its token. */
    public long keep(Object object) {
        long token = next.getAndIncrement();
        kept.put(token, object);
        return token;
    }

    /** The object of a token; null if it was released. */
    public Object get(long token) {
        return kept.get(token);
    }

    /** Lets go of the object of a token. */
    public void release(long token) {
        kept.remove(token);
    }

    /** How many objects are kept. */
    public int size() {
        return kept.size();
    }

    /** Whether memory is lent. */
    public boolean holds(MemorySegment segment) {
        return kept.values().stream()
                .anyMatch(each -> each instanceof MemorySegment lent
                        && lent.isNative()
                        && lent.address() <= segment.address()
                        && segment.address() + segment.byteSize() <= lent.address() + lent.byteSize());
    }

    /** Visits the tokens that are kept. */
    public void forEach(LongConsumer action) {
        kept.keySet().forEach(action::accept);
    }

    /**
     * The memory itself if it can be lent, else a copy off the heap. Memory of a confined or shared arena is copied,
     * since its owner may close the arena while native code reads it.
     */
    public static MemorySegment lendable(MemorySegment segment) {
        if (segment.isNative() && DISTINCT) {
            Class<?> scope = segment.scope().getClass();
            if (scope == AUTOMATIC || scope == GLOBAL) {
                return segment;
            }
        }
        MemorySegment copy = Arena.ofAuto().allocate(segment.byteSize(), 64);
        copy.copyFrom(segment);
        return copy;
    }

    /** The part of lent memory that begins at this address; null if its token was released. */
    MemorySegment window(long token, long address, long length) {
        return kept.get(token) instanceof MemorySegment segment
                ? segment.asSlice(address - segment.address(), length)
                : null;
    }

    private static boolean isDistinct() {
        try (Arena confined = Arena.ofConfined();
                Arena shared = Arena.ofShared()) {
            Class<?> first = confined.scope().getClass();
            Class<?> second = shared.scope().getClass();
            return first != AUTOMATIC && second != AUTOMATIC && first != GLOBAL && second != GLOBAL;
        }
    }
}
