package org.remotemedia;

import java.lang.ref.Reference;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.remotemedia.abi.Abi;
import org.remotemedia.engine.Completion;
import org.remotemedia.engine.NativeSession;
import org.remotemedia.engine.Plan;

/**
 * A pipeline at work on one stream that is sent and received while it runs. It is bounded at both ends: {@link #send}
 * waits while there is no room, and a session whose outputs are not received comes to a halt.
 *
 * <p>Any thread may use it, also one that sends beside one that receives. Iterating gives the outputs until the
 * session has ended. Leaving the block of {@code try} cancels a session that has not ended.
 *
 * <pre>{@code
 * try (Session session = pipeline.session()) {
 *     Thread.startVirtualThread(() -> { for (Audio frame : microphone) session.send(frame); session.finish(); });
 *     for (Packet packet : session) {
 *         System.out.println(packet.pts() + " " + packet.value());
 *     }
 * }
 * }</pre>
 */
public final class Session implements AutoCloseable, Iterable<Packet> {
    private static final int ALL = -1;

    /** What a look at an output finds. */
    private enum Found {
        /** A packet that waits here. */
        PACKET,
        /** Nothing yet. */
        NOTHING,
        /** Nothing, and nothing will come. */
        END
    }

    // Kept, since a runtime that nothing refers to is shut down.
    private final RemoteMedia owner;
    private final NativeSession session;
    private final Plan plan;
    private final List<String> chosen;
    private final int most;
    // What was fetched and not received: of all outputs, or by output once they are received so. Never both.
    private final ArrayDeque<Packet> arrived = new ArrayDeque<>();
    private final Map<String, ArrayDeque<Packet>> split = new HashMap<>();
    private volatile boolean isCancelled;

    Session(Pipeline pipeline, SessionOptions options) {
        owner = pipeline.owner();
        plan = new Plan(pipeline.describe());
        chosen = options.document().get("outputs") instanceof List<?> named && !named.isEmpty()
                ? named.stream().map(String::valueOf).toList()
                : plan.outputs();
        most = options.most();
        NativeSession opened = new NativeSession(
                owner.runtime.port(),
                pipeline.handle(),
                options.document(),
                plan.inputs(),
                plan.outputs(),
                options.onSkip());
        session = opened;
        RemoteMedia.CLEANER.register(this, opened::close);
    }

    /** Sends a value; waits while there is no room. */
    public void send(Object value) throws InterruptedException {
        send(Packet.of(value));
    }

    /** Sends a value at a time of the stream. */
    public void send(Object value, Duration pts) throws InterruptedException {
        send(Packet.at(value, pts));
    }

    /** Sends a packet: its value, times, and the name of the input if there are several. */
    public void send(Packet packet) throws InterruptedException {
        sendAll(List.of(packet));
    }

    /** Sends packets in their order. An interruption of all drops those that wait, as if they were sent. */
    public void sendAll(List<Packet> packets) throws InterruptedException {
        long since = session.interruptions();
        List<Packet> left = packets;
        while (true) {
            long seen = session.changes();
            int taken = taken(left, since);
            if (taken == left.size()) {
                return;
            }
            left = left.subList(taken, left.size());
            session.awaitChange(seen);
        }
    }

    /** Sends as many packets as there is room for, and returns their number. */
    public int trySend(List<Packet> packets) {
        return taken(packets, session.interruptions());
    }

    /** No more packets come: what was sent comes out, tails included, and then the session ends. */
    public void finish() {
        call(session::finish);
    }

    /** Ends the stream behind what was sent: everything that nodes hold back comes out, and another stream begins. */
    public void flush() {
        call(() -> session.control(Map.of("flush", true)));
    }

    /**
     * Drops everything that was sent and not received, also what waits in {@link #send} for room; nodes begin anew.
     * What is sent afterwards is not touched by it.
     */
    public void interrupt() {
        // A receive meanwhile must not bring what is dropped, nor lose what comes after it.
        synchronized (arrived) {
            session.interrupt();
            forget();
        }
    }

    /**
     * Drops what waits before a node or behind it; these nodes begin anew, and what is before it continues, also a
     * {@link #send} that waits for room.
     */
    public void interrupt(String at) {
        Set<String> behind = plan.outputsBehind(at);
        // A receive meanwhile must not bring what is dropped, nor lose what comes after it.
        synchronized (arrived) {
            session.control(Map.of("interrupt", true, "at", at));
            arrived.removeIf(packet -> behind.contains(packet.port()));
            split.keySet().removeAll(behind);
        }
        session.change();
    }

