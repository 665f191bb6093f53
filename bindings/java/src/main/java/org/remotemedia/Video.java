package org.remotemedia;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Objects;

/**
 * One frame of video.
 *
 * @param pts the time within its stream, or null
 * @param planes one plane for each that the format has
 */
public record Video(PixelFormat format, long width, long height, Duration pts, java.util.List<Plane> planes)
        implements Value {

    /**
     * The rows of one plane.
     *
     * @param data memory that begins with the first row; the gap behind the last row need not be there
     * @param stride the distance in bytes from one row to the next
     */
    public record Plane(MemorySegment data, long stride) {}

    /** Checks that every row lies inside its memory. */
    public Video {
        planes = java.util.List.copyOf(planes);
        if (width < 0 || width > 0xffff_ffffL || height < 0 || height > 0xffff_ffffL) {
            throw new IllegalArgumentException("width and height are 0 to 4294967295, not " + width + " and " + height);
        }
        if (planes.size() != format.planes()) {
            throw new IllegalArgumentException(
                    format.text() + " has " + format.planes() + " planes, not " + planes.size());
        }
        for (int index = 0; index < planes.size(); index++) {
            Plane plane = planes.get(index);
            long rows = format.rows(index, height);
            long row = format.rowBytes(index, width);
            if (plane.stride < 0 || rows > 1 && plane.stride < row) {
                throw new IllegalArgumentException("the stride of plane " + index + " is less than the " + row
                        + " bytes of a row: " + plane.stride);
            }
            if (extent(rows, row, plane.stride) > plane.data.byteSize()) {
                throw new IllegalArgumentException(rows + " rows of plane " + index + " do not fit "
                        + plane.data.byteSize() + " bytes");
            }
        }
    }

    /** The memory of a plane from its first row to the end of its last, where it lies. */
    public MemorySegment plane(int index) {
        Plane plane = planes.get(index);
        return plane.data.asSlice(0, extent(format.rows(index, height), format.rowBytes(index, width), plane.stride));
    }

    private static long extent(long rows, long row, long stride) {
        if (rows == 0 || row == 0) {
            return 0;
        }
        try {
            return Math.addExact(Math.multiplyExact(rows - 1, stride), row);
        } catch (ArithmeticException error) {
            return Long.MAX_VALUE;
        }
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof Video that)
                || format != that.format
                || width != that.width
                || height != that.height
                || !Objects.equals(pts, that.pts)) {
            return false;
        }
        for (int index = 0; index < planes.size(); index++) {
            long row = format.rowBytes(index, width);
            MemorySegment mine = plane(index);
            MemorySegment theirs = that.plane(index);
            for (long at = 0; at < format.rows(index, height) && row > 0; at++) {
                if (mine.asSlice(at * planes.get(index).stride, row)
                                .mismatch(theirs.asSlice(at * that.planes.get(index).stride, row))
                        != -1) {
                    return false;
                }
            }
        }
        return true;
    }

    @Override
    public int hashCode() {
        return Objects.hash(format, width, height, pts);
    }

    @Override
    public String toString() {
        return "Video(" + format.text() + ", " + width + "x" + height
                + (pts == null ? "" : ", pts " + pts.toNanos() / 1e9 + " s") + ")";
    }
}
