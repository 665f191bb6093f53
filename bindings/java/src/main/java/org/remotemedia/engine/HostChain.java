package org.remotemedia.engine;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.remotemedia.Audio;
import org.remotemedia.HostNode;
import org.remotemedia.Packet;
import org.remotemedia.Value;
import org.remotemedia.Video;

/**
 * The nodes that the entries of a call pass, one after the other. A value that a node emits is passed to the next one
 * at once; a node that takes batches gets it with others, but does not wait for values that are streamed to it, nor
 * for those of a slow node.
 *
 * <p>It knows nothing of replies: what the last node emits goes to a sink.
 */
final class HostChain {
    /** A node of the chain. */
    record Link(String node, HostNode type) {}

    /** The call that the values are for. */
    interface Sink {
        /** Throws if no values are wanted any more. */
        void requireOpen();

        /** Takes a value of the last node: the entry that it comes from, and the number of the output. */
        void emit(int entry, Packet packet, int output);
    }

    /** A packet for a node that takes batches, and the entry that it comes from. */
    private record Waiting(int entry, Packet packet) {}

    /** The most packets in a call of the runtime, where a node type does not say it. */
    private static final int DEFAULT_BATCH = 32;

    /** How long packets wait for the rest of a batch: a slow node must not hold up what is done. */
    private static final long BATCH_NANOSECONDS = 5_000_000;

    private final List<Link> links;
    private final HostInstances.Turn turn;
    private final long epoch;
    private final List<Value> entries;
    private final List<List<Waiting>> waiting = new ArrayList<>();
    private final boolean streams;
    /** When nodes that take batches got theirs last. */
    private long gathered;
    private int entry;
    private int node;
    private boolean isOpening;

    HostChain(List<Link> links, HostInstances instances, long epoch, List<Value> entries) {
        this.links = links;
        // No other chain has its first node.
        turn = instances.turn(links.getFirst().node);
        this.epoch = epoch;
        this.entries = entries;
        boolean any = false;
        for (Link link : links) {
            any |= link.type.isStreaming();
            waiting.add(new ArrayList<>());
        }
        streams = any;
    }

    /** Whether each value leaves as it is emitted. */
    boolean isStreaming() {
        return streams;
    }

    /** The entry at work, for errors. */
    int entry() {
        return entry;
    }

    /** The node at work, for errors. */
    int node() {
        return node;
    }

    /** Whether the failure ends the work whatever {@code on_error} says: no handler could be made. */
    boolean endsRun() {
        return isOpening;
    }

    /**
     * Passes all entries, once the call before it does no more, as after an interruption. What came before a failure
     * goes on to its end.
     */
    void run(Sink sink) throws Exception {
        turn.begin();
        try {
            sink.requireOpen();
            passAll(sink);
        } finally {
            turn.end();
        }
    }

    private void passAll(Sink sink) throws Exception {
        gathered = System.nanoTime();
        try {
            pass(sink);
        } catch (Throwable failure) {
            int failedEntry = entry;
            int failedNode = node;
            sink.requireOpen();
            // Nodes behind the one that failed may have packets of earlier entries.
            flush(failedNode + 1, sink);
            entry = failedEntry;
            node = failedNode;
            throw failure;
        }
    }

    private void pass(Sink sink) throws Exception {
        for (int index = 0; index < entries.size(); index++) {
            List<Value> fields = entries.get(index).asList();
            if (fields.size() < 2) {
                flush(0, sink);
                end(index, fields.isEmpty(), sink);
            } else {
                int input = fields.size() > 4 ? (int) fields.get(4).asLong() : 0;
                pass(index, 0, packet(fields, links.getFirst().type.inputs().get(input)), sink);
            }
        }
        flush(0, sink);
    }

    /** Gives a packet to the node at {@code place}, and what it emits to the nodes behind it. */
    private void pass(int from, int place, Packet packet, Sink sink) throws Exception {
        if (place == links.size()) {
            return;
        }
        HostNode type = links.get(place).type;
        if (type.batchMapper() == null) {
            entry = from;
            node = place;
            handler(place).handle(packet, emitter(from, place, packet, sink));
            return;
        }
        waiting.get(place).add(new Waiting(from, packet));
        if (waiting.get(place).size() >= mostOf(type) || place > 0 && isUrgent(place)) {
            flush(place, sink);
        }
    }

    /** Whether what has collected for a node should not wait for more. */
    private boolean isUrgent(int place) {
        return links.subList(0, place).stream().anyMatch(link -> link.type.isStreaming())
                || System.nanoTime() - gathered > BATCH_NANOSECONDS;
    }

    private void end(int from, boolean isLast, Sink sink) throws Exception {
        for (int place = 0; place < links.size() && !isLast; place++) {
            entry = from;
            node = place;
            if (links.get(place).type.options().containsKey("ends")) {
                handler(place).end(emitter(from, place, null, sink));
                flush(place + 1, sink);
            }
        }
    }

