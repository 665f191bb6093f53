package org.remotemedia.conformance;

import static org.remotemedia.conformance.Conformance.same;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import org.remotemedia.Audio;
import org.remotemedia.ErrorDetail;
import org.remotemedia.HostNode;
import org.remotemedia.Packet;
import org.remotemedia.Pipeline;
import org.remotemedia.RemoteMedia;
import org.remotemedia.RemoteMediaException;
import org.remotemedia.Results;
import org.remotemedia.Run;
import org.remotemedia.Session;
import org.remotemedia.SessionOptions;
import org.remotemedia.Tensor;
import org.remotemedia.Value;
import org.remotemedia.conformance.Conformance.Mismatch;
import org.remotemedia.conformance.Conformance.Skip;

/** Plays a scenario: each verb of the suite, by the public API. */
final class Player {
    private static final long WAIT_SECONDS = 10;
    private static final Set<String> FEATURES = Set.of(
            "host_nodes", "host_stream", "host_ends", "host_ports", "host_batch", "runtimes", "shutdown", "loans",
            "same_memory", "live", "try_send", "plan", "metrics", "progress", "named_ends", "interrupt_part");

    private final RuntimeException[] exceptions = new RuntimeException[10];
    private final Map<String, RemoteMedia> runtimes = new HashMap<>();
    private final Map<String, Pipeline> pipelines = new HashMap<>();
    private final Map<String, OwnNode> own = new HashMap<>();
    private final Map<String, Run> work = new HashMap<>();
    private final Map<String, Session> sessions = new HashMap<>();
    private final Map<String, Throwable> sessionErrors = new HashMap<>();
    private final Map<String, MemorySegment> lent = new HashMap<>();
    private Map<String, Value> before;
    private Results result;
    private Throwable error;

    private Player() {
        for (int number = 0; number < exceptions.length; number++) {
            exceptions[number] = new IllegalStateException("exception " + number);
        }
    }

    static void play(Value scenario) throws Exception {
        same(1L, scenario.get("version").asLong(), "version");
        for (Value feature : scenario.get("needs").asList()) {
            if (!FEATURES.contains(feature.asText())) {
                throw new Skip("this package has no " + feature.asText());
            }
        }
        Player player = new Player();
        Map<String, Value> empty = settled();
        player.runtimes.put("", RemoteMedia.open());
        try {
            player.before = settled();
            player.steps(scenario.get("steps").asList());
            player.end(empty);
        } finally {
            player.closeAll();
        }
    }

    private void steps(List<Value> steps) throws Exception {
        for (int number = 0; number < steps.size(); number++) {
            Fields step = new Fields(steps.get(number).asMap());
            String verb = step.text("do");
            try {
                if (!verb.equals("expect_error") && error != null) {
                    throw new Mismatch("the step before failed: " + error);
                }
                try {
                    step(verb, step);
                } catch (RemoteMediaException | CancellationException thrown) {
                    error = thrown;
                }
                step.close();
            } catch (Mismatch mismatch) {
                throw new Mismatch("step " + (number + 1) + " (" + verb + "): " + mismatch.getMessage());
            }
        }
        if (error != null) {
            throw new Mismatch("the last step failed: " + error);
        }
    }

