package org.remotemedia.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.remotemedia.Audio;
import org.remotemedia.Packet;
import org.remotemedia.Pipeline;
import org.remotemedia.RemoteMedia;
import org.remotemedia.Session;

/**
 * Sends frames of 20 ms through one session, and prints the memory of the process on the way, as one JSON map:
 * {@code frames SUITE [COUNT]}, see {@code tests/conformance/README.md}.
 */
public final class Frames {
    private static final int TENTHS = 10;

    private Frames() {}

    public static void main(String[] words) throws Exception {
        long frames = words.length < 2 ? 1_000_000 : Long.parseLong(words[1]);
        List<Long> resident = new ArrayList<>();
        long received = 0;
        try (Pipeline pipeline = Pipeline.load(Path.of(words[0], "bench", "frames.json"));
                Session session = pipeline.session()) {
            Thread sender = Thread.startVirtualThread(() -> {
                try {
                    for (long number = 1; number <= frames; number++) {
                        session.send(Audio.of(new float[8][960], 48_000));
                        if (number == frames * (resident.size() + 1) / TENTHS) {
                            resident.add(residentKib());
                        }
                    }
                    session.finish();
                } catch (InterruptedException | IOException ended) {
                    throw new IllegalStateException(ended);
                }
            });
            for (Packet packet : session) {
                received++;
            }
            sender.join();
        }
        // What the last frames lent comes back by the port.
        for (int tries = 0; RemoteMedia.shared().lent() > 0 && tries < 5000; tries++) {
            Thread.sleep(1);
        }
        System.out.printf(
                "{\"sent\": %d, \"resident_kib\": %s, \"received\": %d, \"lent\": %d}%n",
                frames,
                resident,
                received,
                RemoteMedia.shared().lent());
    }

    private static long residentKib() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        return 0;
    }
}
