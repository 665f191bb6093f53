//! The worker threads of a runtime and their run queue: first come first served.
//!
//! A task is one time slice of one stage. A stage with more to do goes to the back of the queue, so sessions share fairly.
//!
//! As many tasks compute as there are workers. Tasks that wait for a disk or a network (see [`crate::node::may_block`]) don't
//! count: a spare thread steps in for each. So a mount that never responds, or a pipe without a writer, takes a thread and
//! not the place of other work.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::delays;
use super::threads::{SpawnThread, Started};
use crate::lock::Monitor;
use crate::node::{WorkerPlace, take_place};

/// A run queue and the workers that serve it.
pub(in crate::exec) struct Pool<T> {
    shared: Arc<Shared<T>>,
    started: Started,
}

/// What the threads of a pool share.
struct Shared<T> {
    /// How many tasks may be at work, apart from those that wait.
    workers: usize,
    state: Monitor<State<T>>,
    /// A node has called the system: from then on a spare thread is kept ready.
    needs_spare: AtomicBool,
    spawn: SpawnThread,
    begin: Box<dyn Fn() + Send + Sync>,
    run: fn(T),
    may_block: fn(&T) -> bool,
}

struct State<T> {
    /// A worker that finds it empty sleeps at once. Spinning first, as channels do, would take the core from the thread that
    /// was just notified of a result.
    queue: VecDeque<T>,
    /// How many threads have not ended, and how many of them sleep.
    threads: usize,
    idle: usize,
    /// How many sleep for no longer than `WAIT_THRESHOLD`, since tasks are queued.
    polling: usize,
    /// The threads that are at work on a task.
    at_work: Vec<Arc<Worker>>,
    /// How many of these tasks may block.
    may_block: usize,
    is_stopping: bool,
}

/// A thread at work, and whether it waits for the system.
struct Worker {
    /// When the wait began, in microseconds; 0 without one.
    waits_since: AtomicU64,
    epoch: Instant,
    /// The pool has been notified that its threads may wait.
    has_called: AtomicBool,
    /// Wakes a spare thread, or starts one.
    wake_spare: Box<dyn Fn(bool) + Send + Sync>,
}

/// A thread counts as waiting once a call of the system takes longer than this: what comes from memory takes less.
const WAIT_THRESHOLD: Duration = Duration::from_micros(WAIT_THRESHOLD_US);
const WAIT_THRESHOLD_US: u64 = 10_000;

/// So many tasks that may block are at work at a time, beside one for each worker. If that many wait, further ones of their
/// kind have to, but never those that don't block.
const MOST_WAITING: usize = 256;

impl<T: Send + 'static> Pool<T> {
    /// A pool of `workers` threads, which `spawn` starts with [`Self::start`]. Each calls `begin` first and `run`
    /// for each task; `may_block` returns whether a task may wait for the system.
    pub(in crate::exec) fn new(
        workers: usize,
        spawn: SpawnThread,
        begin: impl Fn() + Send + Sync + 'static,
        run: fn(T),
        may_block: fn(&T) -> bool,
    ) -> Self {
        let (state, needs_spare) = (Monitor::default(), AtomicBool::new(false));
        let begin = Box::new(begin);
        let shared = Shared { workers, state, needs_spare, spawn, begin, run, may_block };
        Self { shared: Arc::new(shared), started: Started::default() }
    }

    /// Starts the workers, unless they have been started. Fewer than asked for still do the work.
    ///
    /// # Errors
    /// If the system gives none at all.
    pub(in crate::exec) fn start(&self) -> io::Result<()> {
        self.started.ensure(|| {
            let mut state = self.shared.state.lock();
            let all = (0..self.shared.workers).try_for_each(|_| self.shared.spawn(&mut state));
            if state.threads > 0 { Ok(()) } else { all }
        })
    }

    /// Queues a task; the workers run it once they were started.
    pub(in crate::exec) fn push(&self, task: T) {
        self.shared.state.lock().queue.push_back(task);
        delays::pause();
        self.shared.state.notify_one();
    }

    /// Asks the workers to stop once the queue is empty, and waits for them, at most until `until`. Returns whether all have
    /// stopped. A process that exits need not wait for them: they never enter the host.
    pub(in crate::exec) fn stop(&self, until: Option<Instant>) -> bool {
        self.ask_to_stop();
        let state = &self.shared.state;
        state.wait_for(state.lock(), until, |state| state.threads == 0).threads == 0
    }
}

impl<T> Pool<T> {
    fn ask_to_stop(&self) {
        self.shared.state.lock().is_stopping = true;
        self.shared.state.notify_all();
    }
}

