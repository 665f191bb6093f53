package org.remotemedia.tests;

import static org.remotemedia.tests.Tests.check;
import static org.remotemedia.tests.Tests.same;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.remotemedia.RemoteMedia;

/** Finding the library, in processes of their own. */
final class LibraryTests {
    private LibraryTests() {}

    static void theVersionIsThere() {
        check(RemoteMedia.version().matches("\\d+\\.\\d+\\.\\d+.*"), RemoteMedia.version());
        same(RemoteMedia.version(), RemoteMedia.buildInfo().get("version").asText());
    }

    static void aWrongPathIsNamedWithItsCure() throws Exception {
        String output = run("REMOTEMEDIA_LIBRARY", "/no/such/library.so");
        check(output.contains("REMOTEMEDIA_LIBRARY names /no/such/library.so"), output);
        check(output.contains("unset it"), output);
    }

    static void allPlacesAreNamedWhereNoneHasIt() throws Exception {
        String output = run("REMOTEMEDIA_LIBRARY", "");
        check(output.contains("the native library was not found; looked for "), output);
        check(output.contains("set REMOTEMEDIA_LIBRARY to the path"), output);
    }

    static void anotherLibraryIsRefused() throws Exception {
        Path libc = Path.of("/lib/x86_64-linux-gnu/libc.so.6");
        if (Files.exists(libc)) {
            String output = run("REMOTEMEDIA_LIBRARY", libc.toString());
            check(output.contains("has no rm_abi_version"), output);
        }
    }

    private static String run(String variable, String value) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Asks.class.getName()));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put(variable, value);
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        check(process.waitFor(30, TimeUnit.SECONDS), "it ends");
        return output;
    }

    /** A program that asks for the version. */
    static final class Asks {
        private Asks() {}

        public static void main(String[] words) {
            System.out.println(RemoteMedia.version());
        }
    }
}
