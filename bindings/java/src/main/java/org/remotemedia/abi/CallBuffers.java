package org.remotemedia.abi;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.remotemedia.codec.Decoder;
import org.remotemedia.codec.Encoder;
import org.remotemedia.codec.Limits;

/**
 * Native memory for one call at a time: the document that goes in with its buffer table, room for the one that comes
 * out, and a place for an error. They are pooled, since virtual threads are too many to have their own.
 */
public final class CallBuffers {
    private static final int ROOM = 64 * 1024;
    private static final int TABLE = 128;
    private static final int CELLS = 8;
    private static final long OUTPUT_AT = 0;
    private static final long CELLS_AT = Abi.OUTPUT_SIZE + 8 & ~7;
    private static final long TABLE_AT = CELLS_AT + CELLS * 8;
    private static final long DATA_AT = TABLE_AT + (long) TABLE * Abi.BUFFER_SIZE;
    private static final ConcurrentLinkedQueue<CallBuffers> POOL = new ConcurrentLinkedQueue<>();

    private final MemorySegment block = Arena.ofAuto().allocate(DATA_AT + ROOM, 64);
    private MemorySegment document = Arena.ofAuto().allocate(4096, 64);
    private MemorySegment table = MemorySegment.NULL;
    private final Encoder encoder = new Encoder();
    private final List<MemorySegment> pinned = new ArrayList<>();
    /** What was lent for a call that was not made yet. */
    private final List<Long> lent = new ArrayList<>();
    private Loans lender;

    private CallBuffers() {
        block.set(JAVA_LONG, OUTPUT_AT + Abi.OUTPUT_DATA, block.address() + DATA_AT);
        block.set(JAVA_LONG, OUTPUT_AT + Abi.OUTPUT_CAPACITY, ROOM);
        block.set(JAVA_LONG, OUTPUT_AT + Abi.OUTPUT_BUFFERS, block.address() + TABLE_AT);
        block.set(JAVA_LONG, OUTPUT_AT + Abi.OUTPUT_BUFFER_CAPACITY, TABLE);
    }

    /** Takes buffers that no other call uses. */
    public static CallBuffers acquire() {
        CallBuffers pooled = POOL.poll();
        return pooled == null ? new CallBuffers() : pooled;
    }

    /** Gives them back. What was lent for a call that could not be made is let go of. */
    public void release() {
        lent.forEach(token -> lender.release(token));
        lent.clear();
        lender = null;
        encoder.clear();
        pinned.clear();
        POOL.offer(this);
    }

    /** Lends an object to the call, and returns its token. */
    public long lend(Object object, Loans loans) {
        long token = loans.keep(object);
        lender = loans;
        lent.add(token);
        return token;
    }

    /** The encoder of the document that goes in, empty. */
    public Encoder encoder() {
        encoder.clear();
        return encoder;
    }

    /** The address of what the encoder has written. */
    public long document() {
        int length = encoder.length();
        if (document.byteSize() < length) {
            document = Arena.ofAuto().allocate(Math.max(length, Math.min(2L * length, 1 << 24)), 64);
        }
        MemorySegment.copy(encoder.bytes(), 0, document, JAVA_BYTE, 0, length);
        return document.address();
    }

    /** The number of its bytes. */
    public long length() {
        return encoder.length();
    }

    /**
     * The address of the buffer table of what the encoder has written: its memory is lent now; without {@code loans}
     * it is read during the call alone.
     */
    public long table(Loans loans) {
        List<MemorySegment> buffers = encoder.buffers();
        if (buffers.isEmpty()) {
            return 0;
        }
        long size = (long) buffers.size() * Abi.BUFFER_SIZE;
        if (table.byteSize() < size) {
            table = Arena.ofAuto().allocate(2 * size, 64);
        }
        table.fill((byte) 0);
        long at = 0;
        for (MemorySegment buffer : buffers) {
            MemorySegment memory = Loans.lendable(buffer);
            table.set(JAVA_LONG, at + Abi.BUFFER_DATA, memory.address());
            table.set(JAVA_LONG, at + Abi.BUFFER_LEN, memory.byteSize());
            if (loans == null) {
                pinned.add(memory);
            } else {
                table.set(JAVA_LONG, at + Abi.BUFFER_TOKEN, lend(memory, loans));
            }
            at += Abi.BUFFER_SIZE;
        }
        return table.address();
    }

    /** The number of its entries. */
    public long tableLength() {
        return encoder.buffers().size();
    }

    /** The address of an {@code rm_output} with room. */
    public long output() {
        block.set(JAVA_LONG, OUTPUT_AT + Abi.OUTPUT_LEN, 0);
        block.set(JAVA_LONG, OUTPUT_AT + Abi.OUTPUT_BUFFER_COUNT, 0);
        block.set(JAVA_LONG, OUTPUT_AT + Abi.OUTPUT_DOCUMENT, 0);
        return block.address() + OUTPUT_AT;
    }