impl<T> Drop for Pool<T> {
    fn drop(&mut self) {
        self.ask_to_stop();
    }
}

impl<T: Send + 'static> Shared<T> {
    fn spawn(self: &Arc<Self>, state: &mut State<T>) -> io::Result<()> {
        let shared = Arc::clone(self);
        let name = format!("remotemedia-{}", state.threads);
        (shared.spawn)(name, Box::new(move || shared.serve()))?;
        state.threads += 1;
        Ok(())
    }

    /// Runs tasks until the pool stops.
    fn serve(self: &Arc<Self>) {
        (self.begin)();
        let shared = Arc::downgrade(self);
        let worker = Arc::new(Worker {
            waits_since: AtomicU64::new(0),
            epoch: Instant::now(),
            has_called: AtomicBool::new(false),
            wake_spare: Box::new(move |surely| {
                if let Some(shared) = shared.upgrade() {
                    shared.wake_spare(surely);
                }
            }),
        });
        take_place(Arc::clone(&worker) as Arc<dyn WorkerPlace>);
        let mut next = self.next(&worker, None);
        while let Some((task, may_block)) = next {
            // Tasks catch the panics of nodes; a defect beyond them must not cost the others this thread.
            delays::pause();
            let _ = catch_unwind(AssertUnwindSafe(|| (self.run)(task)));
            next = self.next(&worker, Some(may_block));
        }
        self.state.notify_all();
    }

    /// Waits for a task. Returns it with whether it may block; `None` if this thread is to end. `done` is what was returned
    /// with the task that the thread has just run.
    fn next(self: &Arc<Self>, worker: &Arc<Worker>, done: Option<bool>) -> Option<(T, bool)> {
        let mut state = self.state.lock();
        if let Some(may_block) = done {
            state.at_work.retain(|other| !Arc::ptr_eq(other, worker));
            state.may_block -= usize::from(may_block);
        }
        loop {
            let waiting = self.waiting(&state);
            if let Some(index) = self.takeable(&state, waiting)
                && let Some(task) = state.queue.remove(index)
            {
                let may_block = (self.may_block)(&task);
                state.may_block += usize::from(may_block);
                state.at_work.push(Arc::clone(worker));
                self.keep_spare(&mut state);
                let wants_poller = !state.queue.is_empty() && state.idle > 0 && state.polling == 0;
                drop(state);
                if wants_poller {
                    self.state.notify_one();
                }
                return Some((task, may_block));
            }
            let is_left_over = state.threads > 2 * self.workers + 1 + waiting;
            if state.queue.is_empty() && (is_left_over || state.is_stopping) {
                state.threads -= 1;
                return None;
            }
            // A thread that begins to wait notifies no one, so that calls that return at once cost little: instead, a thread
            // that sleeps while tasks are queued looks now and then.
            let polls = !state.queue.is_empty();
            state.idle += 1;
            state.polling += usize::from(polls);
            state = self.state.wait(state, polls.then(|| Instant::now() + WAIT_THRESHOLD));
            state.idle -= 1;
            state.polling -= usize::from(polls);
        }
    }

    /// The index of the task that may be taken, if one may.
    fn takeable(&self, state: &State<T>, waiting: usize) -> Option<usize> {
        if state.at_work.len() - waiting >= self.workers {
            return None;
        }
        if state.may_block < self.workers + MOST_WAITING {
            return (!state.queue.is_empty()).then_some(0);
        }
        state.queue.iter().position(|task| !(self.may_block)(task))
    }

    /// How many of the threads at work wait; 0 while not all workers are at work, when it makes no difference.
    fn waiting(&self, state: &State<T>) -> usize {
        if state.at_work.len() < self.workers {
            return 0;
        }
        state.at_work.iter().filter(|worker| worker.is_waiting()).count()
    }

    /// Keeps a thread ready that steps in if those at work wait.
    fn keep_spare(self: &Arc<Self>, state: &mut State<T>) {
        let most = 2 * self.workers + MOST_WAITING + 1;
        if self.needs_spare.load(Ordering::Relaxed) && state.threads == state.at_work.len() && state.threads < most {
            // If none can be started, the work continues once the system responds.
            let _ = self.spawn(state);
        }
    }

    /// Lets a spare thread step in for one that waits from now on, surely or perhaps.
    fn wake_spare(self: &Arc<Self>, surely: bool) {
        if !self.needs_spare.swap(true, Ordering::Relaxed) {
            self.keep_spare(&mut self.state.lock());
        }
        if surely {
            let state = self.state.lock();
            if !state.queue.is_empty() && state.idle > 0 {
                drop(state);
                self.state.notify_one();
            }
        }
    }
}

