package org.remotemedia.tests;

import static org.remotemedia.tests.Tests.check;
import static org.remotemedia.tests.Tests.same;
import static org.remotemedia.tests.Tests.until;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.remotemedia.RemoteMedia;
import org.remotemedia.Value;

/** The examples, which are in no package: by reflection. They need the recording of the repository. */
final class ExampleTests {
    private ExampleTests() {}

    static void speechPrintsEachWindow() throws Exception {
        PrintStream before = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
        try {
            String[] words = {root().resolve("examples/speech.yaml").toString(), recording().toString()};
            Class.forName("Speech").getMethod("main", String[].class).invoke(null, (Object) words);
        } finally {
            System.setOut(before);
        }
        String text = printed.toString(StandardCharsets.UTF_8);
        check(text.contains("   7.0 s   -43.4 dBFS"), text);
        check(text.endsWith("71 windows of 100 ms" + System.lineSeparator()), text);
    }

    static void theServiceCutsUploads() throws Exception {
        try (AutoCloseable service = service();
                HttpClient client = HttpClient.newHttpClient()) {
            URI address = URI.create("http://127.0.0.1:" + port(service) + "/");
            HttpRequest upload = HttpRequest.newBuilder(address)
                    .POST(BodyPublishers.ofFile(recording()))
                    .build();
            HttpResponse<String> response = client.send(upload, BodyHandlers.ofString());
            same(200, response.statusCode());
            Value segment = RemoteMedia.fromJson(response.body().strip());
            check(segment.get("start_s").asDouble() < 1 && segment.get("end_s").asDouble() > 6, segment);
            HttpRequest text = HttpRequest.newBuilder(address)
                    .POST(BodyPublishers.ofString("no recording".repeat(100)))
                    .build();
            check(client.send(text, BodyHandlers.ofString()).body().contains("\"error\":"), "the error is a line");
        }
    }

    static void anUploadThatBreaksOffLeavesNothing() throws Exception {
        long before = sessions();
        try (AutoCloseable service = service()) {
            byte[] content = Files.readAllBytes(recording());
            try (Socket socket = new Socket("127.0.0.1", port(service))) {
                String head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + content.length + "\r\n\r\n";
                socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
                socket.getOutputStream().write(Arrays.copyOf(content, content.length / 2));
                until(() -> sessions() > before, "its session is open");
            }
            until(() -> sessions() == before, "its session is closed");
        }
    }

    private static long sessions() {
        return RemoteMedia.liveObjects().get("sessions").asLong();
    }

    private static AutoCloseable service() throws ReflectiveOperationException {
        return (AutoCloseable) Class.forName("Service").getConstructor(int.class).newInstance(0);
    }

    private static int port(AutoCloseable service) throws ReflectiveOperationException {
        return (int) service.getClass().getMethod("port").invoke(service);
    }

    private static Path recording() {
        return root().resolve("examples/speech.flac");
    }

    private static Path root() {
        for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
            if (Files.exists(folder.resolve("examples/speech.flac"))) {
                return folder;
            }
        }
        throw new IllegalStateException("run this in the repository: there is no examples/speech.flac");
    }
}