    /** Calls the nodes that take batches with what has collected, beginning with the one at {@code place}. */
    private void flush(int place, Sink sink) throws Exception {
        for (; place < links.size(); place++) {
            List<Waiting> batch = List.copyOf(waiting.get(place));
            waiting.get(place).clear();
            if (!batch.isEmpty()) {
                flush(place, batch, sink);
            }
        }
        gathered = System.nanoTime();
    }

    private void flush(int place, List<Waiting> batch, Sink sink) throws Exception {
        List<?> values;
        try {
            values = together(place, batch);
        } catch (Miscounted failure) {
            throw failure;
        } catch (Throwable failure) {
            if (batch.size() == 1) {
                throw failure;
            }
            // To find the one at fault; what comes before it is kept.
            for (Waiting each : batch) {
                sink.requireOpen();
                emit(place, each, together(place, List.of(each)).getFirst(), sink);
            }
            return;
        }
        for (int index = 0; index < values.size(); index++) {
            emit(place, batch.get(index), values.get(index), sink);
        }
    }

    /** What a node makes of a batch: a value for each packet. */
    private List<?> together(int place, List<Waiting> batch) throws Exception {
        entry = batch.getFirst().entry;
        node = place;
        List<?> values = links.get(place)
                .type
                .batchMapper()
                .map(batch.stream().map(Waiting::packet).toList());
        if (values == null || values.size() != batch.size()) {
            throw new Miscounted("the node returned " + (values == null ? "no list" : values.size() + " values")
                    + " for " + batch.size() + " packets; return one for each, null for none");
        }
        return values;
    }

    private void emit(int place, Waiting of, Object value, Sink sink) {
        if (value != null) {
            entry = of.entry;
            node = place;
            emitter(of.entry, place, of.packet, sink).emit(value);
        }
    }

    /** A batch whose values are not one for each packet: that is not the fault of one of them. */
    private static final class Miscounted extends IllegalStateException {
        private static final long serialVersionUID = 1;

        Miscounted(String message) {
            super(message);
        }
    }

    private static int mostOf(HostNode type) {
        return type.options().get("batch") instanceof Integer most ? most : DEFAULT_BATCH;
    }

    private HostNode.Handler handler(int place) {
        Link link = links.get(place);
        isOpening = true;
        HostNode.Handler found = turn.handler(link.node, link.type, epoch);
        isOpening = false;
        return found;
    }

    private HostNode.Emitter emitter(int from, int place, Packet source, Sink sink) {
        return packet -> {
            sink.requireOpen();
            HostNode type = links.get(place).type;
            int output = packet.port() == null ? 0 : type.outputs().indexOf(packet.port());
            if (output < 0) {
                throw new IllegalArgumentException(
                        type.type() + " has no output " + packet.port() + "; it has " + type.outputs());
            }
            Packet made = placed(packet, source);
            if (place == links.size() - 1) {
                sink.emit(from, isKnown(made, from) ? Packet.of(packet.value()) : made, output);
                return;
            }
            Packet next = new Packet(
                    packet.value(),
                    made.pts(),
                    made.duration(),
                    source == null ? entries.get(from).asList().getFirst().asLong() : source.item(),
                    -1,
                    0,
                    links.get(place + 1).type.inputs().getFirst());
            try {
                pass(from, place + 1, next, sink);
            } catch (RuntimeException error) {
                throw error;
            } catch (Exception error) {
                throw HostChain.<RuntimeException>unchecked(error);
            }
            entry = from;
            node = place;
        };
    }

    /**
     * A packet that a node makes of another one at its time: that which the node gives, else that of the value, else
     * that of the other one. It is the rule of the runtime for outputs of a call.
     */
    private static Packet placed(Packet packet, Packet source) {
        Duration pts = packet.pts();
        Duration duration = packet.duration();
        switch (packet.value()) {
            case Audio audio -> {
                pts = pts != null ? pts : audio.pts();
                duration = duration != null ? duration : audio.duration();
            }
            case Video video -> pts = pts != null ? pts : video.pts();
            default -> {}
        }
        if (source != null) {
            pts = pts != null ? pts : source.pts();
            duration = duration != null ? duration : source.duration();
        }
        return Packet.at(packet.value(), pts).lasting(duration);
    }

    /** Whether the runtime gives an output of an entry the same time by itself: it knows not what is between nodes. */
    private boolean isKnown(Packet made, int from) {
        List<Value> fields = entries.get(from).asList();
        Packet known = placed(Packet.of(made.value()), fields.size() < 2 ? null : packet(fields, null));
        return Objects.equals(made.pts(), known.pts()) && Objects.equals(made.duration(), known.duration());
    }

    private static Packet packet(List<Value> fields, String input) {
        long item = fields.get(0).asLong();
        return new Packet(fields.get(1), time(fields.get(2)), time(fields.get(3)), item, -1, 0, input);
    }

    private static Duration time(Value value) {
        return value instanceof Value.Int(long nanoseconds) ? Duration.ofNanos(nanoseconds) : null;
    }

    /** The exception of a node passes through the node before it as it is. */
    @SuppressWarnings("unchecked")
    private static <E extends Exception> E unchecked(Exception error) throws E {
        throw (E) error;
    }
}
