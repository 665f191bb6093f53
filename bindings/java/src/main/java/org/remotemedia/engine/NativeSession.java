package org.remotemedia.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import org.remotemedia.ErrorDetail;
import org.remotemedia.MarshalException;
import org.remotemedia.Packet;
import org.remotemedia.Value;
import org.remotemedia.abi.Abi;
import org.remotemedia.abi.CallBuffers;
import org.remotemedia.abi.Handle;
import org.remotemedia.abi.Native;
import org.remotemedia.abi.Use;
import org.remotemedia.codec.Decoder;
import org.remotemedia.codec.Encoder;

/**
 * The calls of the library that a session makes, and the events that end their waits. A call that finds no room or no
 * output returns so; {@link #awaitChange} waits for the event that it has armed.
 */
public final class NativeSession implements Work, AutoCloseable {
    private final EventPort port;
    private final Handle handle;
    private final long token;
    private final List<String> inputs;
    private final List<String> outputs;
    private final Consumer<ErrorDetail> onSkip;
    private final CompletableFuture<Completion> done = new CompletableFuture<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private long changes;
    // Held for reading while packets are sent, and for writing while all is interrupted.
    private final ReentrantReadWriteLock sending = new ReentrantReadWriteLock();
    private volatile long interruptions;

    /**
     * Opens it.
     *
     * @param inputs the names of the inputs in the order of the plan
     * @param outputs the names of all outputs in that order
     * @param onSkip gets the errors after which packets are dropped; may be null
     */
    public NativeSession(
            EventPort port,
            Handle pipeline,
            Map<String, Object> options,
            List<String> inputs,
            List<String> outputs,
            Consumer<ErrorDetail> onSkip) {
        this.port = port;
        this.inputs = inputs;
        this.outputs = outputs;
        this.onSkip = onSkip;
        token = port.register(this);
        boolean opened = false;
        CallBuffers call = CallBuffers.acquire();
        try (Use compiled = Use.of(pipeline);
                Use at = Use.of(port.handle)) {
            call.encoder().value(options, "options");
            call.check(
                    Native.rm_session_new(
                            compiled.address(),
                            at.address(),
                            token,
                            call.document(),
                            call.length(),
                            call.cell(1),
                            call.error()),
                    port.loans);
            handle = new Handle(call.cellValue(1), "session", Native::rm_session_free);
            opened = true;
        } finally {
            call.release();
            if (!opened) {
                port.unregister(token);
            }
        }
    }

    /** Done with the end of the session. */
    public CompletableFuture<Completion> done() {
        return done;
    }

    /** A number that grows with each event; read it before a call that may find nothing, for {@link #awaitChange}. */
    public long changes() {
        lock.lock();
        try {
            return changes;
        } finally {
            lock.unlock();
        }
    }