    private void step(String verb, Fields step) throws Exception {
        switch (verb) {
            case "runtime" -> {
                Value config = step.get("config");
                runtimes.put(step.text("as"), config == null ? RemoteMedia.open() : RemoteMedia.open(config.asMap()));
            }
            case "pipeline" -> pipeline(step);
            case "run" -> run(step);
            case "submit" -> submit(step);
            case "wait" -> await(step);
            case "cancel" -> cancel(step);
            case "session" -> {
                Value options = step.get("options");
                SessionOptions chosen = options == null ? SessionOptions.DEFAULT : SessionOptions.of(options.asMap());
                sessions.put(step.text("as"), pipelines.get(step.text("pipeline")).session(chosen));
            }
            case "send" -> send(step);
            case "receive" -> receive(step);
            case "finish" -> sessions.get(step.text("session")).finish();
            case "control" -> control(sessions.get(step.text("session")), step.get("control"));
            case "reply" -> own.get(step.text("node")).permits.release((int) step.number("times", 1));
            case "lend" -> lent.put(step.text("as"), ramp(step.number("bytes", 0)));
            case "shutdown" -> {
                RemoteMedia runtime = runtimes.get(step.textOr("runtime", ""));
                boolean ended = runtime.shutdown(Duration.ofMillis(step.number("patience_ms", 0)));
                same(step.get("ends").asBool(), ended, "whether it has ended");
            }
            case "close" -> close(step);
            case "expect_values" -> expectValues(step);
            case "expect_error" -> expectError(step);
            case "expect_called" -> {
                OwnNode node = own.get(step.text("node"));
                reaches(node.called::get, (int) step.number("times", 0), "packets");
            }
            case "expect_batches" -> {
                OwnNode node = own.get(step.text("node"));
                List<Long> sizes = step.get("sizes").asList().stream().map(Value::asLong).toList();
                synchronized (node.sizes) {
                    same(sizes, node.sizes, "sizes");
                }
            }
            case "expect_closed" -> {
                OwnNode node = own.get(step.text("node"));
                reaches(node.closed::get, (int) step.number("times", 0), "closed");
            }
            case "expect_memory" -> {
                MemorySegment memory = lent.get(step.text("memory"));
                BooleanSupplier isLent =
                        () -> runtimes.values().stream().anyMatch(runtime -> runtime.isLent(memory));
                if (step.text("is").equals("lent")) {
                    same(true, isLent.getAsBoolean(), "lent");
                } else {
                    until(() -> !isLent.getAsBoolean(), () -> "it is still lent");
                }
            }
            case "expect_same_memory" -> {
                Value value = result.values(step.text("output")).get((int) step.number("index", 0));
                MemorySegment found = ((Tensor) value).contiguous();
                same(lent.get(step.text("memory")).address(), found.address(), "address");
            }
            case "expect_live" -> expectLive(step.get("more"));
            case "describe" -> {
                Value found = step.get("pipeline") != null
                        ? pipelines.get(step.text("pipeline")).describe()
                        : step.get("session") != null
                                ? sessions.get(step.text("session")).metrics()
                                : progress(step.text("work"));
                contained(step.get("has"), found, "description");
            }
            default -> throw new Mismatch("there is no such verb");
        }
    }

    private void pipeline(Fields step) throws Mismatch {
        List<HostNode> nodes = new ArrayList<>();
        if (step.get("host_nodes") != null) {
            step.get("host_nodes").asMap().forEach((type, options) -> {
                OwnNode made = new OwnNode(options.asMap(), exceptions);
                own.put(type, made);
                nodes.add(made.type(type));
            });
        }
        RemoteMedia runtime = runtimes.get(step.textOr("runtime", ""));
        HostNode[] types = nodes.toArray(HostNode[]::new);
        Value manifest = step.get("manifest");
        String text = step.textOr("text", null);
        pipelines.put(
                step.text("as"),
                manifest != null ? runtime.pipeline(manifest.asMap(), types) : runtime.pipeline(text, types));
    }

    private void run(Fields step) throws Exception {
        Pipeline pipeline = pipelines.get(step.text("pipeline"));
        Duration timeout = timeout(step);
        Value inputs = step.get("inputs");
        if (inputs == null) {
            result = pipeline.execute(timeout);
        } else if (inputs instanceof Value.Map) {
            result = pipeline.execute(named(inputs), timeout);
        } else {
            result = pipeline.execute(built(inputs).asList(), timeout);
        }
    }

    private void submit(Fields step) throws Mismatch {
        Pipeline pipeline = pipelines.get(step.text("pipeline"));
        Duration timeout = timeout(step);
        Value inputs = step.get("inputs");
        Run run = inputs == null
                ? pipeline.executeAsync(timeout)
                : inputs instanceof Value.Map
                        ? pipeline.executeAsync(named(inputs), timeout)
                        : pipeline.executeAsync(built(inputs).asList(), timeout);
        work.put(step.text("as"), run);
    }

