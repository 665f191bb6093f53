package org.remotemedia;

/** The types of the elements of a {@link Tensor}. */
public enum DType {
    BOOL(1),
    INT8(1),
    INT16(2),
    INT32(4),
    INT64(8),
    UINT8(1),
    UINT16(2),
    UINT32(4),
    UINT64(8),
    FLOAT16(2),
    BFLOAT16(2),
    FLOAT32(4),
    FLOAT64(8),
    COMPLEX64(8),
    COMPLEX128(16);

    private static final java.util.Map<String, DType> BY_TEXT = new java.util.HashMap<>();

    static {
        for (DType type : values()) {
            BY_TEXT.put(type.text, type);
        }
    }

    private final int size;
    private final String text = name().toLowerCase(java.util.Locale.ROOT);

    DType(int size) {
        this.size = size;
    }

    /** The bytes of an element. */
    public int size() {
        return size;
    }

    /** The name in documents, such as {@code float32}. */
    public String text() {
        return text;
    }

    /** The type with this name in documents; null if there is none. */
    public static DType fromText(String text) {
        return BY_TEXT.get(text);
    }
}
