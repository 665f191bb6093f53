package org.remotemedia.endurance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.remotemedia.Audio;
import org.remotemedia.Manifest;
import org.remotemedia.Nodes;
import org.remotemedia.Pipeline;
import org.remotemedia.RemoteMedia;
import org.remotemedia.Session;

/**
 * Sends frames of 20 ms through a session, a million or as many as a word gives, and prints the resident memory on
 * the way: it must not grow.
 */
public final class Frames {
    private static final int FRAME = 320;

    private Frames() {}

    public static void main(String[] words) throws Exception {
        long count = words.length == 0 ? 1_000_000 : Long.parseLong(words[0]);
        try (Pipeline pipeline = Pipeline.of(Manifest.chain("gain", new Nodes.AudioGain().gainDb(-6)));
                Session session = pipeline.session()) {
            Thread sender = Thread.startVirtualThread(() -> {
                try {
                    for (long number = 0; number < count; number++) {
                        session.send(Audio.of(new float[FRAME], 16_000));
                    }
                    session.finish();
                } catch (InterruptedException ended) {
                    throw new IllegalStateException(ended);
                }
            });
            long begun = System.nanoTime();
            long received = 0;
            for (var packet : session) {
                received++;
                if (received % Math.max(1, count / 10) == 0) {
                    System.out.printf("%9d frames  %6.1f MiB resident%n", received, resident() / 1024.0);
                }
            }
            sender.join();
            double seconds = (System.nanoTime() - begun) / 1e9;
            double each = seconds * 1e6 / count;
            System.out.printf("%d of %d frames in %.1f s, %.2f us each%n", received, count, seconds, each);
            System.out.println("alive: " + RemoteMedia.liveObjects() + ", lent: " + RemoteMedia.shared().lent());
            if (received != count) {
                System.exit(1);
            }
        }
    }

    private static long resident() throws IOException {
        List<String> lines = Files.readAllLines(Path.of("/proc/self/status"));
        for (String line : lines) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        return 0;
    }
}
