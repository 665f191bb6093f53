//! Marks the time in which a node waits for the system, so that another worker takes the place of its thread.
//!
//! A disk or a network share may never answer. The scheduler has as many workers as the process has cores; a worker
//! that waits does not count among them.

use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    /// The place of this thread among the workers of a runtime, if it has one and is not waiting already.
    static PLACE: RefCell<Option<Arc<dyn WorkerPlace>>> = const { RefCell::new(None) };
}

/// The reports of a worker to its pool.
pub(crate) trait WorkerPlace: Send + Sync {
    /// The worker begins to wait: `surely`, or only if the system does not reply at once.
    fn begin_wait(&self, surely: bool);
    /// The worker continues.
    fn end_wait(&self);
}

/// Calls the system for something that a disk or a network may delay: open, read, write, list.
///
/// Costs some 50 ns where the reply comes at once. Where it does not, the scheduler starts another worker meanwhile. On
/// a thread that is no worker it only makes the call.
pub fn may_block<T>(call: impl FnOnce() -> T) -> T {
    wait_for(false, call)
}

/// Waits for another process, such as the one at the other end of a pipe. The worker's place becomes free at once.
///
/// Bounded in time all the same: a node looks now and then whether it is cancelled.
pub fn wait<T>(call: impl FnOnce() -> T) -> T {
    wait_for(true, call)
}

/// Assigns a place to the calling thread; its nodes then report to that place.
pub(crate) fn take_place(place: Arc<dyn WorkerPlace>) {
    // A thread that is ending has no place.
    let _ = PLACE.try_with(|own| *own.borrow_mut() = Some(place));
}

fn wait_for<T>(surely: bool, call: impl FnOnce() -> T) -> T {
    /// Ends the wait also if the call panics.
    struct Waiting(Option<Arc<dyn WorkerPlace>>);

    impl Drop for Waiting {
        fn drop(&mut self) {
            if let Some(place) = self.0.take() {
                place.end_wait();
                take_place(place);
            }
        }
    }

    // Taken for the time of the call: one within another is part of it.
    let waiting = Waiting(PLACE.try_with(|own| own.borrow_mut().take()).unwrap_or_default());
    if let Some(place) = &waiting.0 {
        place.begin_wait(surely);
    }
    let result = call();
    drop(waiting);
    result
}
