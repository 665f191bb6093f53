package org.remotemedia.abi;

import java.nio.charset.StandardCharsets;
import org.remotemedia.codec.Decoder;
import org.remotemedia.codec.Encoder;

/** What the library does with documents alone: their JSON twins, and PCM. Nothing is lent by these calls. */
public final class Documents {
    private Documents() {}

    /** What writes a document into an encoder. */
    @FunctionalInterface
    public interface Writer {
        /** Writes it. */
        void write(Encoder document);
    }

    /** The JSON twin of a document. */
    public static String toJson(Writer document) {
        Library.load();
        CallBuffers call = CallBuffers.acquire();
        try {
            document.write(call.encoder());
            call.check(
                    Native.rm_document_to_json(
                            call.document(),
                            call.length(),
                            call.table(null),
                            call.tableLength(),
                            0,
                            call.output(),
                            call.error()),
                    null);
            return call.result(null).whole();
        } finally {
            call.release();
        }
    }

    /** The document of which this is the JSON twin. */
    public static Decoder fromJson(byte[] text) {
        Library.load();
        CallBuffers call = CallBuffers.acquire();
        try {
            call.encoder().raw(text, 0, text.length);
            call.check(
                    Native.rm_document_from_json(call.document(), call.length(), 0, 0, call.output(), call.error()),
                    null);
            return call.result(null);
        } finally {
            call.release();
        }
    }

    /** A document with audio, of interleaved PCM. */
    public static Decoder fromPcm(byte[] pcm, String format, int rate, int channels) {
        Library.load();
        CallBuffers call = CallBuffers.acquire();
        CallBuffers name = named(format);
        try {
            call.encoder().raw(pcm, 0, pcm.length);
            call.check(
                    Native.rm_audio_from_pcm(
                            call.document(),
                            call.length(),
                            name.document(),
                            name.length(),
                            rate,
                            channels,
                            call.output(),
                            call.error()),
                    null);
            return call.result(null);
        } finally {
            name.release();
            call.release();
        }
    }

    /** A document with bytes: interleaved PCM of audio. */
    public static Decoder toPcm(Writer audio, String format) {
        Library.load();
        CallBuffers call = CallBuffers.acquire();
        CallBuffers name = named(format);
        try {
            audio.write(call.encoder());
            call.check(
                    Native.rm_audio_to_pcm(
                            call.document(),
                            call.length(),
                            call.table(null),
                            call.tableLength(),
                            name.document(),
                            name.length(),
                            call.output(),
                            call.error()),
                    null);
            return call.result(null);
        } finally {
            name.release();
            call.release();
        }
    }

    private static CallBuffers named(String format) {
        CallBuffers name = CallBuffers.acquire();
        byte[] text = format.getBytes(StandardCharsets.UTF_8);
        name.encoder().raw(text, 0, text.length);
        return name;
    }
}
