package org.remotemedia.engine;

import java.lang.System.Logger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;
import org.remotemedia.HostNode;
import org.remotemedia.Packet;
import org.remotemedia.RemoteMediaException;
import org.remotemedia.Value;
import org.remotemedia.abi.Abi;
import org.remotemedia.abi.CallBuffers;
import org.remotemedia.abi.Native;
import org.remotemedia.abi.Use;
import org.remotemedia.codec.Decoder;
import org.remotemedia.codec.Encoder;

/**
 * A call of the runtime to a chain of nodes of the host, and its reply: values with the entries that they come from,
 * in one part or several. A virtual thread serves it, and the next call to the same nodes if the reply brings one.
 */
final class HostCall implements HostChain.Sink {
    /** How long values wait for the rest of a reply: a slow node must not hold up what is done. */
    private static final long PART_NANOSECONDS = 5_000_000;

    /** How many characters of an error's text are sent where a document has no room for all. */
    private static final int CUT = 200;

    /** How many values wait for the rest of a reply: a node may emit any number for one packet. */
    private static final int PART_ROWS = 64;

    private final EventPort port;
    private final long number;
    private final long job;
    private final HostChain chain;
    private final Semaphore room = new Semaphore(0);
    private final ReplyRows rows = new ReplyRows();
    private long due;
    private Thread server;
    private boolean isOver;

    private HostCall(EventPort port, long number, long job, HostChain chain) {
        this.port = port;
        this.number = number;
        this.job = job;
        this.chain = chain;
    }

    /** Reads the third field of the event. */
    static HostCall read(EventPort port, long number, Map<String, Value> fields) {
        long job = fields.get("job").asLong();
        long epoch = fields.get("epoch") instanceof Value.Int(long given) ? given : 0;
        HostInstances instances = port.instances.computeIfAbsent(job, ignored -> new HostInstances());
        List<HostChain.Link> links = new ArrayList<>();
        for (Value node : fields.get("nodes").asList()) {
            if (!(port.loans.get(node.get(0).asLong()) instanceof HostNode type)) {
                throw new IllegalStateException("the library calls a node type that it has released; please report it");
            }
            links.add(new HostChain.Link(node.get(1).asText(), type));
        }
        HostChain chain = new HostChain(links, instances, epoch, fields.get("entries").asList());
        return new HostCall(port, number, job, chain);
    }

    /** Serves it on a thread of its own. */
    void start() {
        Thread.ofVirtual().name("remotemedia-node").start(() -> {
            HostCall call = this;
            while (call != null) {
                call = call.serve();
            }
        });
    }

    /** There is room for the next part. */
    void room() {
        room.release();
    }

    /** Its reply is not wanted any more. */
    synchronized void over() {
        isOver = true;
        room.release();
        if (server != null) {
            server.interrupt();
        }
    }

    /** Makes the whole reply, and returns the next call to the same nodes if it is there already. */
    private HostCall serve() {
        synchronized (this) {
            if (isOver) {
                return null;
            }
            server = Thread.currentThread();
        }
        due = System.nanoTime() + PART_NANOSECONDS;
        Throwable error = null;
        try {
            chain.run(this);
        } catch (Throwable thrown) {
            error = thrown;
        }
        try {
            return end() ? last(error, false) : null;
        } catch (Throwable broken) {
            // Without a reply the work would wait for ever.
            EventPort.LOG.log(Logger.Level.ERROR, "a call of the runtime can't be replied to; its work ends", broken);
            port.cancel(job);
            return null;
        } finally {
            port.calls.remove(number);
            synchronized (this) {
                server = null;
            }
            // An interrupt was meant for this call, and must not meet the next one.
            Thread.interrupted();
        }
    }

    @Override
    public void requireOpen() {
        if (!isWanted()) {
            throw new Over();
        }
    }

    @Override
    public void emit(int entry, Packet packet, int output) {
        rows.add(entry, packet, output);
        if (chain.isStreaming() || rows.count() >= PART_ROWS || System.nanoTime() - due >= 0) {
            if (part() == Abi.WOULD_BLOCK) {
                awaitRoom();
            }
            due = System.nanoTime() + PART_NANOSECONDS;
        }
    }

    private void awaitRoom() {
        try {
            room.acquire();
        } catch (InterruptedException interrupted) {
            requireOpen();
            throw new IllegalStateException("the node has interrupted its own thread, which waits for room");
        }
        requireOpen();
    }

