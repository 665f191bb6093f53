package org.remotemedia;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.Objects;

/**
 * Audio: planar samples of 32-bit floats, full scale at ±1.0.
 *
 * @param rate frames per second, 1 to 2^32-1
 * @param layout the places of the channels, such as {@code stereo} or {@code 5.1}; null if only their number is known
 * @param pts the time of the first frame within its stream, or null
 * @param channels 1 to 1024
 * @param frames samples in each channel
 * @param stride the distance in bytes from the first sample of one channel to that of the next
 * @param data little-endian samples, from the first sample of the first channel; the frames of a channel are
 * contiguous
 */
public record Audio(
        long rate, String layout, Duration pts, int channels, long frames, long stride, MemorySegment data)
        implements Value {

    /** The most channels. */
    public static final int MAX_CHANNELS = 1024;

    /** Checks the header, and that the samples lie inside the memory. */
    public Audio {
        if (rate < 1 || rate > 0xffff_ffffL) {
            throw new IllegalArgumentException("a rate of " + rate + " Hz is not between 1 and 4294967295");
        }
        if (channels < 1 || channels > MAX_CHANNELS) {
            throw new IllegalArgumentException(channels + " channels are not between 1 and " + MAX_CHANNELS);
        }
        if (frames < 0 || frames > Long.MAX_VALUE / 4) {
            throw new IllegalArgumentException("the number of frames is out of range: " + frames);
        }
        Objects.requireNonNull(data);
        if (frames > 0) {
            long end;
            try {
                end = Math.addExact(Math.multiplyExact(channels - 1L, stride), Math.multiplyExact(frames, 4L));
            } catch (ArithmeticException error) {
                end = Long.MAX_VALUE;
            }
            if (stride < 0 && channels > 1 || end > data.byteSize()) {
                throw new IllegalArgumentException(
                        channels + " channels of " + frames + " frames do not fit " + data.byteSize() + " bytes");
            }
            if (stride % 4 != 0 && channels > 1) {
                throw new IllegalArgumentException("the stride of the channels is no multiple of 4: " + stride);
            }
        }
    }

    /** Mono audio of an array, which is not copied before it crosses. */
    public static Audio of(float[] samples, int rate) {
        return of(MemorySegment.ofArray(samples), rate, 1);
    }

    /** Audio of one array for each channel, all of the same length. The samples are copied. */
    public static Audio of(float[][] channels, int rate) {
        int frames = channels.length == 0 ? 0 : channels[0].length;
        float[] samples = new float[Math.multiplyExact(channels.length, frames)];
        for (int channel = 0; channel < channels.length; channel++) {
            if (channels[channel].length != frames) {
                throw new IllegalArgumentException("channel " + channel + " has " + channels[channel].length
                        + " frames, the first one has " + frames);
            }
            System.arraycopy(channels[channel], 0, samples, channel * frames, frames);
        }
        return of(MemorySegment.ofArray(samples), rate, channels.length);
    }

    /** Audio of samples in memory on or off the heap: all frames of the first channel, then of the second. */
    public static Audio of(MemorySegment samples, int rate, int channels) {
        if (channels < 1 || samples.byteSize() % (4L * channels) != 0) {
            throw new IllegalArgumentException(
                    samples.byteSize() + " bytes are not a whole number of frames of " + channels + " channels");
        }
        long frames = samples.byteSize() / 4 / channels;
        return new Audio(rate, layoutOf(channels), null, channels, frames, frames * 4, samples);
    }

    /** The same samples at a time of the stream. */
    public Audio withPts(Duration time) {
        return new Audio(rate, layout, time, channels, frames, stride, data);
    }

    /** The samples of a channel, where they lie: a segment of {@code 4 * frames} bytes. */
    public MemorySegment channel(int channel) {
        Objects.checkIndex(channel, channels);
        return frames == 0 ? data.asSlice(0, 0) : data.asSlice(channel * stride, frames * 4);
    }

    /** A copy of the samples of a channel. */
    public float[] samples(int channel) {
        return channel(channel).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    }

    /** How long it lasts, to the nearest nanosecond. */
    public Duration duration() {
        return Duration.ofSeconds(frames / rate, (frames % rate * 1_000_000_000L + rate / 2) / rate);
    }

    /** The usual layout of a number of channels; null if there is none. */
    static String layoutOf(int channels) {
        return switch (channels) {
            case 1 -> "mono";
            case 2 -> "stereo";
            default -> null;
        };
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof Audio that)
                || rate != that.rate
                || channels != that.channels
                || frames != that.frames
                || !Objects.equals(layout, that.layout)
                || !Objects.equals(pts, that.pts)) {
            return false;
        }
        for (int channel = 0; channel < channels; channel++) {
            if (channel(channel).mismatch(that.channel(channel)) != -1) {
                return false;
            }
        }
        return true;
    }

    @Override
    public int hashCode() {
        return Objects.hash(rate, layout, pts, channels, frames);
    }

    @Override
    public String toString() {
        return "Audio(" + (layout == null ? channels + " channels" : layout) + ", " + frames + " frames, " + rate
                + " Hz" + (pts == null ? "" : ", pts " + pts.toNanos() / 1e9 + " s") + ")";
    }
}
