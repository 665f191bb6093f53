package org.remotemedia.engine;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The calls of a port that are not replied to yet. A call that comes with a reply may be over before that reply has
 * returned, so the numbers of unknown calls are remembered while a reply is on its way.
 */
final class OpenCalls {
    private final Map<Long, HostCall> byNumber = new HashMap<>();
    private final Set<Long> overBefore = new HashSet<>();
    private int replies;
    private boolean isEnded;

    /** Adds a call that came as an event. */
    synchronized void add(long number, HostCall call) {
        byNumber.put(number, call);
    }

    /** Adds a call that came with a reply. */
    void addNext(long number, HostCall call) {
        boolean isOver;
        synchronized (this) {
            isOver = isEnded || overBefore.remove(number);
            if (!isOver) {
                byNumber.put(number, call);
            }
        }
        if (isOver) {
            call.over();
        }
    }

    synchronized HostCall get(long number) {
        return byNumber.get(number);
    }

    /** Removes a call that was replied to. */
    synchronized void remove(long number) {
        byNumber.remove(number);
    }

    /** A reply that may bring a call begins. */
    synchronized void beginReply() {
        replies++;
    }

    /** That reply has returned, and the call that it brought was added. */
    synchronized void endReply() {
        replies--;
        if (replies == 0) {
            overBefore.clear();
        }
    }

    /** A call is over before its reply. */
    void over(long number) {
        HostCall call;
        synchronized (this) {
            call = byNumber.remove(number);
            if (call == null && replies > 0) {
                overBefore.add(number);
            }
        }
        if (call != null) {
            call.over();
        }
    }

    /** All are over, and those that come later too. */
    void allOver() {
        List<HostCall> calls;
        synchronized (this) {
            isEnded = true;
            calls = new ArrayList<>(byNumber.values());
            byNumber.clear();
        }
        calls.forEach(HostCall::over);
    }
}
