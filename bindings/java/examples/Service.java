import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import org.remotemedia.Audio;
import org.remotemedia.Manifest;
import org.remotemedia.Nodes;
import org.remotemedia.Packet;
import org.remotemedia.Pipeline;
import org.remotemedia.RemoteMedia;
import org.remotemedia.RemoteMediaException;
import org.remotemedia.Session;
import org.remotemedia.Value;

/**
 * Cuts uploads into the segments in which somebody speaks:
 *
 * <pre>
 * python3 make.py run build Service 8080 &amp;
 * curl -T ../../examples/speech.flac http://127.0.0.1:8080/
 * </pre>
 *
 * <p>Each segment is one line of JSON, written as soon as it is known. An upload is decoded while it arrives, so
 * memory stays flat however long it is. Each request has a virtual thread, and a second one that reads its body.
 */
public final class Service implements AutoCloseable {
    private static final int PIECE = 8 * 1024;

    private final Pipeline pipeline = Pipeline.of(Manifest.chain(
            "segments",
            new Nodes.AudioDecode(),
            new Nodes.AudioMix(1),
            // The bound of a segment is the bound of memory.
            new Nodes.SpeechSegments().maxSpeechDurationS(30)));
    private final HttpServer server;

    /** Listens at a port of this machine; 0 is any free one. */
    public Service(int port) throws IOException {
        server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", this::serve);
        server.start();
    }

    /** The port. */
    public int port() {
        return server.getAddress().getPort();
    }

    @Override
    public void close() {
        server.stop(0);
        pipeline.close();
    }

    public static void main(String[] words) throws IOException {
        Service service = new Service(words.length == 0 ? 8080 : Integer.parseInt(words[0]));
        Runtime.getRuntime().addShutdownHook(new Thread(service::close));
        System.out.println("listening at http://127.0.0.1:" + service.port() + "/");
    }

    private void serve(HttpExchange exchange) throws IOException {
        try (exchange) {
            if (!exchange.getRequestMethod().matches("POST|PUT")) {
                exchange.sendResponseHeaders(405, -1);
                return;
            }
            exchange.getResponseHeaders().set("Content-Type", "application/x-ndjson");
            exchange.sendResponseHeaders(200, 0);
            try (Session session = pipeline.session();
                    OutputStream lines = exchange.getResponseBody()) {
                Thread upload = Thread.startVirtualThread(() -> send(exchange.getRequestBody(), session));
                try {
                    for (Packet packet : session) {
                        write(lines, segment(packet.value()));
                    }
                } catch (RemoteMediaException error) {
                    write(lines, Map.of("error", error.getMessage()));
                } finally {
                    upload.interrupt();
                }
            }
        }
    }

    /**
     * Sends a body in pieces, as fast as they are decoded. A body that breaks off is no recording: its session is
     * cancelled.
     */
    private static void send(InputStream body, Session session) {
        byte[] piece = new byte[PIECE];
        try {
            for (int count = body.read(piece); count >= 0; count = body.read(piece)) {
                // So small that it is copied as it is sent: one array will do.
                session.send(count == PIECE ? piece : Arrays.copyOf(piece, count));
            }
            session.finish();
        } catch (IOException | InterruptedException broken) {
            session.cancel();
        } catch (RemoteMediaException ended) {
            // The thread that receives gets the error.
        }
    }

    private static Map<String, Object> segment(Value value) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("start_s", value.get("start_s"));
        line.put("end_s", value.get("end_s"));
        Audio audio = (Audio) value.get("audio");
        line.put("samples", audio.frames());
        line.put("rate", audio.rate());
        return line;
    }

    private static void write(OutputStream lines, Map<String, Object> line) throws IOException {
        lines.write((RemoteMedia.toJson(line) + "\n").getBytes(StandardCharsets.UTF_8));
        lines.flush();
    }
}