    /** Waits until an event has come since {@code seen}. */
    public void awaitChange(long seen) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (changes == seen) {
                changed.await();
            }
        } finally {
            lock.unlock();
        }
    }

    /** How often all was interrupted, for {@link #send}. */
    public long interruptions() {
        return interruptions;
    }

    /**
     * Sends packets, and returns how many were taken: fewer if there is no room for more. If all was interrupted
     * {@code since}, it drops them, and they count as taken.
     */
    public int send(List<Packet> packets, long since) {
        sending.readLock().lock();
        try {
            return interruptions == since ? send(packets) : packets.size();
        } finally {
            sending.readLock().unlock();
        }
    }

    private int send(List<Packet> packets) {
        CallBuffers call = CallBuffers.acquire();
        try (Use use = Use.of(handle)) {
            Encoder document = call.encoder();
            document.array(packets.size());
            for (int index = 0; index < packets.size(); index++) {
                try {
                    encode(document, packets.get(index));
                } catch (MarshalException error) {
                    throw error.inside(packets.size() == 1 ? "value" : "values[" + index + "]");
                }
            }
            call.check(
                    Native.rm_session_send(
                            use.address(),
                            call.document(),
                            call.length(),
                            call.table(port.loans),
                            call.tableLength(),
                            Execution.BUDGET_US,
                            0,
                            call.output(),
                            call.error()),
                    port.loans);
            Decoder answer = call.result(port.loans);
            int fields = answer.list();
            int taken = (int) answer.integer();
            answer.value();
            release(answer, fields > 2);
            return taken;
        } finally {
            call.release();
        }
    }

    /** Takes outputs that are there into {@code batch}: of one output, or of all with -1; returns the status. */
    public int receive(int output, int most, List<Packet> batch) {
        CallBuffers call = CallBuffers.acquire();
        try (Use use = Use.of(handle)) {
            int status = call.check(
                    Native.rm_session_receive(use.address(), output, most, call.output(), call.error()), port.loans);
            Decoder answer = call.result(port.loans);
            int fields = answer.list();
            for (int rows = answer.list(); rows > 0; rows--) {
                batch.add(packet(answer));
            }
            release(answer, fields > 1);
            return status;
        } finally {
            call.release();
        }
    }

    /** No more packets come. */
    public void finish() {
        CallBuffers call = CallBuffers.acquire();
        try (Use use = Use.of(handle)) {
            call.check(Native.rm_session_finish(use.address(), call.error()), port.loans);
        } finally {
            call.release();
        }
    }

    /** Drops everything that was sent and not received, and what waits to be sent. */
    public void interrupt() {
        sending.writeLock().lock();
        try {
            interruptions++;
            control(Map.of("interrupt", true));
        } finally {
            sending.writeLock().unlock();
        }
    }

    /** A flush, or an interruption. */
    public void control(Map<String, ?> wanted) {
        control(document -> document.value(wanted, "control"));
    }

    /** A change of params. */
    public void set(String node, Map<String, ?> params) {
        control(document -> {
            document.entries(1);
            document.text("set");
            document.entries(2);
            document.text("node");
            document.value(node, "node");
            document.text("params");
            document.manifest(params, "params");
        });
    }

    private void control(Consumer<Encoder> writer) {
        CallBuffers call = CallBuffers.acquire();
        try (Use use = Use.of(handle)) {
            writer.accept(call.encoder());
            call.check(
                    Native.rm_session_control(use.address(), call.document(), call.length(), call.error()), port.loans);
        } finally {
            call.release();
        }
    }

    /** Ends it now: {@code false} if it has ended already. */
    public boolean cancel() {
        CallBuffers call = CallBuffers.acquire();
        try (Use use = Use.of(handle)) {
            int status = Native.rm_session_cancel(use.address(), call.error());
            call.dropError(status, port.loans);
            return status == Abi.OK;
        } finally {
            call.release();
        }
    }

    /** Counters of its nodes and queues. */
    public Value metrics() {
        CallBuffers call = CallBuffers.acquire();
        try (Use use = Use.of(handle)) {
            call.check(Native.rm_session_metrics(use.address(), call.output(), call.error()), port.loans);
            return call.result(port.loans).value();
        } finally {
            call.release();
        }
    }

    /** What was recorded since the last call. */
    public Value trace() {
        CallBuffers call = CallBuffers.acquire();
        try (Use use = Use.of(handle)) {
            call.check(Native.rm_session_trace(use.address(), call.output(), call.error()), port.loans);
            return call.result(port.loans).value();
        } finally {
            call.release();
        }
    }

    /** How far it is; null if it has ended. */
    public Value progress() {
        return port.progress(token);
    }

    /** Cancels it unless it has ended, and frees it. May be called again. */
    @Override
    public void close() {
        if (!handle.isClosed() && !done.isDone()) {
            try {
                cancel();
            } catch (org.remotemedia.RemoteMediaException.Gone closed) {
                // Another thread was faster.
            }
        }
        handle.close();
    }

    /** Whether it was closed. */
    public boolean isClosed() {
        return handle.isClosed();
    }

    @Override
    public void completed(Completion completion) {
        done.complete(completion);
        change();
    }

    @Override
    public void room() {
        change();
    }

    @Override
    public void outputs() {
        change();
    }

    @Override
    public void skipped(ErrorDetail error, boolean first) {
        if (onSkip != null) {
            Thread.startVirtualThread(() -> onSkip.accept(error));
        }
    }

    /** Lets those that wait for a change look again. */
    public void change() {
        lock.lock();
        try {
            changes++;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Writes a packet; errors name the place inside it. */
    private void encode(Encoder document, Packet packet) {
        int input = packet.port() == null ? 0 : inputs.indexOf(packet.port());
        if (input < 0) {
            throw new MarshalException("there is no input " + packet.port() + "; the manifest has " + inputs);
        }
        boolean timed = packet.pts() != null || packet.duration() != null;
        document.array(input != 0 ? 4 : timed ? 3 : 1);
        document.value(packet.value(), "");
        if (timed || input != 0) {
            document.nanoseconds(packet.pts(), ".pts");
            document.nanoseconds(packet.duration(), ".duration");
        }
        if (input != 0) {
            document.integer(input);
        }
    }

    private Packet packet(Decoder row) {
        int fields = row.list();
        Value value = row.value();
        var pts = Completion.time(row);
        var duration = Completion.time(row);
        long seq = row.integer();
        long stream = row.integer();
        // The name of an output before ABI 1.0, its number since.
        Value output = row.value();
        long item = row.integer();
        for (; fields > 7; fields--) {
            row.value();
        }
        String name = output instanceof Value.Int(long number) ? outputs.get((int) number) : output.asText();
        return new Packet(value, pts, duration, item, seq, stream, name);
    }

    private void release(Decoder answer, boolean isThere) {
        List<Long> tokens = isThere ? Completion.tokens(answer) : new ArrayList<>();
        tokens.forEach(port.loans::release);
    }
}