impl Worker {
    /// The time in microseconds; never so small that a wait since [`Self::LONG_AGO`] would not count as one.
    fn now(&self) -> u64 {
        let elapsed = u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX);
        elapsed.saturating_add(Self::LONG_AGO + WAIT_THRESHOLD_US)
    }

    fn is_waiting(&self) -> bool {
        match self.waits_since.load(Ordering::Relaxed) {
            0 => false,
            since => self.now() >= since.saturating_add(WAIT_THRESHOLD_US),
        }
    }

    const LONG_AGO: u64 = 1;
}

impl WorkerPlace for Worker {
    fn begin_wait(&self, surely: bool) {
        self.waits_since.store(if surely { Self::LONG_AGO } else { self.now() }, Ordering::Relaxed);
        if surely || !self.has_called.swap(true, Ordering::Relaxed) {
            (self.wake_spare)(surely);
        }
    }

    fn end_wait(&self) {
        self.waits_since.store(0, Ordering::Relaxed);
    }
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            threads: 0,
            idle: 0,
            polling: 0,
            at_work: Vec::new(),
            may_block: 0,
            is_stopping: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;

    use super::super::threads;
    use super::*;
    use crate::node::{may_block, wait};

    type Job = Box<dyn FnOnce() + Send>;

    /// Long enough that only a hang reaches it.
    const LONG: Duration = Duration::from_secs(60);

    fn pool(workers: usize) -> Pool<Job> {
        let pool: Pool<Job> = Pool::new(workers, threads::spawn, || (), |job| job(), |_| true);
        pool.start().expect("the system gives threads");
        pool
    }

    #[test]
    fn threads_that_stepped_in_go_when_they_are_not_needed_any_more() {
        let pool = pool(2);
        let (arrived, arrivals) = mpsc::channel();
        let gate = Arc::new(Monitor::<bool>::default());
        for number in 0..40 {
            let (arrived, gate) = (arrived.clone(), Arc::clone(&gate));
            pool.push(Box::new(move || {
                let call = || {
                    arrived.send(()).expect("the test listens");
                    drop(gate.wait_for(gate.lock(), None, |is_open| *is_open));
                };
                if number % 2 == 0 { wait(call) } else { may_block(call) }
            }));
        }
        for _ in 0..40 {
            arrivals.recv_timeout(LONG).expect("all are at work at once");
        }
        assert!(pool.shared.state.lock().threads > 40, "and one is left to step in");
        *gate.lock() = true;
        gate.notify_all();
        let state = &pool.shared.state;
        let until = Instant::now() + LONG;
        while state.lock().threads > 5 {
            assert!(Instant::now() < until, "{} threads are left", state.lock().threads);
            std::thread::yield_now();
        }
        assert!(pool.stop(Some(until)));
    }

    #[test]
    fn no_more_than_the_workers_compute_at_a_time() {
        let pool = pool(2);
        // From here on there is a spare thread.
        let (done, all_done) = mpsc::channel();
        let first = done.clone();
        pool.push(Box::new(move || may_block(|| first.send(()).expect("the test listens"))));
        all_done.recv_timeout(LONG).expect("it is done");
        let (computing, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..50 {
            let (computing, most, done) = (Arc::clone(&computing), Arc::clone(&most), done.clone());
            pool.push(Box::new(move || {
                most.fetch_max(computing.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // Longer than a call of the system may take.
                let until = Instant::now() + WAIT_THRESHOLD;
                while Instant::now() < until {
                    std::thread::yield_now();
                }
                computing.fetch_sub(1, Ordering::SeqCst);
                done.send(()).expect("the test listens");
            }));
        }
        for _ in 0..50 {
            all_done.recv_timeout(LONG).expect("all are done");
        }
        assert_eq!(most.load(Ordering::SeqCst), 2);
        assert!(pool.stop(Some(Instant::now() + LONG)));
    }

    #[test]
    fn what_is_queued_is_done_before_the_workers_stop() {
        let pool = pool(3);
        let done = Arc::new(AtomicUsize::new(0));
        for _ in 0..100 {
            let done = Arc::clone(&done);
            pool.push(Box::new(move || {
                done.fetch_add(1, Ordering::SeqCst);
            }));
        }
        assert!(pool.stop(Some(Instant::now() + LONG)));
        assert_eq!(done.load(Ordering::SeqCst), 100);
    }
}
