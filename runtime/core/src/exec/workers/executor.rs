//! What the runs of one runtime share: its workers, its timer, and the list of runs that are active.
//!
//! It is generic over the run, as [`Pool`] is over its task, so it knows nothing of what a run is.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use super::pool::Pool;
use super::threads::SpawnThread;
use super::timer::{Fire, Timer};
use crate::lock::{Lock, Monitor};

/// The workers, the timer and the list of active runs of a runtime.
pub(in crate::exec) struct Executor<R: Fire> {
    pool: Pool<Task<R>>,
    pub(in crate::exec) timer: Timer<R>,
    /// The runs that outlast the call that submitted them.
    listed: Lock<HashMap<u64, Weak<R>>>,
    /// Set under the lock of `listed`, so that no run is listed after the listed ones have been shut down.
    is_shut_down: AtomicBool,
    active: AtomicUsize,
    none_active: Monitor<()>,
}

/// One time slice of one stage of a run.
pub(in crate::exec) struct Task<R> {
    pub(in crate::exec) run: Arc<R>,
    pub(in crate::exec) stage: usize,
}

/// Counts a run as active from before it is accepted until everything that it held is gone.
pub(in crate::exec) struct ActiveRunGuard<R: Fire>(Arc<Executor<R>>);

impl<R: Fire> Executor<R> {
    /// An executor with this pool, whose timer's thread `spawn` starts; none is started before [`Self::start_threads`].
    pub(in crate::exec) fn new(pool: Pool<Task<R>>, spawn: SpawnThread) -> Self {
        Self {
            pool,
            timer: Timer::new(spawn),
            listed: Lock::default(),
            is_shut_down: AtomicBool::new(false),
            active: AtomicUsize::new(0),
            none_active: Monitor::default(),
        }
    }

    /// Starts the threads, unless they have been started. A run asks for them before it is accepted, or before it leaves the
    /// thread that submits it: so whatever it needs later is there. The timer's thread comes first, from a thread of the
    /// host: it inherits nothing from the workers.
    ///
    /// # Errors
    /// If the system gives no thread for the timer, or none for the workers.
    pub(in crate::exec) fn start_threads(&self) -> io::Result<()> {
        self.timer.start()?;
        self.pool.start()
    }

    /// Gives a task to the workers.
    pub(in crate::exec) fn push(&self, task: Task<R>) {
        self.pool.push(task);
    }

    /// Counts one more active run; `None` after a shutdown.
    pub(in crate::exec) fn enter(self: &Arc<Self>) -> Option<ActiveRunGuard<R>> {
        // Counted before the flag is read: so a shutdown either waits for this run, or is seen here.
        self.active.fetch_add(1, Ordering::SeqCst);
        let guard = ActiveRunGuard(Arc::clone(self));
        (!self.is_shut_down.load(Ordering::SeqCst)).then_some(guard)
    }

    /// Whether [`Self::begin_shutdown`] was called.
    pub(in crate::exec) fn is_shut_down(&self) -> bool {
        self.is_shut_down.load(Ordering::Acquire)
    }

    /// Refuses runs from now on, and returns those that are listed.
    pub(in crate::exec) fn begin_shutdown(&self) -> Vec<Weak<R>> {
        let mut listed = self.listed.lock();
        self.is_shut_down.store(true, Ordering::SeqCst);
        listed.drain().map(|(_, run)| run).collect()
    }

    /// Ends the threads once no run is active; waits for that at most until `deadline`. Returns whether that was so.
    pub(in crate::exec) fn finish_shutdown(&self, deadline: Option<Instant>) -> bool {
        self.timer.stop();
        let is_inactive = || self.active.load(Ordering::SeqCst) == 0;
        drop(self.none_active.wait_for(self.none_active.lock(), deadline, |()| is_inactive()));
        is_inactive() && self.pool.stop(deadline)
    }

    /// Lists a run, so that a shutdown ends it. Returns `false` after a shutdown.
    pub(in crate::exec) fn list(&self, id: u64, run: &Arc<R>) -> bool {
        let mut listed = self.listed.lock();
        if self.is_shut_down() {
            return false;
        }
        listed.insert(id, Arc::downgrade(run));
        true
    }

    /// Takes a run off the list.
    pub(in crate::exec) fn unlist(&self, id: u64) {
        self.listed.lock().remove(&id);
    }
}

impl<R: Fire> std::ops::Deref for ActiveRunGuard<R> {
    type Target = Executor<R>;

    fn deref(&self) -> &Executor<R> {
        &self.0
    }
}

impl<R: Fire> Drop for ActiveRunGuard<R> {
    fn drop(&mut self) {
        if self.0.active.fetch_sub(1, Ordering::SeqCst) == 1 && self.0.is_shut_down.load(Ordering::SeqCst) {
            let _held = self.0.none_active.lock();
            self.0.none_active.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::threads::spawn;
    use super::*;

    struct Idle;

    impl Fire for Idle {
        type Event = ();

        fn fire(self: &Arc<Self>, (): ()) {}
    }

    fn executor() -> Arc<Executor<Idle>> {
        Arc::new(Executor::new(Pool::new(1, spawn, || (), |_| (), |_| false), spawn))
    }

    #[test]
    fn a_shutdown_gets_the_listed_runs_and_refuses_others() {
        let executor = executor();
        let runs = [Arc::new(Idle), Arc::new(Idle)];
        assert!(executor.list(1, &runs[0]) && executor.list(2, &runs[1]));
        executor.unlist(1);
        let listed = executor.begin_shutdown();
        assert!(listed.len() == 1 && listed[0].ptr_eq(&Arc::downgrade(&runs[1])));
        assert!(!executor.list(3, &runs[0]) && executor.enter().is_none() && executor.is_shut_down());
    }

    #[test]
    fn a_shutdown_waits_until_the_last_guard_is_dropped() {
        let executor = executor();
        let guard = executor.enter().expect("it is open");
        executor.begin_shutdown();
        assert!(!executor.finish_shutdown(Some(Instant::now())), "a run is active");
        let waiting = std::thread::spawn({
            let executor = Arc::clone(&executor);
            move || executor.finish_shutdown(Some(Instant::now() + Duration::from_secs(60)))
        });
        drop(guard);
        assert!(waiting.join().expect("it does not panic"));
    }
}
