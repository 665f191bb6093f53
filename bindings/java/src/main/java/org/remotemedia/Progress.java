package org.remotemedia;

import java.time.Duration;

/**
 * How far work is.
 *
 * @param items inputs that are done; of a session, sent packets that its first nodes have taken
 * @param media the media time that has come out, or null if no output has a place in time
 */
public record Progress(long items, Duration media) {
    static Progress of(Value fields) {
        if (fields == null) {
            return null;
        }
        return new Progress(
                fields.get("items").asLong(),
                fields.get("media_ns") instanceof Value.Int(long time) ? Duration.ofNanos(time) : null);
    }
}
