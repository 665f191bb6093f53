package org.remotemedia;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.remotemedia.codec.PlainValues;
import org.remotemedia.engine.Execution;

/** How a session works. Each method returns changed options; {@link #DEFAULT} has all defaults. */
public final class SessionOptions {
    /** All outputs; queues of 64 packets, 8 MiB and 5 s of media time; no deadlines. */
    public static final SessionOptions DEFAULT = new SessionOptions(Map.of(), null);

    private final Map<String, Object> document;
    private final Consumer<ErrorDetail> onSkip;

    private SessionOptions(Map<String, Object> document, Consumer<ErrorDetail> onSkip) {
        this.document = document;
        this.onSkip = onSkip;
    }

    /** Options as docs/abi.md describes them, from a map. */
    public static SessionOptions of(Map<String, ?> document) {
        Map<String, Object> plain = new LinkedHashMap<>();
        PlainValues.valueOf(document, "options").asMap().forEach((option, value) -> plain.put(option, value.toJava()));
        return new SessionOptions(plain, null);
    }

    /** Only these outputs are handed out, all if there are none; those of the others are dropped. */
    public SessionOptions outputs(String... names) {
        return with("outputs", List.of(names));
    }

    /**
     * The bounds of the queue at each input and each output; what is null has its default. Media time is whole
     * milliseconds.
     */
    public SessionOptions buffer(Integer packets, Long bytes, Duration media) {
        Map<String, Object> buffer = new LinkedHashMap<>();
        if (packets != null) {
            buffer.put("packets", packets);
        }
        if (bytes != null) {
            buffer.put("bytes", bytes);
        }
        if (media != null) {
            buffer.put("ms", Node.milliseconds(media));
        }
        return with("buffer", buffer);
    }

    /**
     * How long the session may last.
     *
     * @throws RemoteMediaException.InvalidArgument if the time is below 0
     */
    public SessionOptions deadline(Duration time) {
        return with("deadline_us", Execution.limit("deadline", time));
    }

    /**
     * A packet, and everything made of it, is dropped once this much time has passed since it was taken.
     *
     * @throws RemoteMediaException.InvalidArgument if the time is below 0
     */
    public SessionOptions packetDeadline(Duration time) {
        return with("packet_deadline_us", Execution.limit("packetDeadline", time));
    }

    /** The clock shows the media time that has arrived, for tests. */
    public SessionOptions virtualClock() {
        return with("clock", "virtual");
    }

    /** Records the steps of the session, for {@link Session#trace}. */
    public SessionOptions trace() {
        return with("trace", true);
    }

    /** What gets the errors after which the manifest lets a node drop a packet, as they come, on a virtual thread. */
    public SessionOptions onSkip(Consumer<ErrorDetail> action) {
        return new SessionOptions(document, action);
    }

    Consumer<ErrorDetail> onSkip() {
        return onSkip;
    }

    /** The document of the options. */
    Map<String, Object> document() {
        return document;
    }

    /** The most packets that one receive may bring without emptying a queue further than its bound. */
    int most() {
        return document.get("buffer") instanceof Map<?, ?> buffer && buffer.get("packets") instanceof Number packets
                ? Math.clamp(packets.longValue(), 1, 256)
                : 256;
    }

    private SessionOptions with(String option, Object value) {
        Map<String, Object> changed = new LinkedHashMap<>(document);
        changed.put(option, value);
        return new SessionOptions(changed, onSkip);
    }
}
