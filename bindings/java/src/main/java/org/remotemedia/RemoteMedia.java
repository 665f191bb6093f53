package org.remotemedia;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.Cleaner;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.remotemedia.abi.CallBuffers;
import org.remotemedia.abi.Documents;
import org.remotemedia.abi.Library;
import org.remotemedia.abi.Native;
import org.remotemedia.codec.Utf8;
import org.remotemedia.engine.NativeRuntime;

/**
 * A runtime: the threads that pipelines run on, and their limits. One for each process will do: {@link #shared}.
 *
 * <p>Any thread may use it, virtual ones too. Nothing of it keeps the program from ending.
 */
public final class RemoteMedia implements AutoCloseable {
    static final Cleaner CLEANER = Cleaner.create(Thread.ofPlatform().daemon().name("remotemedia-cleaner").factory());
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    final NativeRuntime runtime;

    private static final class Shared {
        static final RemoteMedia RUNTIME = open();
    }

    private RemoteMedia(Map<String, ?> config) {
        Library.load();
        NativeRuntime made = new NativeRuntime(config);
        runtime = made;
        CLEANER.register(this, made::abandon);
    }

    /** The runtime of this process, made at its first use, which lives as long as the process. */
    public static RemoteMedia shared() {
        Library.load();
        return Shared.RUNTIME;
    }

    /** A runtime of its own with all defaults. */
    public static RemoteMedia open() {
        return new RemoteMedia(Map.of());
    }

    /**
     * A runtime with a config: {@code workers}, {@code nice}, {@code limits}, see docs/abi.md.
     *
     * <p>{@code nice} is how far the worker threads step back for other threads: 0, which is the default, to 19 steps
     * of the system's nice value above that of the process. Other than 0 on Linux only.
     */
    public static RemoteMedia open(Map<String, ?> config) {
        return new RemoteMedia(config);
    }

    /**
     * Compiles a pipeline from the text of a manifest, YAML or JSON.
     *
     * @param nodes the node types in it that this program runs itself, each with another name
     * @throws ManifestException with everything that is wrong
     */
    public Pipeline pipeline(String manifest, HostNode... nodes) {
        return new Pipeline(this, Utf8.encode(manifest, "manifest"), HostNode.byType(Map.of(), nodes));
    }

    /** The same from a file. @throws UncheckedIOException if it can't be read */
    public Pipeline pipeline(Path manifest, HostNode... nodes) {
        try {
            return new Pipeline(this, Files.readAllBytes(manifest), HostNode.byType(Map.of(), nodes));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** The same from a manifest that was built, with the node types that it has of {@link Node#of(HostNode)}. */
    public Pipeline pipeline(Manifest manifest, HostNode... nodes) {
        return new Pipeline(
                this, NativeRuntime.encoded(manifest.toMap()), HostNode.byType(manifest.hostNodes(), nodes));
    }

    /** The same from a manifest as a map. */
    public Pipeline pipeline(Map<String, ?> manifest, HostNode... nodes) {
        return new Pipeline(this, NativeRuntime.encoded(manifest), HostNode.byType(Map.of(), nodes));
    }

    /**
     * What this runtime knows: {@code version}, {@code nodes} with their params as JSON Schemas,
     * {@code manifest_schema}.
     */
    public Value describe() {
        return runtime.describe();
    }

    /**
     * Ends all work, and waits until no lent memory is used any more. May be called again.
     *
     * @param patience how long to wait; 0 and below: not at all
     * @return whether everything has ended within the time
     */
    public boolean shutdown(Duration patience) {
        return runtime.shutdown(patience);
    }

    /** Shuts down, waits up to ten seconds until everything has ended, and frees it. May be called again. */
    @Override
    public void close() {
        runtime.close(PATIENCE);
    }

    /** How many objects of ours the runtime still has: memory that is lent, exceptions, node types. */
    public int lent() {
        if (!runtime.handle().isClosed()) {
            runtime.takeReleased();
        }
        return runtime.loans().size();
    }

    /** Whether memory is lent at this time. */
    public boolean isLent(java.lang.foreign.MemorySegment memory) {
        return runtime.loans().holds(memory);
    }

    /** The version of the native library. */
    public static String version() {
        Library.load();
        return CallBuffers.text(Native.rm_version());
    }

    /** How the native library was built. */
    public static Value buildInfo() {
        Library.load();
        return fromJson(CallBuffers.text(Native.rm_build_info()));
    }

    /** How many native objects of each kind are alive in this process. */
    public static Map<String, Value> liveObjects() {
        Library.load();
        CallBuffers call = CallBuffers.acquire();
        try {
            call.check(Native.rm_live_objects(call.output(), call.error()), null);
            return call.result(null).value().asMap();
        } finally {
            call.release();
        }
    }

    /** The value of which this is the JSON twin, see docs/wire.md. */
    public static Value fromJson(String text) {
        return Documents.fromJson(Utf8.encode(text, "text")).value();
    }

    /** The JSON twin of a value, on one line. */
    public static String toJson(Object value) {
        return Documents.toJson(document -> document.value(value, "value"));
    }

    /**
     * Audio of interleaved little-endian PCM.
     *
     * @param format {@code u8}, {@code s16}, {@code s24}, {@code s32}, {@code f32}, {@code mulaw} or {@code alaw}
     */
    public static Audio fromPcm(byte[] pcm, String format, int rate, int channels) {
        return (Audio) Documents.fromPcm(pcm, format, rate, channels).value();
    }

    /** The samples of audio as interleaved little-endian PCM, rounded to nearest and saturated. */
    public static byte[] toPcm(Audio audio, String format) {
        Value.Bytes pcm = (Value.Bytes) Documents.toPcm(document -> document.value(audio, "audio"), format).value();
        return pcm.toArray();
    }

    /** The ABI of the library as {@code major << 16 | minor}: the cheapest call there is, for measurements. */
    static int abiVersion() {
        return Native.rm_abi_version();
    }
}