    private void await(Fields step) throws Exception {
        String name = step.textOr("session", null);
        try {
            if (name == null) {
                result = work.get(step.text("work")).get(WAIT_SECONDS, TimeUnit.SECONDS);
                return;
            }
            result = new Results(Map.of(), List.of(), 0, 0);
            Throwable earlier = sessionErrors.remove(name);
            if (earlier instanceof RemoteMediaException failure) {
                throw failure;
            }
            sessions.get(name).completion().get(WAIT_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException thrown) {
            if (thrown.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw thrown;
        } catch (java.util.concurrent.TimeoutException timeout) {
            throw new Mismatch("it does not end");
        }
    }

    private void cancel(Fields step) throws Mismatch {
        Value gone = step.get("gone");
        boolean did = step.get("session") != null
                ? sessions.get(step.text("session")).cancel()
                : work.get(step.text("work")).cancel(true);
        if (gone != null && gone.asBool()) {
            // A future that was cancelled reports that it is, at each call.
            boolean again = step.get("work") != null && work.get(step.text("work")).isCancelled();
            same(false, did && !again, "whether it was cancelled");
        }
    }

    private void send(Fields step) throws Exception {
        String name = step.text("session");
        Session session = sessions.get(name);
        List<Packet> packets = new ArrayList<>();
        for (Value given : step.get("packets").asList()) {
            Fields packet = new Fields(given.asMap());
            Packet made = Packet.at(built(packet.get("value")), time(packet.get("pts")))
                    .lasting(time(packet.get("duration")))
                    .to(packet.textOr("to", null));
            packet.close();
            packets.add(made);
        }
        Value taken = step.get("taken");
        if (taken != null) {
            same(taken.asLong(), (long) session.trySend(packets), "taken");
        } else {
            session.sendAll(packets);
        }
    }

    private void receive(Fields step) throws Exception {
        String name = step.text("session");
        Session session = sessions.get(name);
        String output = step.textOr("output", null);
        String then = step.textOr("then", null);
        List<Value> rows = step.get("rows").asList();
        List<Packet> found = new ArrayList<>();
        while (found.size() < rows.size()) {
            List<Packet> batch = next(session, name, output, rows.size() - found.size());
            if (batch.isEmpty()) {
                throw new Mismatch("row " + found.size() + ": the session has ended; " + sessionErrors.get(name));
            }
            found.addAll(batch);
        }
        for (int index = 0; index < rows.size(); index++) {
            row(rows.get(index).asMap(), found.get(index), index);
        }
        if ("end".equals(then)) {
            same(List.of(), next(session, name, output, 1), "packets behind the last");
        } else if ("nothing".equals(then)) {
            same(List.of(), session.receiveNow(output, 1), "packets behind the last");
        }
    }

    private List<Packet> next(Session session, String name, String output, int most) throws Exception {
        Thread reader = Thread.currentThread();
        Thread watch = Thread.startVirtualThread(() -> {
            try {
                Thread.sleep(Duration.ofSeconds(WAIT_SECONDS));
                reader.interrupt();
            } catch (InterruptedException done) {
                // It came in time.
            }
        });
        try {
            return session.receive(output, most);
        } catch (InterruptedException waited) {
            throw new Mismatch("nothing came within " + WAIT_SECONDS + " s");
        } catch (RemoteMediaException failure) {
            sessionErrors.put(name, failure);
            return List.of();
        } finally {
            watch.interrupt();
            watch.join();
            Thread.interrupted();
        }
    }

    private void row(Map<String, Value> row, Packet packet, int index) throws Mismatch {
        for (Map.Entry<String, Value> field : row.entrySet()) {
            Object found = switch (field.getKey()) {
                case "value" -> packet.value();
                case "pts" -> packet.pts() == null ? Value.NULL : new Value.Int(packet.pts().toNanos());
                case "duration" -> packet.duration() == null ? Value.NULL : new Value.Int(packet.duration().toNanos());
                case "seq" -> new Value.Int(packet.seq());
                case "stream" -> new Value.Int(packet.stream());
                case "output" -> new Value.Text(packet.port());
                case "item" -> new Value.Int(packet.item());
                default -> throw new Mismatch("unknown field " + field.getKey());
            };
            Value wanted = field.getKey().equals("value") ? built(field.getValue()) : field.getValue();
            same(wanted, found, field.getKey() + " of row " + index);
        }
    }

    private static void control(Session session, Value control) {
        if (control.get("flush") != null) {
            session.flush();
        } else if (control.get("at") != null) {
            session.interrupt(control.get("at").asText());
        } else if (control.get("interrupt") != null) {
            session.interrupt();
        } else {
            Value set = control.get("set");
            session.set(set.get("node").asText(), set.get("params").asMap());
        }
    }

    private void close(Fields step) throws Mismatch {
        if (step.get("pipeline") != null) {
            pipelines.remove(step.text("pipeline")).close();
        } else if (step.get("session") != null) {
            sessions.remove(step.text("session")).close();
        } else {
            runtimes.remove(step.text("runtime")).close();
        }
    }

    private void expectValues(Fields step) throws Mismatch {
        expectOutputs(step.get("outputs"));
        column(step.get("items"), packet -> new Value.Int(packet.item()), "items");
        column(step.get("pts"), packet -> nanoseconds(packet.pts()), "pts");
        column(step.get("durations"), packet -> nanoseconds(packet.duration()), "durations");
        if (step.get("skips") != null) {
            same(step.number("skips", 0), result.skips(), "skips");
        }
        if (step.get("retries") != null) {
            same(step.number("retries", 0), result.retries(), "retries");
        }
    }

    private void expectOutputs(Value outputs) throws Mismatch {
        Map<String, List<Value>> wanted = new LinkedHashMap<>();
        outputs.asMap().forEach((name, values) -> {
            if (!values.asList().isEmpty()) {
                wanted.put(name, built(values).asList());
            }
        });
        Map<String, List<Value>> found = new LinkedHashMap<>();
        result.byOutput().forEach((name, packets) -> {
            if (!packets.isEmpty()) {
                found.put(name, result.values(name));
            }
        });
        same(wanted, found, "outputs");
    }

    private void column(Value wanted, Function<Packet, Value> field, String name) throws Mismatch {
        if (wanted == null) {
            return;
        }
        for (Map.Entry<String, Value> output : wanted.asMap().entrySet()) {
            List<Value> found = result.packets(output.getKey()).stream().map(field).toList();
            same(output.getValue().asList(), found, name + " of " + output.getKey());
        }
    }

    private void expectError(Fields step) throws Mismatch {
        Throwable found = error;
        error = null;
        if (found == null) {
            throw new Mismatch("the step before did not fail");
        }
        ErrorDetail detail = found instanceof RemoteMediaException failure
                ? failure.detail()
                : new ErrorDetail(org.remotemedia.Status.CANCELLED, String.valueOf(found.getMessage()));
        Value status = step.get("status");
        List<Value> allowed = status instanceof Value.List(var several) ? several : List.of(status);
        if (!allowed.contains(new Value.Text("RM_" + detail.status()))) {
            throw new Mismatch("expected " + status + ", got " + found);
        }
        text(step, "message", detail.message());
        text(step, "cause", detail.cause());
        text(step, "cure", detail.cure());
        text(step, "node_id", detail.nodeId());
        text(step, "node_type", detail.nodeType());
        text(step, "input", detail.input());
        if (step.get("message_has") != null) {
            for (Value part : step.get("message_has").asList()) {
                if (!detail.message().contains(part.asText())) {
                    throw new Mismatch(part + " is not in " + detail.message());
                }
            }
        }
        if (step.get("item") != null) {
            same(step.number("item", 0), detail.item(), "item");
        }
        if (step.get("position_ns") != null) {
            same(step.get("position_ns"), nanoseconds(detail.position()), "position_ns");
        }
        if (step.get("chain") != null) {
            same(step.get("chain").asList().stream().map(Value::asText).toList(), detail.chain(), "chain");
        }
        if (step.get("exception") != null && found.getCause() != exceptions[(int) step.number("exception", 0)]) {
            throw new Mismatch("the cause is " + found.getCause() + ", another object");
        }
        if (step.get("problems") != null) {
            problems(step.get("problems").asList(), detail.problems());
        }
        if (step.get("errors") != null) {
            same(step.number("errors", 0), (long) ((RemoteMediaException.WithResults) found).errors().size(), "errors");
        }
        if (step.get("outputs") != null) {
            result = ((RemoteMediaException.WithResults) found).results();
            expectOutputs(step.get("outputs"));
        }
    }

    private static void text(Fields step, String name, String found) throws Mismatch {
        if (step.get(name) != null) {
            same(step.get(name).toJava(), found, name);
        }
    }

    private static void problems(List<Value> wanted, List<ErrorDetail.Problem> found) throws Mismatch {
        same(wanted.size(), found.size(), "number of problems");
        for (int index = 0; index < wanted.size(); index++) {
            ErrorDetail.Problem problem = found.get(index);
            for (Map.Entry<String, Value> field : wanted.get(index).asMap().entrySet()) {
                Object value = switch (field.getKey()) {
                    case "path" -> problem.path();
                    case "message" -> problem.message();
                    case "line" -> problem.line() == 0 ? null : (long) problem.line();
                    case "column" -> problem.column() == 0 ? null : (long) problem.column();
                    case "expected" -> problem.expected();
                    case "got" -> problem.got();
                    case "suggestion" -> problem.suggestion();
                    default -> throw new Mismatch("unknown field " + field.getKey());
                };
                same(field.getValue().toJava(), value, field.getKey() + " of problem " + index);
            }
        }
    }

    private void expectLive(Value more) throws Mismatch {
        Map<String, Value> wanted = new LinkedHashMap<>(before);
        if (more != null) {
            wanted.clear();
            more.asMap().forEach((name, number) ->
                    wanted.put(name, new Value.Int(before.get(name).asLong() + number.asLong())));
        }
        liveReaches(wanted);
    }

    private void liveReaches(Map<String, Value> wanted) throws Mismatch {
        // Runs that were waited for may still be held by the steps.
        until(
                () -> {
                    System.gc();
                    Map<String, Value> found = live();
                    return found.entrySet().containsAll(wanted.entrySet());
                },
                () -> "live objects: expected " + wanted + ", got " + live());
    }

    private void end(Map<String, Value> empty) throws Exception {
        work.values().forEach(run -> run.cancel(true));
        for (Session session : sessions.values()) {
            session.close();
        }
        own.values().forEach(node -> node.permits.release(1000));
        pipelines.values().forEach(Pipeline::close);
        result = null;
        error = null;
        work.clear();
        sessions.clear();
        pipelines.clear();
        for (String name : List.copyOf(runtimes.keySet())) {
            if (!name.isEmpty()) {
                runtimes.remove(name).close();
            }
        }
        RemoteMedia main = runtimes.get("");
        liveReaches(before);
        until(() -> main.lent() == 0, () -> main.lent() + " objects are still lent");
        main.close();
        runtimes.clear();
        liveReaches(empty);
    }

    private void closeAll() {
        sessions.values().forEach(Session::close);
        pipelines.values().forEach(Pipeline::close);
        own.values().forEach(node -> node.permits.release(1000));
        runtimes.values().forEach(RemoteMedia::close);
    }

    private Value built(Value twin) {
        return switch (twin) {
            case Value.List(List<Value> items) -> new Value.List(items.stream().map(this::built).toList());
            case Value.Map(Map<String, Value> entries) -> {
                if (entries.containsKey("$ramp")) {
                    yield new Value.Bytes(ramp(entries.get("$ramp").asLong()));
                }
                if (entries.containsKey("$lent")) {
                    yield Tensor.of(org.remotemedia.DType.UINT8, lent.get(entries.get("$lent").asText()));
                }
                if (entries.containsKey("$audio")) {
                    yield audio(entries.get("$audio"));
                }
                Map<String, Value> made = new LinkedHashMap<>();
                entries.forEach((key, value) -> made.put(key, built(value)));
                yield new Value.Map(made);
            }
            default -> twin;
        };
    }

    private Map<String, List<Value>> named(Value inputs) {
        Map<String, List<Value>> named = new LinkedHashMap<>();
        inputs.asMap().forEach((name, items) -> named.put(name, built(items).asList()));
        return named;
    }

    private static Value audio(Value fields) {
        int channels = (int) fields.get("channels").asLong();
        int frames = (int) fields.get("frames").asLong();
        float[] samples = new float[channels * frames];
        for (int index = 0; index < samples.length; index++) {
            samples[index] = index % 251 / 256f;
        }
        MemorySegment data = MemorySegment.ofArray(samples);
        long rate = fields.get("rate").asLong();
        return new Audio(rate, null, time(fields.get("pts")), channels, frames, 4L * frames, data);
    }

    private static MemorySegment ramp(long length) {
        MemorySegment memory = Arena.ofAuto().allocate(length, 64);
        for (long index = 0; index < length; index++) {
            memory.set(ValueLayout.JAVA_BYTE, index, (byte) (index % 251));
        }
        return memory;
    }

    private Value progress(String name) {
        var progress = work.containsKey(name) ? work.get(name).progress() : sessions.get(name).progress();
        Map<String, Value> fields = new LinkedHashMap<>();
        fields.put("items", new Value.Int(progress.items()));
        if (progress.media() != null) {
            fields.put("media_ns", nanoseconds(progress.media()));
        }
        return new Value.Map(fields);
    }

    private static void contained(Value part, Value whole, String where) throws Mismatch {
        if (part instanceof Value.Map(var fields) && whole instanceof Value.Map(var found)) {
            for (Map.Entry<String, Value> field : fields.entrySet()) {
                if (!found.containsKey(field.getKey())) {
                    throw new Mismatch(where + ": there is no " + field.getKey());
                }
                contained(field.getValue(), found.get(field.getKey()), where + "." + field.getKey());
            }
        } else if (part instanceof Value.List(var items) && whole instanceof Value.List(var found)) {
            same(items.size(), found.size(), "number of " + where);
            for (int index = 0; index < items.size(); index++) {
                contained(items.get(index), found.get(index), where + "[" + index + "]");
            }
        } else {
            same(part, whole, where);
        }
    }

    private static void reaches(Supplier<Integer> counter, int wanted, String what) throws Mismatch {
        until(() -> counter.get() >= wanted, () -> counter.get() + " " + what + ", expected " + wanted);
        same(wanted, counter.get(), what);
    }

    private static void until(BooleanSupplier isDone, Supplier<String> found) throws Mismatch {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_SECONDS);
        while (!isDone.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new Mismatch("after " + WAIT_SECONDS + " s: " + found.get());
            }
            try {
                Thread.sleep(2);
            } catch (InterruptedException interrupted) {
                throw new Mismatch("interrupted");
            }
        }
    }

