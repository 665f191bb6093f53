package org.remotemedia;

import java.time.Duration;
import java.util.List;

/**
 * What is known of an error. Fields that are not known are null, {@code item} is -1.
 *
 * @param message the whole message
 * @param cause why it happened
 * @param cure what to do about it
 * @param nodeId the node that failed
 * @param nodeType its type
 * @param item the number of the input, from 0
 * @param input the name of the file
 * @param position where in the stream
 * @param chain the causes of the cause, nearest first
 * @param problems all that is wrong with a manifest
 * @param exception the exception of a node of the host, the same object
 */
public record ErrorDetail(
        Status status,
        String message,
        String cause,
        String cure,
        String nodeId,
        String nodeType,
        long item,
        String input,
        Duration position,
        List<String> chain,
        List<Problem> problems,
        Throwable exception) {

    /** An error of which only the message is known. */
    public ErrorDetail(Status status, String message) {
        this(status, message, null, null, null, null, -1, null, null, List.of(), List.of(), null);
    }

    /**
     * One mistake in a manifest. Fields that are not known are null; line and column count from 1, and are 0 if not
     * known.
     *
     * @param path where, such as {@code nodes[0].params.rate}
     */
    public record Problem(
            String path, String message, int line, int column, String expected, String got, String suggestion) {}
}
