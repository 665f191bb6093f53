//! Timer events: one thread per runtime that fires each at its time.
//!
//! The timer knows its targets only as [`Fire`] and holds them weakly: an event of a target that is gone is dropped.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::{Arc, Weak};
use std::time::Instant;

use super::delays;
use super::threads::{SpawnThread, Started};
use crate::lock::Monitor;

/// Something that timer events are for.
pub(in crate::exec) trait Fire: Send + Sync + 'static {
    /// What is to happen at a time.
    type Event: Send;

    /// Called on the timer's thread, once the time of an event has come.
    fn fire(self: &Arc<Self>, event: Self::Event);
}

/// The timer events that are still to come, and the thread that fires them.
pub(in crate::exec) struct Timer<T: Fire> {
    pending: Arc<Monitor<Pending<T>>>,
    started: Started,
    spawn: SpawnThread,
}

struct Pending<T: Fire> {
    entries: BinaryHeap<Reverse<Entry<T>>>,
    /// At this many entries, those of targets that are gone are removed: else they would stay until their time comes.
    prune_at: usize,
    is_stopped: bool,
}

struct Entry<T: Fire> {
    at: Instant,
    target: Weak<T>,
    event: T::Event,
}

impl<T: Fire> Timer<T> {
    /// A timer without events, whose thread `spawn` starts with [`Self::start`].
    pub(in crate::exec) fn new(spawn: SpawnThread) -> Self {
        Self { pending: Arc::default(), started: Started::default(), spawn }
    }

    /// Fires `event` at `target` once it is `at` and the thread was started, unless the target is gone by then.
    pub(in crate::exec) fn set(&self, at: Instant, target: Weak<T>, event: T::Event) {
        self.pending.lock().push(Entry { at, target, event });
        self.pending.notify_one();
    }

    /// Starts the thread, unless it has been started: it inherits what the calling thread has.
    ///
    /// # Errors
    /// If the system gives none.
    pub(in crate::exec) fn start(&self) -> io::Result<()> {
        self.started.ensure(|| {
            let pending = Arc::clone(&self.pending);
            (self.spawn)("remotemedia-timer".to_owned(), Box::new(move || serve(&pending)))
        })
    }

    /// Ends the thread.
    pub(in crate::exec) fn stop(&self) {
        self.pending.lock().is_stopped = true;
        self.pending.notify_one();
    }
}

impl<T: Fire> Drop for Timer<T> {
    fn drop(&mut self) {
        self.stop();
    }
}

impl<T: Fire> Pending<T> {
    fn push(&mut self, entry: Entry<T>) {
        if self.entries.len() >= self.prune_at {
            self.entries.retain(|Reverse(entry)| entry.target.strong_count() > 0);
            self.prune_at = (self.entries.len() * 2).max(64);
        }
        self.entries.push(Reverse(entry));
    }
}

impl<T: Fire> Default for Pending<T> {
    fn default() -> Self {
        Self { entries: BinaryHeap::new(), prune_at: 0, is_stopped: false }
    }
}

fn serve<T: Fire>(monitor: &Monitor<Pending<T>>) {
    let mut pending = monitor.lock();
    while !pending.is_stopped {
        pending = match pending.entries.peek() {
            None => monitor.wait(pending, None),
            Some(Reverse(next)) if next.at > Instant::now() => {
                let at = next.at;
                monitor.wait(pending, Some(at))
            }
            Some(_) => {
                let due = pending.entries.pop();
                drop(pending);
                delays::pause();
                if let Some(Reverse(Entry { target, event, .. })) = due
                    && let Some(target) = target.upgrade()
                {
                    target.fire(event);
                }
                monitor.lock()
            }
        };
    }
}

impl<T: Fire> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl<T: Fire> Eq for Entry<T> {}

impl<T: Fire> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Fire> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    struct Target(mpsc::Sender<u32>);

    impl Fire for Target {
        type Event = u32;

        fn fire(self: &Arc<Self>, event: u32) {
            self.0.send(event).expect("the test listens");
        }
    }

    #[test]
    fn events_fire_in_the_order_of_their_times_and_not_at_a_target_that_is_gone() {
        let timer = Timer::new(crate::exec::workers::threads::spawn);
        timer.start().expect("the system gives a thread");
        let (sender, fired) = mpsc::channel();
        let (target, gone) = (Arc::new(Target(sender.clone())), Arc::new(Target(sender)));
        let now = Instant::now();
        for (ms, event) in [(30, 3), (10, 1), (20, 2)] {
            timer.set(now + Duration::from_millis(ms), Arc::downgrade(&target), event);
        }
        timer.set(now + Duration::from_millis(15), Arc::downgrade(&gone), 4);
        drop(gone);
        let next = || fired.recv_timeout(Duration::from_secs(60)).expect("it fires");
        assert_eq!([next(), next(), next()], [1, 2, 3]);
        assert!(now.elapsed() >= Duration::from_millis(30), "none fires early");
    }

    #[test]
    fn events_of_targets_that_are_gone_do_not_pile_up() {
        let mut pending = Pending::<Target>::default();
        let at = Instant::now() + Duration::from_secs(3600);
        for event in 0..10_000 {
            pending.push(Entry { at, target: Weak::new(), event });
        }
        assert!(pending.entries.len() <= 64, "{} are kept", pending.entries.len());
    }
}