    /** The address of a place for an error. */
    public long error() {
        return cell(0);
    }

    /** The address of a place for a number or an address, 1 to 7, set to 0. */
    public long cell(int index) {
        block.set(JAVA_LONG, CELLS_AT + index * 8L, 0);
        return block.address() + CELLS_AT + index * 8L;
    }

    /** What was written to a place. */
    public long cellValue(int index) {
        return block.get(JAVA_LONG, CELLS_AT + index * 8L);
    }

    /** Throws the error that a call has left. */
    public int check(int status, Loans loans) {
        made();
        if (status < 0) {
            throw ErrorReader.taken(status, cellValue(0), loans);
        }
        return status;
    }

    /** Frees the error that a call has left, for calls whose failure changes nothing; its release records count. */
    public void dropError(int status, Loans loans) {
        made();
        if (status < 0) {
            ErrorReader.taken(status, cellValue(0), loans);
        }
    }

    /** The library has what was lent to the call: release records, those of an error too, name it. */
    private void made() {
        lent.clear();
    }

    /** Whether the call has written a document. */
    public boolean hasResult() {
        return block.get(JAVA_LONG, OUTPUT_AT + Abi.OUTPUT_LEN) != 0
                || block.get(JAVA_LONG, OUTPUT_AT + Abi.OUTPUT_DOCUMENT) != 0;
    }

    /**
     * A decoder of the document that the call has written. {@code loans} may be null for one without buffers of ours.
     */
    public Decoder result(Loans loans) {
        long object = block.get(JAVA_LONG, OUTPUT_AT + Abi.OUTPUT_DOCUMENT);
        if (object == 0) {
            int length = (int) block.get(JAVA_LONG, OUTPUT_AT + Abi.OUTPUT_LEN);
            byte[] bytes = new byte[length];
            MemorySegment.copy(block, JAVA_BYTE, DATA_AT, bytes, 0, length);
            long count = block.get(JAVA_LONG, OUTPUT_AT + Abi.OUTPUT_BUFFER_COUNT);
            List<MemorySegment> buffers =
                    count == 0 ? List.of() : segments(block.asSlice(TABLE_AT, count * Abi.BUFFER_SIZE), false, loans);
            return new Decoder(bytes, length, buffers, Limits.OWN);
        }
        try {
            check(Native.rm_document_view(object, cell(1), cell(2), cell(3), cell(4), error()), loans);
            byte[] bytes = copy(cellValue(1), cellValue(2));
            long size = cellValue(4) * Abi.BUFFER_SIZE;
            List<MemorySegment> buffers =
                    size == 0 ? List.of() : segments(at(cellValue(3), size), true, loans);
            return new Decoder(bytes, bytes.length, buffers, Limits.OWN);
        } finally {
            Native.rm_document_free(object);
        }
    }

    /** A copy of bytes anywhere. */
    static byte[] copy(long address, long length) {
        return length == 0 ? new byte[0] : at(address, length).toArray(JAVA_BYTE);
    }

    /** Text that ends with NUL. */
    public static String text(long address) {
        return MemorySegment.ofAddress(address).reinterpret(Long.MAX_VALUE).getString(0, StandardCharsets.UTF_8);
    }

    private static MemorySegment at(long address, long length) {
        return MemorySegment.ofAddress(address).reinterpret(length);
    }

    /** With {@code retain} the handles of the table belong to its document, else to us. */
    private List<MemorySegment> segments(MemorySegment entries, boolean retain, Loans loans) {
        List<MemorySegment> segments = new ArrayList<>();
        for (long at = 0; at < entries.byteSize(); at += Abi.BUFFER_SIZE) {
            long address = entries.get(JAVA_LONG, at + Abi.BUFFER_DATA);
            long length = entries.get(JAVA_LONG, at + Abi.BUFFER_LEN);
            long token = entries.get(JAVA_LONG, at + Abi.BUFFER_TOKEN);
            long memory = entries.get(JAVA_LONG, at + Abi.BUFFER_MEMORY);
            boolean writable = (entries.get(JAVA_INT, at + Abi.BUFFER_FLAGS) & Abi.BUFFER_WRITABLE) != 0;
            MemorySegment lent = token == 0 || loans == null ? null : loans.window(token, address, length);
            if (lent != null) {
                segments.add(lent);
            } else if (memory != 0) {
                if (retain) {
                    check(Native.rm_memory_retain(memory, cell(5), error()), loans);
                    memory = cellValue(5);
                }
                segments.add(NativeMemory.adopt(address, length, memory, writable));
            } else if (length == 0) {
                segments.add(MemorySegment.ofArray(new byte[0]));
            } else {
                throw new IllegalStateException("the library refers to memory with the token " + token
                        + ", which it has released; please report it");
            }
        }
        return segments;
    }
}
