package org.remotemedia.tests;

import static org.remotemedia.tests.Tests.check;
import static org.remotemedia.tests.Tests.fails;
import static org.remotemedia.tests.Tests.same;

import java.util.List;
import org.remotemedia.ErrorDetail;
import org.remotemedia.HostNode;
import org.remotemedia.ManifestException;
import org.remotemedia.NodeException;
import org.remotemedia.Pipeline;
import org.remotemedia.RemoteMedia;
import org.remotemedia.RemoteMediaException;
import org.remotemedia.SessionOptions;
import org.remotemedia.Status;

/** Errors: a class for each status, all fields, and the host's own exceptions. */
final class ErrorTests {
    private ErrorTests() {}

    static void manifestsReportEveryProblem() {
        String manifest = """
                version: v1
                nodes:
                  - id: one
                    node_type: Calculatr
                  - id: two
                    node_type: Calculator
                    params:
                      operation: add
                      operand: "five"
                """;
        ManifestException error = fails(ManifestException.class, () -> Pipeline.of(manifest));
        same(Status.INVALID_MANIFEST, error.status());
        same(2, error.problems().size());
        ErrorDetail.Problem first = error.problems().get(0);
        same("nodes[0].node_type", first.path());
        same(4, first.line());
        same(16, first.column());
        check(first.suggestion().contains("Calculator"), first.suggestion());
        same("a number", error.problems().get(1).expected());
    }

    static void aNodeThatFailsIsNamed() {
        try (Pipeline add = Pipeline.of(Manifests.add(1))) {
            NodeException error = fails(NodeException.class, () -> add.execute(List.of(1, "two", 3)));
            same("add", error.nodeId());
            same("Calculator", error.nodeType());
            same(1L, error.item());
            check(error.detail().cure() != null, "the error has a cure");
            check(error.getMessage().contains("node 'add' (Calculator), input 1: "), error);
            check(error.getCause() == null, "no exception of the host was the cause");
        }
    }

    static void theHostsExceptionIsTheCause() throws Exception {
        RemoteMedia runtime = RemoteMedia.open();
        List<Throwable> all = List.of(new IllegalStateException("mine"), new Exception(), new StackOverflowError());
        for (Throwable thrown : all) {
            HostNode own = HostNode.map("Own", value -> {
                if (thrown instanceof Error fatal) {
                    throw fatal;
                }
                throw (Exception) thrown;
            });
            try (Pipeline pipeline = runtime.pipeline(Manifests.own(), own)) {
                NodeException error = fails(NodeException.class, () -> pipeline.execute(List.of(1)));
                check(error.getCause() == thrown, error.getCause());
                same("own", error.nodeId());
                check(error.getMessage().contains(thrown.getClass().getName()), error.getMessage());
            }
        }
        Tests.until(() -> runtime.lent() == 0, "neither exceptions nor functions are kept");
        runtime.close();
    }

    static void causesOfTheCauseAreListed() {
        HostNode own = HostNode.map("Own", value -> {
            throw new IllegalStateException("outer", new java.io.IOException("inner"));
        });
        try (Pipeline pipeline = Pipeline.of(Manifests.own(), own)) {
            NodeException error = fails(NodeException.class, () -> pipeline.execute(List.of(1)));
            same(List.of("java.io.IOException: inner"), error.detail().chain());
        }
    }

    static void closedObjectsAreGone() {
        Pipeline add = Pipeline.of(Manifests.add(1));
        add.close();
        add.close();
        same("the pipeline is closed", fails(RemoteMediaException.Gone.class, () -> add.execute(List.of(1)))
                .getMessage());
    }

    static void wrongConfigsAndOptionsAreRefused() {
        fails(RemoteMediaException.class, () -> RemoteMedia.open(java.util.Map.of("wrokers", 2)));
        try (Pipeline add = Pipeline.of(Manifests.add(1))) {
            fails(RemoteMediaException.class, () -> add.session(
                    SessionOptions.of(java.util.Map.of("no_such_option", true))));
            fails(RemoteMediaException.class, () -> add.session(SessionOptions.DEFAULT.outputs("none")));
        }
    }

    static void everyStatusHasAName() {
        for (Status status : Status.values()) {
            same(status, Status.of(status.code()));
            RemoteMediaException error = RemoteMediaException.of(new ErrorDetail(status, "text"));
            same(status, error.status());
        }
    }
}
