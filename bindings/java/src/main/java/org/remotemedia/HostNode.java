package org.remotemedia;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;

/**
 * A node type that this program runs itself: a function of Java. A pipeline that is made with it may use its name as
 * a {@code node_type}.
 *
 * <p>Each call runs on a virtual thread, one call at a time for each node. An exception ends the run, unless the
 * manifest has another action for it ({@code on_error}); it is the cause of the {@link NodeException}, the same
 * object. When the run is cancelled the thread is interrupted.
 */
public final class HostNode {
    /** A function of each value. */
    @FunctionalInterface
    public interface Mapper {
        /** The value that replaces this one; null for none. */
        Object map(Value value) throws Exception;
    }

    /**
     * A function of several packets at once. If it fails it gets the packets again, each in a list of its own: so the
     * error names the packet, and what the others became is kept.
     */
    @FunctionalInterface
    public interface BatchMapper {
        /** A list with one value for each packet, in their order; null for none. */
        List<?> map(List<Packet> packets) throws Exception;
    }

    /**
     * What a node does, with state of its own: a run, or a session until it is interrupted, has one for each node.
     */
    @FunctionalInterface
    public interface Handler {
        /** Takes a packet, and emits any number of values. */
        void handle(Packet packet, Emitter out) throws Exception;

        /** Takes the end of an item, or a flush; only with {@link HostNode#withEnds}. */
        default void end(Emitter out) throws Exception {}

        /** Takes the end of the work, once no other method is at work. */
        default void close() throws Exception {}
    }

    /** Where a node leaves its values. */
    public interface Emitter {
        /**
         * Emits a value, at the time of the packet that it was made of unless it has its own. Waits while there is no
         * room for more.
         *
         * @throws java.util.concurrent.CancellationException if the values are not wanted any more
         */
        default void emit(Object value) {
            emit(Packet.emitted(value));
        }

        /** Emits a value at the output with this name. */
        default void emit(Object value, String output) {
            emit(Packet.emitted(value).to(output));
        }

        /** Emits a value with its time; {@code port} is the name of an output, null for the first one. */
        void emit(Packet packet);
    }

    private final String type;
    private final Supplier<? extends Handler> make;
    private final BatchMapper batch;
    private final boolean streams;
    private final boolean ends;
    private final Map<String, Object> options;

    private HostNode(
            String type,
            Supplier<? extends Handler> make,
            BatchMapper batch,
            boolean streams,
            boolean ends,
            Map<String, Object> options) {
        this.type = Objects.requireNonNull(type);
        this.make = make;
        this.batch = batch;
        this.streams = streams;
        this.ends = ends;
        this.options = options;
    }

    /** A node that maps each value. */
    public static HostNode map(String type, Mapper mapper) {
        Objects.requireNonNull(mapper);
        Handler handler = (packet, out) -> {
            Object value = mapper.map(packet.value());
            if (value != null) {
                out.emit(value);
            }
        };
        return new HostNode(type, () -> handler, null, false, false, Map.of());
    }

    /** A node that emits any number of values for each, each at once, and waits while there is no room for more. */
    public static HostNode stream(String type, Handler handler) {
        Objects.requireNonNull(handler);
        return new HostNode(type, () -> handler, null, true, false, Map.of());
    }

    /** A node with state: {@code make} is called once for each run and node. */
    public static HostNode of(String type, Supplier<? extends Handler> make) {
        return new HostNode(type, Objects.requireNonNull(make), null, false, false, Map.of());
    }

    /** A node that takes up to {@code most} packets at once. */
    public static HostNode batch(String type, int most, BatchMapper mapper) {
        Objects.requireNonNull(mapper);
        // By their wait, batches share no call with functions that take single values: those would have to wait for a
        // batch to be full.
        return new HostNode(type, null, mapper, false, false, Map.of("batch", most, "max_wait_ms", 0L));
    }

    /** The same, whose calls have at most so many packets; 32 by default. */
    public HostNode withBatch(int most) {
        return with("batch", most);
    }

    /** The same, whose calls wait up to this long until they are full. */
    public HostNode withMaxWait(Duration time) {
        return with("max_wait_ms", Node.milliseconds(time));
    }

    /** The same with these inputs, the first one by default; {@link Packet#port} names the one where a packet came. */
    public HostNode withInputs(String... names) {
        return with("inputs", List.of(names));
    }

    /** The same with these outputs, the first one by default. */
    public HostNode withOutputs(String... names) {
        return with("outputs", List.of(names));
    }

    /** The same, whose handlers get the ends of items: {@link Handler#end}. */
    public HostNode withEnds() {
        return new HostNode(type, make, batch, streams, true, with("ends", true).options);
    }

    /** The same, whose values leave one by one as they are emitted, with back pressure. */
    public HostNode streaming() {
        return new HostNode(type, make, batch, true, ends, options);
    }

    private HostNode with(String option, Object value) {
        Map<String, Object> changed = new LinkedHashMap<>(options);
        changed.put(option, value);
        return new HostNode(type, make, batch, streams, ends, changed);
    }

    /**
     * These node types, and more of them, by their names.
     *
     * @throws RemoteMediaException.InvalidArgument if two have the same name: only one of them would run
     */
    static Map<String, HostNode> byType(Map<String, HostNode> known, HostNode... more) {
        Map<String, HostNode> types = new LinkedHashMap<>(known);
        for (HostNode node : more) {
            HostNode other = types.putIfAbsent(node.type, node);
            if (other != null && other != node) {
                throw new RemoteMediaException.InvalidArgument("there are two node types " + node.type
                        + "; give one another name, or build the manifest with Node.of(HostNode), which does so");
            }
        }
        return types;
    }

    /** The name in manifests. */
    public String type() {
        return type;
    }

    /** The options in {@code rm_pipeline_new}, but for the token. */
    public Map<String, Object> options() {
        return options;
    }

    /** The names of the inputs. */
    public List<String> inputs() {
        return names("inputs", "in");
    }

    /** The names of the outputs. */
    public List<String> outputs() {
        return names("outputs", "out");
    }

    /** Whether each value leaves as it is emitted. */
    public boolean isStreaming() {
        return streams;
    }

    /** The function of several packets; null if it takes them one by one. */
    public BatchMapper batchMapper() {
        return batch;
    }

    /** A new handler. */
    public Handler newHandler() {
        return batch != null ? (packet, out) -> {} : make.get();
    }

    private List<String> names(String option, String otherwise) {
        List<String> names = new ArrayList<>();
        if (options.get(option) instanceof List<?> given) {
            given.forEach(name -> names.add((String) name));
        }
        return names.isEmpty() ? List.of(otherwise) : names;
    }

    @Override
    public String toString() {
        return "HostNode(" + type + ")";
    }
}
