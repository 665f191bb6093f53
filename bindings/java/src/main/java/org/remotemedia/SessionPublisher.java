package org.remotemedia;

import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/** The outputs of a session for one subscriber, received by a virtual thread as far as they are requested. */
final class SessionPublisher implements Flow.Publisher<Packet> {
    private final Session session;
    private final AtomicBoolean isTaken = new AtomicBoolean();

    SessionPublisher(Session session) {
        this.session = session;
    }

    @Override
    public void subscribe(Flow.Subscriber<? super Packet> subscriber) {
        Objects.requireNonNull(subscriber);
        if (!isTaken.compareAndSet(false, true)) {
            subscriber.onSubscribe(new Flow.Subscription() {
                @Override
                public void request(long count) {}

                @Override
                public void cancel() {}
            });
            subscriber.onError(new IllegalStateException("this publisher has a subscriber; a session has one reader"));
            return;
        }
        Subscription subscription = new Subscription(session, subscriber);
        try {
            subscriber.onSubscribe(subscription);
        } catch (Throwable error) {
            // A session that goes on would wait for its reader for ever.
            session.abandon();
            throw error;
        }
        subscription.start();
    }

    private static final class Subscription implements Flow.Subscription {
        private final Session session;
        private final Flow.Subscriber<? super Packet> subscriber;
        private final AtomicLong requested = new AtomicLong();
        private volatile boolean isCancelled;
        private volatile Throwable mistake;

        Subscription(Session session, Flow.Subscriber<? super Packet> subscriber) {
            this.session = session;
            this.subscriber = subscriber;
        }

        void start() {
            Thread.ofVirtual().name("remotemedia-publisher").start(this::run);
        }

        @Override
        public void request(long count) {
            if (count <= 0) {
                mistake = new IllegalArgumentException("request a number above 0, not " + count);
            } else {
                // Long.MAX_VALUE is no bound, and stays so.
                requested.updateAndGet(left -> count > Long.MAX_VALUE - left ? Long.MAX_VALUE : left + count);
            }
            session.lookAgain();
        }

        @Override
        public void cancel() {
            isCancelled = true;
            session.close();
        }

        private void run() {
            try {
                if (!passAll()) {
                    return;
                }
            } catch (Throwable error) {
                // A session that goes on would wait for its reader for ever.
                session.abandon();
                if (!isCancelled) {
                    subscriber.onError(error);
                }
                return;
            }
            // Whatever it throws, a subscriber hears of one end.
            subscriber.onComplete();
        }

        /** Passes packets on as they are requested; returns false if the subscriber has cancelled. */
        private boolean passAll() throws Throwable {
            while (!isCancelled) {
                long seen = session.changes();
                if (mistake != null) {
                    throw mistake;
                }
                Optional<Packet> packet = requested.get() > 0 ? session.poll() : Optional.empty();
                if (packet.isPresent()) {
                    requested.updateAndGet(left -> left == Long.MAX_VALUE ? left : left - 1);
                    subscriber.onNext(packet.get());
                } else if (session.isOver()) {
                    return true;
                } else {
                    session.awaitChange(seen);
                }
            }
            return false;
        }
    }
}
