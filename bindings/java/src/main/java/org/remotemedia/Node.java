package org.remotemedia;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.remotemedia.codec.PlainValues;

/**
 * A node of a {@link Manifest}: a type, an id, and params. {@link Nodes} has a class for each built-in type; a type
 * of the host is {@code new Node<>("Mine")}.
 *
 * @param <N> the class itself, so that calls can be chained
 */
public class Node<N extends Node<N>> {
    private final String type;
    private final HostNode host;
    private final Map<String, Object> params = new LinkedHashMap<>();
    private String id;
    private Object onError;

    /**
     * A node of a type. Its id is the type in lower case, with a number where a manifest that it is added to has that
     * already, unless {@link #id} gives another one.
     */
    public Node(String type) {
        this(Objects.requireNonNull(type), null);
    }

    private Node(String type, HostNode host) {
        this.type = type;
        this.host = host;
    }

    /** A node of a type of the host, which is given to the pipeline. */
    public static Node<?> of(String type) {
        return new Node<>(type);
    }

    /**
     * A node of a type of the host, which the pipeline gets with the manifest. Two types of one name may be in a
     * manifest: the second one has the name with a number there, such as {@code Louder_2}.
     */
    public static Node<?> of(HostNode type) {
        return new Node<>(type.type(), type);
    }

    /** Gives it another id. */
    public N id(String name) {
        id = Objects.requireNonNull(name);
        return self();
    }

    /** Sets what an error of it means, such as {@code skip}; see docs/manifest.md. */
    public N onError(Object action) {
        onError = PlainValues.copyOf(action, "onError");
        return self();
    }

    /** Sets a param by its name in manifests. What becomes of a list, map or array later does not count. */
    public N param(String name, Object value) {
        params.put(name, PlainValues.copyOf(value, name));
        return self();
    }

    /** The id: the one that was given, or that it got when it was added to a manifest, or else the type in lower case. */
    public String id() {
        return id != null ? id : type.toLowerCase(Locale.ROOT);
    }

    /** Settles the id, unless it is settled: one that is not among these. */
    void settleId(Set<String> taken) {
        String name = id();
        for (int number = 2; id == null && taken.contains(name); number++) {
            name = id() + "_" + number;
        }
        id = name;
    }

    /** The type. */
    String type() {
        return type;
    }

    /** What it does, if it was made with that; else null. */
    HostNode host() {
        return host;
    }

    /** The node in a manifest where its type has this name. */
    Map<String, Object> toMap(String name) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("id", id);
        map.put("node_type", name);
        if (!params.isEmpty()) {
            map.put("params", new LinkedHashMap<>(params));
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

    /** A time in milliseconds as it is, with a fraction if it has one. */
    static Number milliseconds(Duration time) {
        return number(time.getSeconds() * 1e3 + time.getNano() / 1e6);
    }

    @SuppressWarnings("unchecked")
    private N self() {
        return (N) this;
    }
}
