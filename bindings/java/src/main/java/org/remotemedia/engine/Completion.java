package org.remotemedia.engine;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.remotemedia.ErrorDetail;
import org.remotemedia.Packet;
import org.remotemedia.RemoteMediaException;
import org.remotemedia.Results;
import org.remotemedia.Status;
import org.remotemedia.Value;
import org.remotemedia.abi.ErrorReader;
import org.remotemedia.abi.Loans;
import org.remotemedia.codec.Decoder;

/**
 * The end of a piece of work, read where its document came: the objects that it names are looked up before they are
 * released.
 */
public record Completion(Status status, Results results, List<ErrorDetail> errors) {

    /** Reads the completion that the decoder stands before, and lets go of what it releases. */
    static Completion read(Decoder document, Loans loans) {
        Status status = Status.OK;
        Map<String, List<Packet>> outputs = new LinkedHashMap<>();
        List<ErrorDetail> errors = List.of();
        List<ErrorDetail> skipped = List.of();
        long skips = 0;
        long retries = 0;
        List<Long> released = List.of();
        for (int left = document.map(); left > 0; left--) {
            switch (document.key()) {
                case "status" -> status = Status.of((int) document.integer());
                case "outputs" -> {
                    for (int sinks = document.map(); sinks > 0; sinks--) {
                        String name = document.key();
                        outputs.put(name, packets(document, name));
                    }
                }
                case "errors" -> errors = details(document, loans);
                case "skipped" -> skipped = details(document, loans);
                case "skips" -> skips = document.integer();
                case "retries" -> retries = document.integer();
                case "released" -> released = tokens(document);
                default -> document.value();
            }
        }
        released.forEach(loans::release);
        Results results = new Results(Collections.unmodifiableMap(outputs), skipped, skips, retries);
        return new Completion(status, results, errors);
    }

    /** The end of work whose runtime has gone without one. */
    static Completion without(Status status, String message) {
        Results nothing = new Results(Map.of(), List.of(), 0, 0);
        return new Completion(status, nothing, List.of(new ErrorDetail(status, message)));
    }

    /** The results. @throws RemoteMediaException the error that has ended the work; a new object for each reader */
    public Results get() {
        RemoteMediaException failure = failure();
        if (failure != null) {
            throw failure;
        }
        return results;
    }

    /** The error that has ended the work, or null. */
    public RemoteMediaException failure() {
        if (status == Status.OK) {
            return null;
        }
        ErrorDetail first = errors.isEmpty() ? new ErrorDetail(status, "the work ended: " + status) : errors.getFirst();
        return RemoteMediaException.of(first, results, errors);
    }

    static List<Long> tokens(Decoder document) {
        int count = document.list();
        List<Long> tokens = new ArrayList<>(count);
        for (; count > 0; count--) {
            tokens.add(document.integer());
        }
        return tokens;
    }

    private static List<ErrorDetail> details(Decoder document, Loans loans) {
        int count = document.list();
        List<ErrorDetail> details = new ArrayList<>(count);
        for (; count > 0; count--) {
            details.add(ErrorReader.detail(document.value().asMap(), loans));
        }
        return List.copyOf(details);
    }

    private static List<Packet> packets(Decoder document, String output) {
        Value[] values = {};
        long[] items = {};
        Duration[] pts = null;
        Duration[] durations = null;
        long[] seqs = null;
        for (int columns = document.map(); columns > 0; columns--) {
            String column = document.key();
            int count = document.list();
            switch (column) {
                case "values" -> {
                    values = new Value[count];
                    for (int row = 0; row < count; row++) {
                        values[row] = document.value();
                    }
                }
                case "items" -> items = numbers(document, count);
                case "pts" -> pts = times(document, count);
                case "durations" -> durations = times(document, count);
                case "seqs" -> seqs = numbers(document, count);
                default -> {
                    for (; count > 0; count--) {
                        document.value();
                    }
                }
            }
        }
        Packet[] packets = new Packet[values.length];
        for (int row = 0; row < packets.length; row++) {
            packets[row] = new Packet(
                    values[row],
                    pts == null ? null : pts[row],
                    durations == null ? null : durations[row],
                    row < items.length ? items[row] : 0,
                    seqs == null ? row : seqs[row],
                    0,
                    output);
        }
        return List.of(packets);
    }

    private static long[] numbers(Decoder document, int count) {
        long[] numbers = new long[count];
        for (int row = 0; row < count; row++) {
            numbers[row] = document.integer();
        }
        return numbers;
    }

    private static Duration[] times(Decoder document, int count) {
        Duration[] times = new Duration[count];
        for (int row = 0; row < count; row++) {
            times[row] = time(document);
        }
        return times;
    }

    static Duration time(Decoder document) {
        return document.nil() ? null : Duration.ofNanos(document.integer());
    }
}