    private synchronized boolean isWanted() {
        return !isOver;
    }

    /** Takes no more values, such as those of an emitter that a node keeps. Returns whether they were wanted. */
    private synchronized boolean end() {
        boolean wasWanted = !isOver;
        isOver = true;
        return wasWanted;
    }

    /** Sends the rows so far. */
    private int part() {
        CallBuffers call = CallBuffers.acquire();
        try {
            encode(call, false, null, false);
            int status = send(call, false);
            if (status == Abi.GONE) {
                end();
                throw new Over();
            }
            return status;
        } finally {
            call.release();
        }
    }

    /** Sends the rest, and the error if there is one, with the beginning of its text alone if it {@code isCut}. */
    private HostCall last(Throwable error, boolean isCut) {
        CallBuffers call = CallBuffers.acquire();
        try {
            boolean hasRows = rows.count() > 0;
            encode(call, true, error, isCut);
            port.calls.beginReply();
            try {
                if (send(call, true) == Abi.GONE || !call.hasResult()) {
                    return null;
                }
                return next(call.result(port.loans));
            } catch (RemoteMediaException refused) {
                if (isCut || !hasRows && error == null) {
                    throw refused;
                }
                // The values are at fault, or else the text of the error.
                return hasRows ? last(error == null ? refused : error, false) : last(error, true);
            } finally {
                port.calls.endReply();
            }
        } finally {
            call.release();
        }
    }

    private HostCall next(Decoder document) {
        int fields = document.list();
        HostCall next = read(port, document.integer(), document.value().asMap());
        if (fields > 2) {
            Completion.tokens(document).forEach(port.loans::release);
        }
        port.calls.addNext(next.number, next);
        return next;
    }

    private int send(CallBuffers call, boolean isLast) {
        long next = isLast ? call.output() : 0;
        try (Use use = Use.of(port.handle)) {
            int status = Native.rm_port_reply(
                    use.address(),
                    number,
                    call.document(),
                    call.length(),
                    call.table(port.loans),
                    call.tableLength(),
                    next,
                    call.error());
            if (status == Abi.GONE) {
                call.dropError(status, port.loans);
                return status;
            }
            return call.check(status, port.loans);
        } catch (RemoteMediaException.Gone closed) {
            return Abi.GONE;
        }
    }

    private void encode(CallBuffers call, boolean isFinal, Throwable error, boolean isCut) {
        Encoder document = call.encoder();
        document.entries(error == null ? 2 : 3);
        document.text("outputs");
        rows.moveTo(document);
        document.text("final");
        document.bool(isFinal);
        if (error == null) {
            return;
        }
        document.text("error");
        document.entries(7);
        document.text("entry");
        document.integer(chain.entry());
        document.text("node");
        document.integer(chain.node());
        document.text("type");
        document.text(error.getClass().getName());
        document.text("message");
        document.text(textOf(() -> isCut ? beginOf(error.getMessage()) : error.getMessage()));
        document.text("chain");
        List<String> causes = new ArrayList<>();
        Throwable first = isCut ? null : causeOf(error);
        for (Throwable cause = first; cause != null && causes.size() < 100; cause = causeOf(cause)) {
            causes.add(textOf(cause::toString));
        }
        document.array(causes.size());
        causes.forEach(document::text);
        document.text("token");
        document.integer(call.lend(error, port.loans));
        document.text("ends_run");
        document.bool(chain.endsRun());
    }

    /**
     * The text of an exception. A method of it that fails, or half of a surrogate pair, must not hide the error, nor
     * keep the call from its reply.
     */
    private static String textOf(Supplier<String> method) {
        try {
            String text = method.get();
            return text == null
                    ? ""
                    : new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
        } catch (Throwable broken) {
            return "its message can't be made: " + broken.getClass().getName();
        }
    }

    private static String beginOf(String text) {
        return text == null || text.length() <= CUT ? text : text.substring(0, CUT) + "...";
    }

    private static Throwable causeOf(Throwable error) {
        try {
            return error.getCause();
        } catch (Throwable broken) {
            return null;
        }
    }

    /** Ends a handler whose values are not wanted any more. */
    private static final class Over extends CancellationException {
        private static final long serialVersionUID = 1;

        Over() {
            super("the values of this call are not wanted any more: it was replied to, or its work has ended");
        }
    }
}
