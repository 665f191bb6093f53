package org.remotemedia.conformance;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.remotemedia.HostNode;
import org.remotemedia.Packet;
import org.remotemedia.Value;

/** A node of the host with one of the behaviours that the suite defines: what it has seen, and what it waits for. */
final class OwnNode {
    final AtomicInteger called = new AtomicInteger();
    final AtomicInteger closed = new AtomicInteger();
    final List<Long> sizes = new ArrayList<>();
    final Semaphore permits = new Semaphore(0);
    private final Map<String, Value> options;
    private final RuntimeException[] exceptions;
    private int failures;

    OwnNode(Map<String, Value> options, RuntimeException[] exceptions) {
        this.options = options;
        this.exceptions = exceptions;
    }

    HostNode type(String name) {
        HostNode made = behaviour(name);
        if (options.get("batch") instanceof Value.Int(long batch)) {
            made = made.withBatch((int) batch);
        }
        if (options.get("max_wait_ms") != null) {
            made = made.withMaxWait(Duration.ofMillis(options.get("max_wait_ms").asLong()));
        }
        if (options.containsKey("inputs")) {
            made = made.withInputs(names("inputs"));
        }
        if (options.containsKey("outputs")) {
            made = made.withOutputs(names("outputs"));
        }
        return made;
    }

    private HostNode behaviour(String name) {
        return switch (options.get("behaviour").asText()) {
            case "echo" -> options.containsKey("batch") ? batches(name) : HostNode.map(name, this::counted);
            case "double" -> HostNode.of(name, () -> (packet, out) -> {
                counted(packet.value());
                out.emit(packet.value());
                out.emit(packet.value());
            });
            case "nothing" -> HostNode.map(name, value -> {
                counted(value);
                return null;
            });
            case "fail" -> options.containsKey("batch")
                    ? HostNode.batch(name, 32, this::failTogether)
                    : HostNode.map(name, this::fail);
            case "stall" -> HostNode.map(name, value -> {
                counted(value);
                if (!permits.tryAcquire(10, TimeUnit.SECONDS)) {
                    throw new TimeoutException("no reply came");
                }
                return value;
            });
            case "stream" -> HostNode.stream(name, this::stream);
            case "ends" -> HostNode.of(name, Ends::new).withEnds();
            case "route" -> HostNode.of(name, () -> (packet, out) -> {
                counted(packet.value());
                String[] outputs = names("outputs");
                out.emit(packet.value(), outputs[(int) (packet.value().asLong() % outputs.length)]);
            });
            case "merge" -> HostNode.of(name, () -> (packet, out) -> {
                counted(packet.value());
                out.emit(List.of(packet.port(), packet.value()));
            });
            default -> throw new IllegalArgumentException("unknown behaviour " + options.get("behaviour"));
        };
    }

    private HostNode batches(String name) {
        return HostNode.batch(name, 32, packets -> {
            synchronized (sizes) {
                sizes.add((long) packets.size());
            }
            called.addAndGet(packets.size());
            return packets.stream().map(Packet::value).toList();
        });
    }

    private Value counted(Value value) {
        called.incrementAndGet();
        return value;
    }

    private synchronized Value fail(Value value) {
        if (failsAt(called.getAndIncrement())) {
            failures++;
            throw exception();
        }
        return value;
    }

    /** Counts the packets of a list that does not fail, and one that is alone. */
    private synchronized List<Value> failTogether(List<Packet> packets) {
        for (int index = 0; index < packets.size() && packets.size() > 1; index++) {
            if (failsAt(called.get() + index)) {
                throw exception();
            }
        }
        return packets.stream().map(packet -> fail(packet.value())).toList();
    }

    private boolean failsAt(int number) {
        Value at = options.get("at");
        Value times = options.get("times");
        boolean isAt = at == null || number == at.asLong() || failures > 0 && times != null;
        return isAt && (times == null || failures < times.asLong());
    }

    private RuntimeException exception() {
        return exceptions[(int) options.get("exception").asLong()];
    }

    private void stream(Packet packet, HostNode.Emitter out) {
        counted(packet.value());
        long parts = options.get("parts") == null ? -1 : options.get("parts").asLong();
        boolean ended = false;
        try {
            for (long part = 0; part != parts; part++) {
                out.emit(List.of(packet.value(), part));
            }
            ended = true;
        } finally {
            if (!ended) {
                closed.incrementAndGet();
            }
        }
    }

    private String[] names(String option) {
        return options.get(option).asList().stream().map(Value::asText).toArray(String[]::new);
    }

    /** Counts the packets of each item. */
    private final class Ends implements HostNode.Handler {
        private long packets;

        @Override
        public void handle(Packet packet, HostNode.Emitter out) {
            counted(packet.value());
            packets++;
            out.emit(packet.value());
        }

        @Override
        public void end(HostNode.Emitter out) {
            out.emit(Map.of("packets", packets));
            packets = 0;
        }
    }
}
