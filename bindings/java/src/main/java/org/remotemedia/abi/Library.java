package org.remotemedia.abi;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.NoSuchElementException;
import org.remotemedia.RemoteMediaException;
import org.remotemedia.Status;

/**
 * Finds and loads the native library, and checks its version. Loading it starts nothing, and it is never unloaded.
 *
 * <p>It looks at the path that {@code REMOTEMEDIA_LIBRARY} or the property {@code remotemedia.library} names, then
 * for a copy beside the jar ({@code lib/}) or inside it ({@code lib/<system>-<processor>/}), then where the system
 * has libraries.
 */
public final class Library {
    private static final String VARIABLE = "REMOTEMEDIA_LIBRARY";
    private static SymbolLookup loaded;

    private Library() {}

    /**
     * Loads the library at the first call.
     *
     * @throws RemoteMediaException.LibraryMissing with all the places, if none is found
     */
    public static synchronized SymbolLookup load() {
        if (loaded == null) {
            SymbolLookup found = find();
            checkVersion(found);
            loaded = found;
        }
        return loaded;
    }

    private static SymbolLookup find() {
        String named = System.getProperty("remotemedia.library", System.getenv(VARIABLE));
        if (named != null && !named.isEmpty()) {
            try {
                return SymbolLookup.libraryLookup(Path.of(named).toAbsolutePath(), Arena.global());
            } catch (IllegalArgumentException error) {
                throw missing(VARIABLE + " names " + named + ", which can't be loaded: " + error.getMessage()
                        + "; correct it, or unset it to use another copy");
            }
        }
        List<String> tried = new ArrayList<>();
        for (String name : names()) {
            for (Path folder : folders()) {
                Path path = folder.resolve(name);
                if (!Files.exists(path)) {
                    tried.add(path.toString());
                    continue;
                }
                return SymbolLookup.libraryLookup(path, Arena.global());
            }
        }
        Path unpacked = unpack(tried);
        if (unpacked != null) {
            return SymbolLookup.libraryLookup(unpacked, Arena.global());
        }
        for (String name : names()) {
            try {
                return SymbolLookup.libraryLookup(name, Arena.global());
            } catch (IllegalArgumentException error) {
                tried.add(name + " of the system");
            }
        }
        throw missing("the native library was not found; looked for " + String.join(", ", tried) + "; set " + VARIABLE
                + " to the path of " + names().getFirst());
    }

    private static void checkVersion(SymbolLookup found) {
        int version;
        try {
            MethodHandle call = Linker.nativeLinker()
                    .downcallHandle(
                            found.find("rm_abi_version").orElseThrow(), FunctionDescriptor.of(ValueLayout.JAVA_INT));
            version = (int) call.invokeExact();
        } catch (NoSuchElementException error) {
            throw missing("the library that was found has no rm_abi_version; it is another one of the same name");
        } catch (Throwable error) {
            throw new AssertionError(error);
        }
        int major = version >>> 16;
        int minor = version & 0xffff;
        if (major != Abi.ABI_MAJOR || minor < Abi.ABI_MINOR) {
            throw missing("the library has ABI " + major + "." + minor + ", this package needs " + Abi.ABI_MAJOR + "."
                    + Abi.ABI_MINOR + " or a later minor version of it; install a library of the same version as this "
                    + "package, or point " + VARIABLE + " to one");
        }
    }

    private static List<String> names() {
        String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        if (system.contains("windows")) {
            return List.of("remotemedia.dll");
        }
        if (system.contains("mac")) {
            return List.of("libremotemedia.dylib");
        }
        return List.of("libremotemedia.so." + Abi.ABI_MAJOR, "libremotemedia.so");
    }

    /** The folder {@code lib} beside the jar. */
    private static List<Path> folders() {
        CodeSource source = Library.class.getProtectionDomain().getCodeSource();
        if (source == null || source.getLocation() == null) {
            return List.of();
        }
        try {
            Path jar = Path.of(source.getLocation().toURI());
            return jar.getParent() == null ? List.of() : List.of(jar.getParent().resolve("lib"));
        } catch (URISyntaxException | IllegalArgumentException | java.nio.file.FileSystemNotFoundException error) {
            return List.of();
        }
    }

    private static Path unpack(List<String> tried) {
        String system = System.getProperty("os.name").toLowerCase(Locale.ROOT).replace(" ", "");
        String processor = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
        for (String name : names()) {
            String place = "/lib/" + system + "-" + processor + "/" + name;
            try (InputStream content = Library.class.getResourceAsStream(place)) {
                if (content == null) {
                    tried.add(place + " in the jar");
                    continue;
                }
                Path folder = Files.createTempDirectory("remotemedia");
                Path copy = folder.resolve(name);
                Files.copy(content, copy);
                copy.toFile().deleteOnExit();
                folder.toFile().deleteOnExit();
                return copy;
            } catch (IOException error) {
                throw missing("the library of the jar can't be unpacked: " + error);
            }
        }
        return null;
    }

    private static RemoteMediaException missing(String message) {
        return new RemoteMediaException.LibraryMissing(message);
    }
}