    /** Changes live params of a built-in node, for what is sent afterwards, or still held back. */
    public void set(String node, Map<String, ?> params) {
        call(() -> session.set(node, params));
    }

    /**
     * The next packet of any output; waits for it. Empty once the session has ended.
     *
     * @throws NodeException if a node has failed
     */
    public Optional<Packet> receive() throws InterruptedException {
        return next(null);
    }

    /** The next packet of one output. All outputs must be received, since a full one holds up the pipeline. */
    public Optional<Packet> receive(String output) throws InterruptedException {
        return next(Objects.requireNonNull(output));
    }

    /**
     * The next packets, at most so many, which is 1 or more, of one output or with null of any; waits for the first.
     * None once the session has ended.
     */
    public List<Packet> receive(String output, int most) throws InterruptedException {
        return take(output, positive(most), most);
    }

    /** The same without waiting; none if there are none now. */
    public List<Packet> receiveNow(String output, int most) {
        synchronized (arrived) {
            return find(output, positive(most)) == Found.PACKET ? drain(output, most) : List.of();
        }
    }

    /**
     * The packets of any output until the session ends, for a loop. An interrupt ends it with
     * {@link CancellationException}.
     */
    @Override
    public Iterator<Packet> iterator() {
        return new Packets(null);
    }

    /** The packets of any output as a stream of {@link java.util.stream}. */
    public Stream<Packet> stream() {
        return StreamSupport.stream(spliterator(), false);
    }

    /** The packets of one output. */
    public Iterable<Packet> output(String name) {
        place(name);
        return () -> new Packets(name);
    }

    /**
     * The packets of any output for one subscriber: they are received only as far as it requests them, and one ahead,
     * which holds up the pipeline. The end of the session, or its failure, behind the last packet needs no request. Cancelling the
     * subscription cancels the session; so does a subscriber that throws, or requests less than 1, which hears of that by
     * {@code onError}.
     */
    public Flow.Publisher<Packet> publisher() {
        return new SessionPublisher(this);
    }

    /** Done when the session has ended; exceptionally if a node has failed. Outputs may still wait to be received. */
    public CompletableFuture<Void> completion() {
        CompletableFuture<Void> ended = new CompletableFuture<>();
        session.done()
                .thenAcceptAsync(
                        completion -> {
                            // Else the collector may take this, and cancel it, while its end is waited for.
                            Reference.reachabilityFence(this);
                            RemoteMediaException failure = completion.failure();
                            if (failure == null) {
                                ended.complete(null);
                            } else {
                                ended.completeExceptionally(failure);
                            }
                        },
                        Thread::startVirtualThread);
        return ended;
    }

    /** Counters of its nodes and queues, also after it has ended: see docs/abi.md. */
    public Value metrics() {
        return session.metrics();
    }

    /** What was recorded since the last call, of a session with the option {@code trace}: see docs/abi.md. */
    public Value trace() {
        return session.trace();
    }

    /** How far it is; null once it has ended. */
    public Progress progress() {
        return Progress.of(session.progress());
    }

    /** Ends it now, and drops outputs that were not received; returns whether it still went on. */
    public boolean cancel() {
        isCancelled = true;
        synchronized (arrived) {
            boolean wentOn = session.cancel();
            if (!wentOn) {
                session.interrupt();
            }
            forget();
            return wentOn;
        }
    }

    /** Cancels it unless it has ended, and frees it. */
    @Override
    public void close() {
        session.close();
        forget();
    }

    /** Cancels it, if it goes on, since its reader is gone: what it has ended with stays, also its counters. */
    void abandon() {
        try {
            session.cancel();
        } catch (RemoteMediaException.Gone closed) {
            // Another thread was faster.
        }
        forget();
    }

    /** A number that grows with each event of the session. */
    long changes() {
        return session.changes();
    }

    /** Waits until an event has come since {@code seen}, or {@link #lookAgain}. */
    void awaitChange(long seen) throws InterruptedException {
        session.awaitChange(seen);
    }

    /** Ends the wait of those that wait for an event. */
    void lookAgain() {
        session.change();
    }

    /** The next packet of any output if it is there. */
    Optional<Packet> poll() {
        synchronized (arrived) {
            return find(null, most) == Found.PACKET ? Optional.of(waiting(null).poll()) : Optional.empty();
        }
    }

    /** Whether it has ended, and all was received; throws what it has failed with. One packet may be fetched ahead. */
    boolean isOver() throws InterruptedException {
        synchronized (arrived) {
            if (find(null, 1) != Found.END) {
                return false;
            }
        }
        raiseFailure();
        return true;
    }

