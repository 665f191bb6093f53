package org.remotemedia;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A manifest that is built: nodes, and what connects them. Nothing is checked before a pipeline is made of it, but for
 * names that are given twice.
 */
public final class Manifest {
    private final String name;
    private final List<Map<String, Object>> nodes = new ArrayList<>();
    private final List<Map<String, Object>> connections = new ArrayList<>();
    private final Map<String, HostNode> hostNodes = new LinkedHashMap<>();
    private final Set<String> ids = new HashSet<>();
    private final Map<String, Object> inputs = new LinkedHashMap<>();
    private final Map<String, Object> outputs = new LinkedHashMap<>();

    private Manifest(String name) {
        this.name = name;
    }

    /** A manifest without nodes. */
    public static Manifest named(String name) {
        return new Manifest(name);
    }

    /** A manifest whose nodes follow each other. */
    public static Manifest chain(String name, Node<?>... nodes) {
        return new Manifest(name).then(nodes);
    }

    /** Adds nodes that follow each other. */
    public Manifest then(Node<?>... chain) {
        String before = null;
        for (Node<?> node : chain) {
            add(node);
            if (before != null) {
                connect(before, node.id());
            }
            before = node.id();
        }
        return this;
    }

    /**
     * Adds a copy of a node, without a connection. Its id is settled then; what the node is changed to afterwards is for
     * the manifests that it is added to next.
     */
    public Manifest add(Node<?> node) {
        node.settleId(ids);
        ids.add(node.id());
        nodes.add(node.toMap(typeOf(node)));
        return this;
    }

    /** Connects two ends: ids of nodes, or {@code id.port}. */
    public Manifest connect(String from, String to) {
        connections.add(Map.of("from", from, "to", to));
        return this;
    }

    /**
     * Names an input: the ends that get what is sent to it.
     *
     * @throws RemoteMediaException.InvalidArgument if there is an input of this name
     */
    public Manifest input(String name, String... ends) {
        if (inputs.putIfAbsent(name, ends.length == 1 ? ends[0] : List.of(ends)) != null) {
            throw new RemoteMediaException.InvalidArgument(
                    "there are two inputs " + name + "; name all that an input leads to in one call of input");
        }
        return this;
    }

    /**
     * Names an output: the end that gives it.
     *
     * @throws RemoteMediaException.InvalidArgument if there is an output of this name
     */
    public Manifest output(String name, String end) {
        if (outputs.putIfAbsent(name, end) != null) {
            throw new RemoteMediaException.InvalidArgument(
                    "there are two outputs " + name + "; give each of them a name of its own");
        }
        return this;
    }

    /**
     * The manifest as a map, as docs/manifest.md describes it. It names the node types of {@link Node#of(HostNode)},
     * and does not have them.
     */
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("version", "v1");
        map.put("metadata", Map.of("name", name));
        map.put("nodes", nodes);
        if (!connections.isEmpty()) {
            map.put("connections", connections);
        }
        if (!inputs.isEmpty()) {
            map.put("inputs", inputs);
        }
        if (!outputs.isEmpty()) {
            map.put("outputs", outputs);
        }
        return map;
    }

    /** The node types of the host that its nodes were made with, by their names in it. */
    Map<String, HostNode> hostNodes() {
        return hostNodes;
    }

    /** The name of the type of a node: that of another function has a number. */
    private String typeOf(Node<?> node) {
        String name = node.type();
        if (node.host() != null) {
            for (int number = 2; hostNodes.getOrDefault(name, node.host()) != node.host(); number++) {
                name = node.type() + "_" + number;
            }
            hostNodes.put(name, node.host());
        }
        return name;
    }
}
