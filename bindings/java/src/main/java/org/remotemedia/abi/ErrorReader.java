package org.remotemedia.abi;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.remotemedia.ErrorDetail;
import org.remotemedia.RemoteMediaException;
import org.remotemedia.Status;
import org.remotemedia.Value;
import org.remotemedia.codec.Decoder;
import org.remotemedia.codec.Limits;

/** Errors of the library as exceptions: the detail of an {@code rm_error}, or one inside a completion. */
public final class ErrorReader {
    private ErrorReader() {}

    /**
     * The exception of an error, which is freed. The objects that it names are looked up before they are released.
     */
    static RemoteMediaException taken(int status, long error, Loans loans) {
        if (error == 0) {
            String name = CallBuffers.text(Native.rm_status_name(status));
            return RemoteMediaException.of(new ErrorDetail(Status.of(status), name));
        }
        CallBuffers cells = CallBuffers.acquire();
        try {
            Native.rm_error_detail(error, cells.cell(1), cells.cell(2));
            byte[] bytes = CallBuffers.copy(cells.cellValue(1), cells.cellValue(2));
            Map<String, Value> fields =
                    Decoder.decode(bytes, List.of(), Limits.OWN).asMap();
            ErrorDetail detail = detail(fields, loans);
            if (loans != null && fields.get("released") instanceof Value.List(var tokens)) {
                tokens.forEach(token -> loans.release(token.asLong()));
            }
            return RemoteMediaException.of(detail);
        } finally {
            cells.release();
            Native.rm_error_free(error);
        }
    }

    /** The fields of a detail. */
    public static ErrorDetail detail(Map<String, Value> fields, Loans loans) {
        Object exception =
                loans != null && fields.get("host_token") instanceof Value.Int(long token) ? loans.get(token) : null;
        return new ErrorDetail(
                fields.get("status") instanceof Value.Int(long code) ? Status.of((int) code) : Status.PANIC,
                text(fields, "message"),
                text(fields, "cause"),
                text(fields, "cure"),
                text(fields, "node_id"),
                text(fields, "node_type"),
                number(fields, "item", -1),
                text(fields, "input"),
                fields.get("position_ns") instanceof Value.Int(long time) ? Duration.ofNanos(time) : null,
                fields.get("chain") instanceof Value.List(var chain)
                        ? chain.stream().map(Value::asText).toList()
                        : List.of(),
                problems(fields.get("problems")),
                exception instanceof Throwable thrown ? thrown : null);
    }

    private static List<ErrorDetail.Problem> problems(Value value) {
        List<ErrorDetail.Problem> problems = new ArrayList<>();
        if (value instanceof Value.List(var items)) {
            for (Value item : items) {
                Map<String, Value> fields = item.asMap();
                problems.add(new ErrorDetail.Problem(
                        text(fields, "path"),
                        text(fields, "message"),
                        (int) number(fields, "line", 0),
                        (int) number(fields, "column", 0),
                        text(fields, "expected"),
                        text(fields, "got"),
                        text(fields, "suggestion")));
            }
        }
        return List.copyOf(problems);
    }

    private static String text(Map<String, Value> fields, String key) {
        return fields.get(key) instanceof Value.Text(String text) ? text : null;
    }

    private static long number(Map<String, Value> fields, String key, long otherwise) {
        return fields.get(key) instanceof Value.Int(long number) ? number : otherwise;
    }
}
