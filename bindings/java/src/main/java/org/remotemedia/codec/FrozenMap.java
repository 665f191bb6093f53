package org.remotemedia.codec;

import java.util.AbstractMap;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.remotemedia.Value;

/** A map in the order of its entries that nothing changes any more: it owns the map that it was made of. */
public final class FrozenMap extends AbstractMap<String, Value> {
    private final LinkedHashMap<String, Value> entries;
    private final Set<Map.Entry<String, Value>> view;

    FrozenMap(LinkedHashMap<String, Value> entries) {
        this.entries = entries;
        view = Collections.unmodifiableMap(entries).entrySet();
    }

    /** A map with the same entries that nothing changes: the map itself if it is such a one. */
    public static Map<String, Value> of(Map<String, Value> entries) {
        return entries instanceof FrozenMap ? entries : new FrozenMap(new LinkedHashMap<>(entries));
    }

    @Override
    public Set<Map.Entry<String, Value>> entrySet() {
        return view;
    }

    @Override
    public Value get(Object key) {
        return entries.get(key);
    }

    @Override
    public boolean containsKey(Object key) {
        return entries.containsKey(key);
    }

    @Override
    public int size() {
        return entries.size();
    }
}