    private int taken(List<Packet> packets, long since) {
        try {
            return session.send(packets, since);
        } catch (RemoteMediaException.Gone gone) {
            throw whyGone(gone);
        }
    }

    private void call(Runnable call) {
        try {
            call.run();
        } catch (RemoteMediaException.Gone gone) {
            throw whyGone(gone);
        }
    }

    /** The next packet. More are fetched than it takes: it costs less to take several together. */
    private Optional<Packet> next(String output) throws InterruptedException {
        List<Packet> one = take(output, 1, most);
        return one.isEmpty() ? Optional.empty() : Optional.of(one.getFirst());
    }

    /** Waits for packets, and takes at most so many; none at the end. */
    private List<Packet> take(String output, int wanted, int fetched) throws InterruptedException {
        Found found;
        do {
            long seen = session.changes();
            synchronized (arrived) {
                found = find(output, fetched);
                if (found == Found.PACKET) {
                    return drain(output, wanted);
                }
            }
            if (found == Found.NOTHING) {
                session.awaitChange(seen);
            }
        } while (found == Found.NOTHING);
        raiseFailure();
        return List.of();
    }

    /** Looks for packets that were fetched; fetches those that are there, at most so many, if there are none. */
    private Found find(String output, int fetched) {
        ArrayDeque<Packet> waiting = waiting(output);
        if (waiting.isEmpty()) {
            List<Packet> batch = new ArrayList<>();
            int status = session.receive(output == null ? ALL : place(output), fetched, batch);
            waiting.addAll(batch);
            if (batch.isEmpty()) {
                return status == Abi.END ? Found.END : Found.NOTHING;
            }
        }
        return Found.PACKET;
    }

    /** Takes packets that were found. */
    private List<Packet> drain(String output, int wanted) {
        ArrayDeque<Packet> waiting = waiting(output);
        List<Packet> batch = new ArrayList<>(Math.min(wanted, waiting.size()));
        while (!waiting.isEmpty() && batch.size() < wanted) {
            batch.add(waiting.poll());
        }
        return batch;
    }

    /** Where what was fetched of an output waits, or with null of any. */
    private ArrayDeque<Packet> waiting(String output) {
        if (output == null) {
            for (ArrayDeque<Packet> waiting : split.values()) {
                if (!waiting.isEmpty()) {
                    return waiting;
                }
            }
            return arrived;
        }
        for (Packet packet : arrived) {
            split.computeIfAbsent(packet.port(), ignored -> new ArrayDeque<>()).add(packet);
        }
        arrived.clear();
        return split.computeIfAbsent(output, ignored -> new ArrayDeque<>());
    }

    /** Drops what was fetched. Who waits for a packet to be wanted has to look again. */
    private void forget() {
        synchronized (arrived) {
            arrived.clear();
            split.clear();
        }
        session.change();
    }

    private static int positive(int most) {
        if (most < 1) {
            throw new RemoteMediaException.InvalidArgument("at most " + most + " packets are none; ask for 1 or more");
        }
        return most;
    }

    private void raiseFailure() throws InterruptedException {
        RemoteMediaException failure = await().failure();
        if (failure != null) {
            throw failure;
        }
    }

    private Completion await() throws InterruptedException {
        try {
            return session.done().get();
        } catch (java.util.concurrent.ExecutionException error) {
            throw new AssertionError(error);
        }
    }

    /** Prefers the error that has ended the session to the report that it is over. */
    private RemoteMediaException whyGone(RemoteMediaException.Gone gone) {
        if (session.isClosed() || isCancelled) {
            return gone;
        }
        // Its event may still be on its way: the session is over natively, so it comes without waiting for anybody.
        RemoteMediaException failure = session.done().join().failure();
        return failure == null ? gone : failure;
    }

    private int place(String output) {
        int place = chosen.indexOf(output);
        if (place < 0) {
            throw new RemoteMediaException.InvalidArgument(
                    "there is no output " + output + "; the session has " + chosen);
        }
        return place;
    }

    private final class Packets implements Iterator<Packet> {
        private final String output;
        private Optional<Packet> ahead;

        Packets(String output) {
            this.output = output;
        }

        @Override
        public boolean hasNext() {
            if (ahead == null) {
                try {
                    ahead = Session.this.next(output);
                } catch (InterruptedException error) {
                    Thread.currentThread().interrupt();
                    throw (CancellationException)
                            new CancellationException("the thread that receives was interrupted").initCause(error);
                }
            }
            return ahead.isPresent();
        }

        @Override
        public Packet next() {
            if (!hasNext()) {
                throw new NoSuchElementException("the session has ended");
            }
            Packet packet = ahead.get();
            ahead = null;
            return packet;
        }
    }
}
