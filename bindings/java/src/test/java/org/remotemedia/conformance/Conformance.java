package org.remotemedia.conformance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.remotemedia.MarshalException;
import org.remotemedia.RemoteMedia;
import org.remotemedia.Value;

/** The conformance runner of Java: {@code tests/conformance/README.md} describes its output. */
public final class Conformance {
    private static final long CASE_SECONDS = 60;

    private Conformance() {}

    /** One case. */
    @FunctionalInterface
    interface Case {
        /** Runs it. @throws Skip if Java can't; anything else is a failure */
        void run() throws Exception;
    }

    /** What was expected, and what was there. */
    static final class Mismatch extends Exception {
        private static final long serialVersionUID = 1;

        Mismatch(String message) {
            super(message);
        }
    }

    /** Why a case can't be run. */
    static final class Skip extends Exception {
        private static final long serialVersionUID = 1;

        Skip(String message) {
            super(message);
        }
    }

    public static void main(String[] words) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(words));
        boolean isList = arguments.remove("--list");
        Path suite = Path.of(arguments.removeFirst());
        Map<String, Case> cases = new TreeMap<>();
        Vectors.addTo(cases, Json.read(Files.readString(suite.resolve("vectors.json"))));
        for (Path file : files(suite.resolve("scenarios"))) {
            String name = suite.resolve("scenarios").relativize(file).toString().replace('\\', '/');
            cases.put("scenario/" + name.substring(0, name.length() - 5), () -> Player.play(read(file)));
        }
        for (Path file : files(suite.resolve("digests"))) {
            String name = "digest/" + file.getFileName().toString().replace(".json", "");
            Path root = suite.toAbsolutePath().normalize().getParent().getParent();
            cases.put(name, () -> Digests.run(name, read(file), root));
        }
        if (isList) {
            cases.keySet().forEach(System.out::println);
            return;
        }
        boolean failed = false;
        for (String name : arguments.isEmpty() ? cases.keySet() : arguments) {
            Case each = cases.get(name);
            failed |= !run(name, each != null ? each : () -> { throw new Mismatch("there is no such case"); });
        }
        System.exit(failed ? 1 : 0);
    }

    private static boolean run(String name, Case each) throws InterruptedException {
        FutureTask<Void> task = new FutureTask<>(() -> {
            each.run();
            return null;
        });
        Thread.ofPlatform().daemon().start(task);
        Throwable error;
        try {
            task.get(CASE_SECONDS, TimeUnit.SECONDS);
            System.out.println("ok " + name);
            return true;
        } catch (TimeoutException timeout) {
            error = new Mismatch("it does not end");
        } catch (ExecutionException thrown) {
            error = thrown.getCause();
        }
        if (error instanceof Skip) {
            System.out.println("skip " + name + ": " + error.getMessage());
            return true;
        }
        if (!(error instanceof Mismatch)) {
            error.printStackTrace();
        }
        String message = error instanceof Mismatch ? error.getMessage() : error.toString();
        System.out.println("FAIL " + name + ": " + message.replace('\n', ' '));
        return false;
    }

    private static Value read(Path file) throws IOException {
        String text = Files.readString(file);
        try {
            return RemoteMedia.fromJson(text);
        } catch (MarshalException tooDeep) {
            // A scenario about the limit on depth, which has no tagged objects.
            return Json.read(text);
        }
    }

    private static List<Path> files(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (var found = Files.walk(folder)) {
            return found.filter(file -> file.toString().endsWith(".json")).sorted().toList();
        }
    }

    static void same(Object expected, Object found, String where) throws Mismatch {
        if (!java.util.Objects.equals(expected, found)) {
            throw new Mismatch(where + ": expected " + shortened(expected) + ", got " + shortened(found));
        }
    }

    private static String shortened(Object object) {
        String text = String.valueOf(object);
        return text.length() > 200 ? text.substring(0, 200) + "..." : text;
    }
}
