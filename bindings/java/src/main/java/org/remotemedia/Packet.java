package org.remotemedia;

import java.time.Duration;
import org.remotemedia.codec.PlainValues;

/**
 * A value with its place: what comes out of a pipeline, and what a node of the host gets.
 *
 * @param pts when it begins within its stream, or null
 * @param duration how long it lasts, or null
 * @param item the number of the input, or of the sent packet, that it came from
 * @param seq its number among those that its output has emitted, from 0; -1 at the input of a node
 * @param stream in a session the number of flushes before it; else 0
 * @param port the name of the output that it came from, or of the input of the node that it came to
 */
public record Packet(Value value, Duration pts, Duration duration, long item, long seq, long stream, String port) {
    /** A value without a place, to be sent. */
    public static Packet of(Object value) {
        return at(value, null);
    }

    /** A value at a time, to be sent. */
    public static Packet at(Object value, Duration pts) {
        return new Packet(Value.of(value), pts, null, 0, -1, 0, null);
    }

    /** What a node gives, without a place. */
    static Packet emitted(Object value) {
        return of(PlainValues.valueOf(value, "the returned value"));
    }

    /** The same for another duration. */
    public Packet lasting(Duration time) {
        return new Packet(value, pts, time, item, seq, stream, port);
    }

    /** The same, to be sent to the input with this name. */
    public Packet to(String input) {
        return new Packet(value, pts, duration, item, seq, stream, input);
    }
}
