package org.remotemedia.tests;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/**
 * Runs every test: each package-private static method without arguments of the classes below. Words choose by part of
 * the name.
 */
public final class Tests {
    private static final List<Class<?>> CLASSES = List.of(
            ValueTests.class,
            RunTests.class,
            ErrorTests.class,
            SessionTests.class,
            HostNodeTests.class,
            MemoryTests.class,
            CancelTests.class,
            ShutdownTests.class,
            ExampleTests.class,
            LibraryTests.class);
    private static final long TEST_SECONDS = 60;

    private Tests() {}

    /** Something that may throw. */
    @FunctionalInterface
    interface Action {
        /** Does it. */
        void run() throws Exception;
    }

    public static void main(String[] words) throws InterruptedException {
        int failed = 0;
        int passed = 0;
        for (Class<?> each : CLASSES) {
            List<Method> methods = new ArrayList<>(Arrays.asList(each.getDeclaredMethods()));
            methods.sort(Comparator.comparing(Method::getName));
            for (Method method : methods) {
                String name = each.getSimpleName() + "." + method.getName();
                boolean isTest = Modifier.isStatic(method.getModifiers())
                        && !Modifier.isPrivate(method.getModifiers())
                        && !method.isSynthetic()
                        && method.getParameterCount() == 0;
                if (!isTest || words.length > 0 && Arrays.stream(words).noneMatch(name::contains)) {
                    continue;
                }
                Throwable error = run(method);
                if (error == null) {
                    passed++;
                    System.out.println("ok " + name);
                } else {
                    failed++;
                    System.out.println("FAIL " + name);
                    error.printStackTrace(System.out);
                }
            }
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 && passed > 0 ? 0 : 1);
    }

    private static Throwable run(Method method) throws InterruptedException {
        FutureTask<Object> task = new FutureTask<>(() -> method.invoke(null));
        Thread thread = Thread.ofPlatform().daemon().name(method.getName()).start(task);
        try {
            task.get(TEST_SECONDS, TimeUnit.SECONDS);
            return null;
        } catch (TimeoutException timeout) {
            AssertionError hung = new AssertionError("it did not end within " + TEST_SECONDS + " s");
            hung.setStackTrace(thread.getStackTrace());
            return hung;
        } catch (ExecutionException error) {
            Throwable thrown = error.getCause();
            return thrown instanceof InvocationTargetException invoked ? invoked.getCause() : thrown;
        }
    }

    static void same(Object expected, Object found) {
        if (!Objects.equals(expected, found)) {
            throw new AssertionError("expected " + expected + ", got " + found);
        }
    }

    static void check(boolean condition, Object what) {
        if (!condition) {
            throw new AssertionError(String.valueOf(what));
        }
    }

    static <E extends Throwable> E fails(Class<E> type, Action action) {
        try {
            action.run();
        } catch (Throwable thrown) {
            if (type.isInstance(thrown)) {
                return type.cast(thrown);
            }
            throw new AssertionError("expected " + type.getName() + ", got " + thrown, thrown);
        }
        throw new AssertionError("expected " + type.getName() + ", nothing was thrown");
    }

    /** Waits for something that another thread does. */
    static void until(BooleanSupplier condition, Object what) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("it did not come true: " + what);
            }
            Thread.sleep(1);
        }
    }
}
