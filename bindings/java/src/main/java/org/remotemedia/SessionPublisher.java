package org.remotemedia;

import java.util.Optional;
import java.util.concurrent.Flow;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;

/** The outputs of a session for one subscriber, received by a virtual thread as far as they are requested. */
final class SessionPublisher implements Flow.Publisher<Packet> {
    private final Session session;
    private final AtomicBoolean isTaken = new AtomicBoolean();

    SessionPublisher(Session session) {
        this.session = session;
    }

    @Override
    public void subscribe(Flow.Subscriber<? super Packet> subscriber) {
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
        subscriber.onSubscribe(subscription);
        subscription.start();
    }

    private static final class Subscription implements Flow.Subscription {
        private final Session session;
        private final Flow.Subscriber<? super Packet> subscriber;
        private final Semaphore requested = new Semaphore(0);
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
                release(1);
                return;
            }
            release(count);
        }

        @Override
        public void cancel() {
            isCancelled = true;
            release(1);
            session.close();
        }

        private void release(long count) {
            synchronized (requested) {
                // A semaphore counts to 2^31 only, which no session reaches between two requests.
                int free = Integer.MAX_VALUE - requested.availablePermits();
                requested.release((int) Math.min(count, free));
            }
        }

        private void run() {
            try {
                while (true) {
                    requested.acquire();
                    if (isCancelled) {
                        return;
                    }
                    if (mistake != null) {
                        throw mistake;
                    }
                    Optional<Packet> packet = session.receive();
                    if (packet.isEmpty()) {
                        subscriber.onComplete();
                        return;
                    }
                    subscriber.onNext(packet.get());
                }
            } catch (Throwable error) {
                if (!isCancelled) {
                    subscriber.onError(error);
                }
            }
        }
    }
}
