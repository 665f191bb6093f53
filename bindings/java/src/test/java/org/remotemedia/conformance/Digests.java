package org.remotemedia.conformance;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import org.remotemedia.Pipeline;
import org.remotemedia.RemoteMedia;
import org.remotemedia.Value;

/** Manifests whose outputs have the same SHA-256 in every language. */
final class Digests {
    private Digests() {}

    static void run(String name, Value file, Path root) throws Exception {
        byte[] content = Files.readAllBytes(root.resolve(file.get("input").asText()));
        try (Pipeline pipeline = RemoteMedia.shared().pipeline(file.get("manifest").asMap())) {
            List<Value> values = pipeline.execute(List.of(new Value.File(content))).values(file.get("output").asText());
            byte[] text = RemoteMedia.toJson(values).getBytes(StandardCharsets.UTF_8);
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text);
            System.out.println("digest " + name + " " + HexFormat.of().formatHex(digest));
        }
    }
}
