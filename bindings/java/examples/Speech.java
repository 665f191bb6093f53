import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.remotemedia.ErrorDetail;
import org.remotemedia.ManifestException;
import org.remotemedia.Packet;
import org.remotemedia.Pipeline;
import org.remotemedia.Value;

/**
 * Runs a manifest on a recording, and prints its level every 100 ms:
 *
 * <pre>python3 make.py run build Speech ../../examples/speech.yaml ../../examples/speech.flac</pre>
 */
public final class Speech {
    private Speech() {}

    public static void main(String[] words) throws InterruptedException {
        if (words.length != 2) {
            System.err.println("usage: Speech MANIFEST RECORDING");
            System.exit(2);
        }
        try (Pipeline pipeline = Pipeline.load(Path.of(words[0]))) {
            List<Packet> windows = pipeline.execute(List.of(Path.of(words[1]))).packets("level");
            for (Packet window : windows) {
                Value level = window.value();
                System.out.printf(
                        Locale.ROOT,
                        "%6.1f s %7.1f dBFS%n",
                        window.pts().toMillis() / 1e3, level.get("rms_db").asDouble());
            }
            System.out.println(windows.size() + " windows of 100 ms");
        } catch (ManifestException error) {
            for (ErrorDetail.Problem problem : error.problems()) {
                System.err.println(words[0] + ":" + problem.line() + ":" + problem.column() + ": " + problem.message());
            }
            System.exit(1);
        }
    }
}
