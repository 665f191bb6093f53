package org.remotemedia.engine;

import org.remotemedia.Packet;
import org.remotemedia.abi.Loans;
import org.remotemedia.codec.Encoder;

/**
 * The outputs of a reply that were not sent yet. Each is encoded when it is added, so that one that can't cross fails
 * alone, with the node that emits it, and its memory may change or be closed afterwards.
 */
final class ReplyRows {
    private final Encoder rows = new Encoder();
    private int count;

    /** How many there are. */
    int count() {
        return count;
    }

    /** Adds an output: {@code [entry, value]}, with its times, with the number of its output. */
    void add(int entry, Packet packet, int output) {
        int length = rows.length();
        int buffers = rows.buffers().size();
        boolean timed = packet.pts() != null || packet.duration() != null;
        try {
            rows.array(output != 0 ? 5 : timed ? 4 : 2);
            rows.integer(entry);
            rows.value(packet.value(), "the returned value");
            if (timed || output != 0) {
                rows.nanoseconds(packet.pts(), "the returned value.pts");
                rows.nanoseconds(packet.duration(), "the returned value.duration");
            }
            if (output != 0) {
                rows.integer(output);
            }
            rows.buffers().subList(buffers, rows.buffers().size()).replaceAll(Loans::lendable);
        } catch (Throwable refused) {
            rows.rewind(length, buffers);
            throw refused;
        }
        count++;
    }

    /** Writes the list of them into a document that has no memory yet, and forgets them. */
    void moveTo(Encoder document) {
        document.array(count);
        document.append(rows);
        rows.clear();
        count = 0;
    }
}
