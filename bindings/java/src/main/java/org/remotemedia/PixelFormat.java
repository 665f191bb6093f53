package org.remotemedia;

/** How the pixels of a {@link Video} frame lie in memory. */
public enum PixelFormat {
    GRAY,
    RGB24,
    RGBA,
    YUV420P,
    NV12;

    private final String text = name().toLowerCase(java.util.Locale.ROOT);

    /** The name in documents. */
    public String text() {
        return text;
    }

    /** The number of planes. */
    public int planes() {
        return switch (this) {
            case GRAY, RGB24, RGBA -> 1;
            case NV12 -> 2;
            case YUV420P -> 3;
        };
    }

    /** The rows of a plane. */
    public long rows(int plane, long height) {
        return plane == 0 ? height : (height + 1) / 2;
    }

    /** The bytes of a row of a plane. */
    public long rowBytes(int plane, long width) {
        return switch (this) {
            case GRAY -> width;
            case RGB24 -> 3 * width;
            case RGBA -> 4 * width;
            case YUV420P -> plane == 0 ? width : (width + 1) / 2;
            case NV12 -> plane == 0 ? width : (width + 1) / 2 * 2;
        };
    }

    /** The format with this name in documents; null if there is none. */
    public static PixelFormat fromText(String text) {
        for (PixelFormat format : values()) {
            if (format.text.equals(text)) {
                return format;
            }
        }
        return null;
    }
}
