//! Deadlines of runs: one thread per runtime, started with the first deadline.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use super::run::Run;

/// The deadlines that are still ahead.
#[derive(Default)]
pub(super) struct Timer {
    shared: Arc<Shared>,
    started: OnceLock<()>,
}

#[derive(Default)]
struct Shared {
    ahead: Mutex<Ahead>,
    changed: Condvar,
}

#[derive(Default)]
struct Ahead {
    deadlines: BinaryHeap<Reverse<Deadline>>,
    /// At this many, those of runs that have ended are swept out: else they would stay until their time comes.
    sweep_at: usize,
    is_stopped: bool,
}

struct Deadline {
    at: Instant,
    run: Weak<Run>,
}

impl Timer {
    /// Lets the run time out at `at`, unless it has ended by then.
    pub(super) fn watch(&self, at: Instant, run: Weak<Run>) {
        self.started.get_or_init(|| {
            let shared = Arc::clone(&self.shared);
            let spawned = std::thread::Builder::new().name("remotemedia-timer".to_owned()).spawn(move || {
                serve(&shared);
            });
            if let Err(error) = spawned {
                panic!("no thread for deadlines could be started: {error}");
            }
        });
        self.shared.ahead.lock().push(Deadline { at, run });
        self.shared.changed.notify_one();
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        self.shared.ahead.lock().is_stopped = true;
        self.shared.changed.notify_one();
    }
}

impl Ahead {
    fn push(&mut self, deadline: Deadline) {
        if self.deadlines.len() >= self.sweep_at {
            self.deadlines.retain(|Reverse(deadline)| deadline.run.strong_count() > 0);
            self.sweep_at = (self.deadlines.len() * 2).max(64);
        }
        self.deadlines.push(Reverse(deadline));
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(shared: &Shared) {
    let mut ahead = shared.ahead.lock();
    while !ahead.is_stopped {
        match ahead.deadlines.peek() {
            None => shared.changed.wait(&mut ahead),
            Some(Reverse(next)) if next.at > Instant::now() => {
                let at = next.at;
                shared.changed.wait_until(&mut ahead, at);
            }
            Some(_) => {
                let due = ahead.deadlines.pop();
                parking_lot::MutexGuard::unlocked(&mut ahead, || {
                    if let Some(run) = due.and_then(|Reverse(deadline)| deadline.run.upgrade()) {
                        run.time_out();
                    }
                });
            }
        }
    }
}

impl PartialEq for Deadline {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Deadline {}

impl PartialOrd for Deadline {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Deadline {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn deadlines_of_runs_that_have_ended_do_not_pile_up() {
        let mut ahead = Ahead::default();
        let at = Instant::now() + Duration::from_secs(3600);
        for _ in 0..10_000 {
            ahead.push(Deadline { at, run: Weak::new() });
        }
        assert!(ahead.deadlines.len() <= 64, "{} are kept", ahead.deadlines.len());
    }
}
