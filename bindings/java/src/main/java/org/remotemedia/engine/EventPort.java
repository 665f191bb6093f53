package org.remotemedia.engine;

import java.lang.System.Logger;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.remotemedia.RemoteMediaException;
import org.remotemedia.Status;
import org.remotemedia.Value;
import org.remotemedia.abi.Abi;
import org.remotemedia.abi.CallBuffers;
import org.remotemedia.abi.ErrorReader;
import org.remotemedia.abi.Handle;
import org.remotemedia.abi.Loans;
import org.remotemedia.abi.Native;
import org.remotemedia.abi.Use;
import org.remotemedia.codec.Decoder;

/**
 * A port with its thread, which waits in the library and hands out what has happened: ends of work, calls to nodes of
 * the host, release records. It is a platform thread, since the library would pin a virtual one.
 *
 * <p>Events are handled in their order. Nothing of the user's runs on this thread.
 */
public final class EventPort {
    static final Logger LOG = System.getLogger("org.remotemedia");

    final Handle handle;
    final Loans loans;
    private final AtomicLong tokens = new AtomicLong(1);
    private final ConcurrentHashMap<Long, Work> works = new ConcurrentHashMap<>();
    final OpenCalls calls = new OpenCalls();
    final ConcurrentHashMap<Long, HostInstances> instances = new ConcurrentHashMap<>();
    private final CountDownLatch ended = new CountDownLatch(1);

    /** A port of a runtime, whose thread runs until the runtime is shut down. */
    public EventPort(Handle runtime, Loans loans) {
        this.loans = loans;
        CallBuffers call = CallBuffers.acquire();
        try {
            // No descriptor is watched, so there need not be one.
            call.encoder().value(Map.of("bell", "none"), "options");
            try (Use use = Use.of(runtime)) {
                call.check(
                        Native.rm_port_new(use.address(), call.document(), call.length(), call.cell(1), call.error()),
                        loans);
            }
            handle = new Handle(call.cellValue(1), "runtime", Native::rm_port_free);
        } finally {
            call.release();
        }
        Thread.ofPlatform().daemon().name("remotemedia-port").start(this::drain);
    }

    /** The port itself, for calls. */
    public Handle handle() {
        return handle;
    }

    /** Registers work, and returns its token. Its events may come before the call that begins it returns. */
    public long register(Work work) {
        long token = tokens.getAndIncrement();
        works.put(token, work);
        return token;
    }

    /** Forgets work that was refused, or that has ended without an event. */
    public void unregister(long token) {
        works.remove(token);
        forgetInstances(token);
    }

    /** Cancels work: {@code false} if it has ended already. */
    public boolean cancel(long token) {
        CallBuffers call = CallBuffers.acquire();
        try (Use use = Use.of(handle)) {
            int status = Native.rm_port_cancel(use.address(), token, call.error());
            call.dropError(status, loans);
            return status == Abi.OK;
        } catch (RemoteMediaException.Gone closed) {
            return false;
        } finally {
            call.release();
        }
    }

    /** How far work is; null if it has ended. */
    public Value progress(long token) {
        CallBuffers call = CallBuffers.acquire();
        try (Use use = Use.of(handle)) {
            int status = Native.rm_port_progress(use.address(), token, call.output(), call.error());
            if (status == Abi.GONE) {
                call.dropError(status, loans);
                return null;
            }
            call.check(status, loans);
            return call.result(loans).value();
        } finally {
            call.release();
        }
    }

    /** Waits until all events were handled, after the runtime was shut down; returns whether they were. */
    public boolean awaitEnd(long nanoseconds) throws InterruptedException {
        return ended.await(nanoseconds, TimeUnit.NANOSECONDS);
    }

    private void drain() {
        CallBuffers call = CallBuffers.acquire();
        boolean isBroken = false;
        try {
            for (int status = Abi.OK; status != Abi.END; ) {
                try {
                    status = next(call);
                } catch (Throwable error) {
                    if (handle.isClosed()) {
                        // The runtime was closed by a thread that does not wait for the end, as it is interrupted.
                        break;
                    }
                    LOG.log(Logger.Level.ERROR, "the port of remotemedia has stopped", error);
                    if (isBroken) {
                        break;
                    }
                    // Events are lost, such as those of a document that the heap has no room for. Whoever waits for
                    // them would wait for ever, so all work ends; what is released still comes.
                    isBroken = true;
                    shutDown(call);
                    end("the runtime has stopped, since its events could not be read: " + error
                            + "; close it and open another one");
                }
            }
        } finally {
            call.release();
            end("the runtime is shut down");
            ended.countDown();
        }
    }

    private int next(CallBuffers call) {
        int status;
        try (Use use = Use.of(handle)) {
            status = Native.rm_port_next(use.address(), -1, call.output(), call.error());
        }
        call.check(status, loans);
        if (call.hasResult()) {
            handle(call.result(loans));
        }
        return status;
    }

    private void shutDown(CallBuffers call) {
        try (Use use = Use.of(handle)) {
            call.dropError(Native.rm_port_shutdown(use.address(), call.error()), loans);
        } catch (RemoteMediaException.Gone closed) {
            // Nothing new can begin there.
        }
    }

    private void handle(Decoder events) {
        for (int left = events.list(); left > 0; left--) {
            int fields = events.list();
            int kind = (int) events.integer();
            switch (kind) {
                case Abi.EVENT_COMPLETED -> {
                    long token = events.integer();
                    Completion completion = Completion.read(events, loans);
                    Work work = works.remove(token);
                    forgetInstances(token);
                    if (work != null) {
                        work.completed(completion);
                    }
                }
                case Abi.EVENT_CALL -> {
                    long number = events.integer();
                    HostCall call = HostCall.read(this, number, events.value().asMap());
                    calls.add(number, call);
                    call.start();
                }
                case Abi.EVENT_RELEASED -> Completion.tokens(events).forEach(loans::release);
                case Abi.EVENT_ROOM -> notify(events.integer(), Work::room);
                case Abi.EVENT_OUTPUTS -> notify(events.integer(), Work::outputs);
                case Abi.EVENT_REPLY_ROOM -> {
                    HostCall call = calls.get(events.integer());
                    if (call != null) {
                        call.room();
                    }
                }
                case Abi.EVENT_CALL_OVER -> calls.over(events.integer());
                case Abi.EVENT_SKIPPED -> {
                    Work work = works.get(events.integer());
                    Map<String, Value> detail = events.value().asMap();
                    boolean first = events.value().asBool();
                    if (work != null) {
                        work.skipped(ErrorReader.detail(detail, loans), first);
                    }
                }
                default -> {
                    // The end of the port, or an event of a later minor version.
                    for (; fields > 1; fields--) {
                        events.value();
                    }
                }
            }
        }
    }

    private void notify(long token, java.util.function.Consumer<Work> action) {
        Work work = works.get(token);
        if (work != null) {
            action.accept(work);
        }
    }

    private void forgetInstances(long token) {
        HostInstances ended = instances.remove(token);
        if (ended != null) {
            Thread.startVirtualThread(ended::close);
        }
    }

    private void end(String message) {
        calls.allOver();
        for (Long token : List.copyOf(works.keySet())) {
            Work work = works.remove(token);
            forgetInstances(token);
            if (work != null) {
                work.completed(Completion.without(Status.SHUT_DOWN, message));
            }
        }
    }
}
