package org.remotemedia.exits;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.remotemedia.HostNode;
import org.remotemedia.Manifest;
import org.remotemedia.Node;
import org.remotemedia.Nodes;
import org.remotemedia.Pipeline;
import org.remotemedia.RemoteMedia;
import org.remotemedia.Run;
import org.remotemedia.Session;

/**
 * Ends the process in a named way while work is under way: {@code tests/conformance/README.md} lists the ways. It
 * must end with the status of the way, silent, and soon.
 */
public final class Exits {
    private Exits() {}

    public static void main(String[] words) throws Exception {
        String way = words[0];
        if (way.equals("handler")) {
            // Registered before the library is loaded.
            Runtime.getRuntime().addShutdownHook(new Thread(Exits::useAgain));
        }
        RemoteMedia runtime = RemoteMedia.open();
        Pipeline sources = runtime.pipeline(endless());
        CountDownLatch begun = new CountDownLatch(1);
        HostNode own = HostNode.map("Own", value -> {
            begun.countDown();
            Thread.sleep(Long.MAX_VALUE);
            return value;
        });
        Pipeline node = runtime.pipeline(Manifest.chain("own", Node.of("Own")), own);
        List<Run> runs = new ArrayList<>();
        for (int number = 0; number < 10; number++) {
            runs.add(sources.executeAsync());
        }
        runs.add(node.executeAsync(List.of(1)));
        Session session = runtime.pipeline(Manifest.chain("same", new Nodes.PassThrough())).session();
        session.send(new byte[100_000]);
        begun.await();
        if (way.startsWith("thousand-")) {
            aThousandThreads(runtime);
            way = way.substring("thousand-".length());
        }
        switch (way) {
            case "return" -> {}
            case "exit" -> {
                Thread.ofPlatform().start(() -> System.exit(3));
                Thread.sleep(Long.MAX_VALUE);
            }
            case "quick" -> Runtime.getRuntime().halt(4);
            case "handler" -> System.exit(0);
            case "static" -> {
                Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                    session.close();
                    sources.close();
                    node.close();
                    runtime.close();
                }));
                System.exit(0);
            }
            case "uncaught" -> throw new Uncaught();
            case "signal" -> {
                // The process sends SIGTERM to itself; the main thread is in a blocking call.
                new ProcessBuilder("kill", "-TERM", String.valueOf(ProcessHandle.current().pid())).start();
                sources.execute();
            }
            case "worker" -> {
                Thread worker = Thread.ofPlatform().start(() -> {
                    try (RemoteMedia other = RemoteMedia.open();
                            Pipeline pipeline = other.pipeline(endless())) {
                        pipeline.execute();
                    } catch (InterruptedException ended) {
                        // By the main thread.
                    }
                });
                while (worker.getState() != Thread.State.WAITING) {
                    Thread.onSpinWait();
                }
                worker.interrupt();
                worker.join();
            }
            case "closed" -> {
                session.close();
                runtime.close();
            }
            default -> throw new IllegalArgumentException(way);
        }
    }

    /** Virtual threads that run, send and receive until the process ends. */
    private static void aThousandThreads(RemoteMedia runtime) throws InterruptedException {
        Pipeline add = runtime.pipeline(Manifest.chain("add", new Nodes.Calculator(Nodes.Calculator.Operation.ADD, 1)));
        Pipeline own = runtime.pipeline(Manifest.chain("same", Node.of("Same")), HostNode.map("Same", value -> value));
        CountDownLatch running = new CountDownLatch(1000);
        for (int number = 0; number < 1000; number++) {
            Pipeline pipeline = number % 2 == 0 ? add : own;
            Thread.startVirtualThread(() -> {
                try {
                    while (true) {
                        pipeline.execute(List.of(1, 2, 3));
                        running.countDown();
                    }
                } catch (InterruptedException | RuntimeException ended) {
                    // The runtime was shut down.
                }
            });
        }
        running.await();
    }

    private static Manifest endless() {
        return Manifest.chain("long", new Nodes.NoiseSource().durationS(86_400), new Nodes.Loudness());
    }

    private static void useAgain() {
        try (RemoteMedia late = RemoteMedia.open();
                Pipeline same = late.pipeline(Manifest.chain("same", new Nodes.PassThrough()))) {
            same.execute(List.of(1));
            same.executeAsync(List.of(new byte[100_000])).join();
        } catch (InterruptedException error) {
            Runtime.getRuntime().halt(9);
        }
    }

    /** Ends the main thread; without a handler Java prints it, and the status is 1. */
    private static final class Uncaught extends RuntimeException {
        private static final long serialVersionUID = 1;

        Uncaught() {
            super("nothing catches this");
        }
    }
}
