package org.remotemedia.engine;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.remotemedia.Value;

/** The plan of a pipeline: the names of its inputs and outputs in their order, and what lies behind a node. */
public final class Plan {
    private final List<String> inputs;
    /** The node of each output, by the name of the output. */
    private final Map<String, String> outputs = new LinkedHashMap<>();
    private final Set<String> nodes = new HashSet<>();
    private final List<Value> connections;

    /** Reads the document that describes a pipeline. */
    public Plan(Value plan) {
        plan.get("nodes").asList().forEach(node -> nodes.add(node.get("id").asText()));
        connections = plan.get("connections").asList();
        Value ends = plan.get("inputs");
        inputs = ends == null
                ? List.of("")
                : ends.asList().stream().map(end -> end.get("name").asText()).toList();
        if (plan.get("outputs") != null) {
            for (Value end : plan.get("outputs").asList()) {
                outputs.put(end.get("name").asText(), node(end.get("from").asText()));
            }
        } else {
            plan.get("sinks").asList().forEach(sink -> outputs.put(sink.asText(), sink.asText()));
        }
    }

    /** The names of the inputs; one that is empty where the manifest names none. */
    public List<String> inputs() {
        return inputs;
    }

    /** The names of the outputs. */
    public List<String> outputs() {
        return List.copyOf(outputs.keySet());
    }

    /** The outputs of a node and of all that follows it. */
    public Set<String> outputsBehind(String id) {
        Set<String> reached = new HashSet<>(Set.of(id));
        Deque<String> next = new ArrayDeque<>(reached);
        while (!next.isEmpty()) {
            String from = next.poll();
            for (Value connection : connections) {
                if (node(connection.get("from").asText()).equals(from)) {
                    String to = node(connection.get("to").asText());
                    if (reached.add(to)) {
                        next.add(to);
                    }
                }
            }
        }
        Set<String> names = new HashSet<>();
        outputs.forEach((name, node) -> {
            if (reached.contains(node)) {
                names.add(name);
            }
        });
        return names;
    }

    /** The node of an end: {@code id}, or {@code id.port}. */
    private String node(String end) {
        int dot = end.lastIndexOf('.');
        return nodes.contains(end) || dot < 0 ? end : end.substring(0, dot);
    }
}
