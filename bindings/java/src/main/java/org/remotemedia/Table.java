package org.remotemedia;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * A table: columns of the Arrow C data interface, which the runtime carries and does not interpret.
 *
 * @param metadata of the schema, in Arrow's encoding; empty if there is none
 */
public record Table(long rows, MemorySegment metadata, java.util.List<Column> columns) implements Value {

    /** Keeps a copy of the list. */
    public Table {
        Objects.requireNonNull(metadata);
        columns = java.util.List.copyOf(columns);
    }

    /**
     * An array of the Arrow C data interface with its schema.
     *
     * @param flags 1 dictionary ordered, 2 nullable, 4 map keys sorted
     * @param nullCount -1 if not counted
     * @param buffers with null where Arrow has a null pointer
     * @param dictionary the values of a dictionary-encoded type, or null
     */
    public record Column(
            String name,
            String format,
            long flags,
            MemorySegment metadata,
            long length,
            long nullCount,
            long offset,
            java.util.List<MemorySegment> buffers,
            java.util.List<Column> children,
            Column dictionary) {

        /** Keeps copies of the lists. */
        public Column {
            Objects.requireNonNull(name);
            Objects.requireNonNull(format);
            Objects.requireNonNull(metadata);
            buffers = java.util.Collections.unmodifiableList(new java.util.ArrayList<>(buffers));
            children = java.util.List.copyOf(children);
        }

        @Override
        public boolean equals(Object other) {
            if (!(other instanceof Column that)
                    || !name.equals(that.name)
                    || !format.equals(that.format)
                    || flags != that.flags
                    || metadata.mismatch(that.metadata) != -1
                    || length != that.length
                    || nullCount != that.nullCount
                    || offset != that.offset
                    || buffers.size() != that.buffers.size()
                    || !children.equals(that.children)
                    || !Objects.equals(dictionary, that.dictionary)) {
                return false;
            }
            for (int index = 0; index < buffers.size(); index++) {
                MemorySegment mine = buffers.get(index);
                MemorySegment theirs = that.buffers.get(index);
                if ((mine == null) != (theirs == null) || mine != null && mine.mismatch(theirs) != -1) {
                    return false;
                }
            }
            return true;
        }

        @Override
        public int hashCode() {
            return Objects.hash(name, format, length);
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Table that
                && rows == that.rows
                && metadata.mismatch(that.metadata) == -1
                && columns.equals(that.columns);
    }

    @Override
    public int hashCode() {
        return Objects.hash(rows, columns);
    }

    @Override
    public String toString() {
        return "Table(" + rows + " rows, " + columns.stream().map(Column::name).toList() + ")";
    }
}
