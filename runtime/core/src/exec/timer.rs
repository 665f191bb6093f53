//! The moments that runs wait for: one thread per runtime, started with the first of them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use super::delays;
use super::run::{Alarm, Run};
use crate::lock::Monitor;

/// The alarms that are still ahead.
#[derive(Default)]
pub(super) struct Timer {
    ahead: Arc<Monitor<Ahead>>,
    started: OnceLock<()>,
}

#[derive(Default)]
struct Ahead {
    entries: BinaryHeap<Reverse<Entry>>,
    /// At this many, those of runs that have ended are swept out: else they would stay until their time comes.
    sweep_at: usize,
    is_stopped: bool,
}

struct Entry {
    at: Instant,
    run: Weak<Run>,
    alarm: Alarm,
}

impl Timer {
    /// Rings at `at`, unless the run has ended by then.
    pub(super) fn set(&self, at: Instant, run: Weak<Run>, alarm: Alarm) {
        self.started.get_or_init(|| {
            let ahead = Arc::clone(&self.ahead);
            let spawned = std::thread::Builder::new().name("remotemedia-timer".to_owned()).spawn(move || {
                serve(&ahead);
            });
            if let Err(error) = spawned {
                panic!("no thread for alarms could be started: {error}");
            }
        });
        self.ahead.lock().push(Entry { at, run, alarm });
        self.ahead.notify_one();
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        self.ahead.lock().is_stopped = true;
        self.ahead.notify_one();
    }
}

impl Ahead {
    fn push(&mut self, entry: Entry) {
        if self.entries.len() >= self.sweep_at {
            self.entries.retain(|Reverse(entry)| entry.run.strong_count() > 0);
            self.sweep_at = (self.entries.len() * 2).max(64);
        }
        self.entries.push(Reverse(entry));
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(lock: &Monitor<Ahead>) {
    let mut ahead = lock.lock();
    while !ahead.is_stopped {
        ahead = match ahead.entries.peek() {
            None => lock.wait(ahead, None),
            Some(Reverse(next)) if next.at > Instant::now() => {
                let at = next.at;
                lock.wait(ahead, Some(at))
            }
            Some(_) => {
                let due = ahead.entries.pop();
                drop(ahead);
                delays::pause();
                if let Some(Reverse(Entry { run, alarm, .. })) = due
                    && let Some(run) = run.upgrade()
                {
                    run.ring(alarm);
                }
                lock.lock()
            }
        };
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn alarms_of_runs_that_have_ended_do_not_pile_up() {
        let mut ahead = Ahead::default();
        let at = Instant::now() + Duration::from_secs(3600);
        for _ in 0..10_000 {
            ahead.push(Entry { at, run: Weak::new(), alarm: Alarm::TimeOut });
        }
        assert!(ahead.entries.len() <= 64, "{} are kept", ahead.entries.len());
    }
}
