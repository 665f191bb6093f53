package org.remotemedia;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * What a run has given.
 *
 * @param byOutput the packets of each output by its name, in the order of item and emission
 * @param skipped the errors after which a packet was dropped: the first 100, and the first of each node
 * @param skips the number of all of them
 * @param retries the number of errors after which a node tried again
 */
public record Results(Map<String, List<Packet>> byOutput, List<ErrorDetail> skipped, long skips, long retries)
        implements Iterable<Value> {

    static final Results NONE = new Results(Map.of(), List.of(), 0, 0);

    /** The packets of an output; none if there is no output of this name, or it gave nothing. */
    public List<Packet> packets(String output) {
        return byOutput.getOrDefault(output, List.of());
    }

    /** The packets of all outputs, one output after the other. */
    public List<Packet> packets() {
        return byOutput.values().stream().flatMap(List::stream).toList();
    }

    /** The values of an output. */
    public List<Value> values(String output) {
        return valuesOf(packets(output));
    }

    /** The values of all outputs, one output after the other. */
    public List<Value> values() {
        return valuesOf(packets());
    }

    @Override
    public Iterator<Value> iterator() {
        return values().iterator();
    }

    private static List<Value> valuesOf(List<Packet> packets) {
        List<Value> values = new ArrayList<>(packets.size());
        packets.forEach(packet -> values.add(packet.value()));
        return values;
    }
}
