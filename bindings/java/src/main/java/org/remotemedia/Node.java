package org.remotemedia;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/**
 * A node of a {@link Manifest}: a type, an id, and params. {@link Nodes} has a class for each built-in type; a type
 * of the host is {@code new Node<>("Mine")}.
 *
 * @param <N> the class itself, so that calls can be chained
 */
public class Node<N extends Node<N>> {
    private final String type;
    private final Map<String, Object> params = new LinkedHashMap<>();
    private String id;
    private Object onError;

    /** A node of a type. Its id is the type in lower case, unless {@link #id} gives another one. */
    public Node(String type) {
        this.type = Objects.requireNonNull(type);
        id = type.toLowerCase(Locale.ROOT);
    }

    /** A node of a type of the host. */
    public static Node<?> of(String type) {
        return new Node<>(type);
    }

    /** Gives it another id. */
    public N id(String name) {
        id = Objects.requireNonNull(name);
        return self();
    }

    /** Sets what an error of it means, such as {@code skip}; see docs/manifest.md. */
    public N onError(Object action) {
        onError = action;
        return self();
    }

    /** Sets a param by its name in manifests. */
    public N param(String name, Object value) {
        params.put(name, listed(value));
        return self();
    }

    /** The id. */
    public String id() {
        return id;
    }

    Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("id", id);
        map.put("node_type", type);
        if (!params.isEmpty()) {
            map.put("params", params);
        }
        if (onError != null) {
            map.put("on_error", onError);
        }
        return map;
    }

    /** A number as it is written: 5.0 as 5, since some nodes calculate with integers where all are. */
    static Number number(double value) {
        if (value == Math.rint(value) && Math.abs(value) < 1L << 53) {
            return (long) value;
        }
        return value;
    }

    /** Arrays of numbers are lists in a manifest, not tensors. */
    private static Object listed(Object value) {
        return switch (value) {
            case double[] numbers -> Arrays.stream(numbers).boxed().toList();
            case Object[] items -> Arrays.stream(items).map(Node::listed).toList();
            case null, default -> value;
        };
    }

    @SuppressWarnings("unchecked")
    private N self() {
        return (N) this;
    }
}
