package org.remotemedia.codec;

/** What a document may have, see {@code docs/wire.md}. */
public record Limits(int depth, long items, long bytes, long buffers, long extent) {
    /** Those of documents that others wrote. */
    public static final Limits DEFAULT = new Limits(128, 10_000_000, 256L << 20, 65_536, 256L << 20);

    /** Those of documents that the runtime of this process wrote, which has checked its own already. */
    public static final Limits OWN = new Limits(1024, Long.MAX_VALUE, Long.MAX_VALUE, Long.MAX_VALUE, Long.MAX_VALUE);
}