    /** What is alive once the collector has freed what the case before it has left. */
    private static Map<String, Value> settled() throws InterruptedException {
        Map<String, Value> last = null;
        for (int round = 0; round < 100; round++) {
            System.gc();
            Thread.sleep(2);
            Map<String, Value> now = live();
            if (now.equals(last)) {
                return now;
            }
            last = now;
        }
        return last;
    }

    private static Map<String, Value> live() {
        return RemoteMedia.liveObjects();
    }

    private static Value nanoseconds(Duration time) {
        return time == null ? Value.NULL : new Value.Int(time.toNanos());
    }

    private static Duration time(Value nanoseconds) {
        return nanoseconds == null || nanoseconds == Value.NULL ? null : Duration.ofNanos(nanoseconds.asLong());
    }

    private static Duration timeout(Fields step) {
        Value given = step.get("timeout_ms");
        return given == null ? null : Duration.ofNanos((long) (given.asDouble() * 1e6));
    }

    /** The fields of a step; one that nothing has read is a mistake. */
    private static final class Fields {
        private final Map<String, Value> fields;
        private final Set<String> read = new java.util.HashSet<>();

        Fields(Map<String, Value> fields) {
            this.fields = fields;
        }

        Value get(String name) {
            read.add(name);
            return fields.get(name);
        }

        String text(String name) throws Mismatch {
            Value value = get(name);
            if (value == null) {
                throw new Mismatch("there is no " + name);
            }
            return value.asText();
        }

        String textOr(String name, String otherwise) {
            Value value = get(name);
            return value == null ? otherwise : value.asText();
        }

        long number(String name, long otherwise) {
            Value value = get(name);
            return value == null ? otherwise : value.asLong();
        }

        void close() throws Mismatch {
            Set<String> unknown = new java.util.TreeSet<>(fields.keySet());
            unknown.removeAll(read);
            if (!unknown.isEmpty()) {
                throw new Mismatch("unknown fields " + unknown);
            }
        }
    }
}
