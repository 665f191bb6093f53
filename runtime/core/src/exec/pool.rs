//! The worker threads of a runtime: started at the first task, first come first served.
//!
//! A task is one quantum of one stage. A stage with more to do goes to the back of the line, so sessions share fairly.
//!
//! As many tasks are at work as there are workers, without those that wait for a disk or a network (see
//! [`crate::node::may_block`]): for these a spare thread steps in. So a mount that never answers, or a pipe that nobody writes to,
//! takes a thread and not the place of other work.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::delays;
use crate::lock::Monitor;
use crate::node::{WorkerPlace, take_place};

/// A line of tasks and the workers that serve it.
pub(super) struct Pool<T> {
    crew: Arc<Crew<T>>,
    started: OnceLock<()>,
}

/// What the threads of a pool share.
struct Crew<T> {
    /// How many tasks may be at work that do not wait.
    workers: usize,
    state: Monitor<State<T>>,
    /// A node has called the system: from then on a spare thread is there to step in.
    needs_spare: AtomicBool,
    begin: fn(),
    run: fn(T),
    may_block: fn(&T) -> bool,
}

struct State<T> {
    /// A worker that finds it empty sleeps at once. To look a few times more first, as channels do, would take the core
    /// from the thread that was just told of a result.
    line: VecDeque<T>,
    /// The threads that have not ended, and those of them that sleep.
    threads: usize,
    idle: usize,
    /// Those that sleep for no longer than `PATIENCE`, since tasks are in line.
    watching: usize,
    /// The places of the threads that are with a task.
    at_work: Vec<Arc<Place>>,
    /// How many of these tasks may block.
    may_block: usize,
    is_stopping: bool,
}

/// Whether a thread waits for the system.
struct Place {
    /// When the wait began, in microseconds; 0 without one.
    waits_since: AtomicU64,
    epoch: Instant,
    /// The pool knows that its threads may wait.
    has_called: AtomicBool,
    /// Wakes a spare thread, or sees to it that there is one.
    call_spare: Box<dyn Fn(bool) + Send + Sync>,
}

/// So long a call of the system may take before the thread counts as waiting: what comes from memory is there by then.
const PATIENCE: Duration = Duration::from_micros(PATIENCE_US);
const PATIENCE_US: u64 = 10_000;

/// Beside one for each worker, so many tasks that may block are at work at a time. If that many wait, others of their
/// kind have to, and never those that don't block.
const MOST_WAITING: usize = 256;

impl<T: Send + 'static> Pool<T> {
    /// A pool of `workers` threads, none of which runs yet. Each begins with `begin` and gives its tasks to `run`;
    /// `may_block` tells which of them may wait for the system.
    pub(super) fn new(workers: usize, begin: fn(), run: fn(T), may_block: fn(&T) -> bool) -> Self {
        let crew =
            Crew { workers, state: Monitor::default(), needs_spare: AtomicBool::new(false), begin, run, may_block };
        Self { crew: Arc::new(crew), started: OnceLock::new() }
    }

    /// Puts a task at the end of the line.
    pub(super) fn push(&self, task: T) {
        self.started.get_or_init(|| self.start());
        self.crew.state.lock().line.push_back(task);
        delays::pause();
        self.crew.state.notify_one();
    }

    /// Asks the workers to stop once the line before them is empty, and waits for them, at most until then. Answers
    /// whether all have stopped. The threads of a process that exits need no waiting for: they never enter the host.
    pub(super) fn stop(&self, until: Option<Instant>) -> bool {
        self.ask_to_stop();
        let state = &self.crew.state;
        state.wait_for(state.lock(), until, |state| state.threads == 0).threads == 0
    }

    fn start(&self) {
        let mut state = self.crew.state.lock();
        for _ in 0..self.crew.workers {
            if let Err(error) = self.crew.spawn(&mut state) {
                // Fewer threads than asked for still do the work; none at all can't.
                assert!(state.threads > 0, "no worker thread could be started: {error}");
            }
        }
    }
}

impl<T> Pool<T> {
    fn ask_to_stop(&self) {
        self.crew.state.lock().is_stopping = true;
        self.crew.state.notify_all();
    }
}

impl<T> Drop for Pool<T> {
    fn drop(&mut self) {
        self.ask_to_stop();
    }
}

impl<T: Send + 'static> Crew<T> {
    fn spawn(self: &Arc<Self>, state: &mut State<T>) -> std::io::Result<()> {
        let crew = Arc::clone(self);
        let name = format!("remotemedia-{}", state.threads);
        std::thread::Builder::new().name(name).spawn(move || crew.serve())?;
        state.threads += 1;
        Ok(())
    }

    /// What a worker does.
    fn serve(self: &Arc<Self>) {
        (self.begin)();
        let crew = Arc::downgrade(self);
        let place = Arc::new(Place {
            waits_since: AtomicU64::new(0),
            epoch: Instant::now(),
            has_called: AtomicBool::new(false),
            call_spare: Box::new(move |surely| {
                if let Some(crew) = crew.upgrade() {
                    crew.call_spare(surely);
                }
            }),
        });
        take_place(Arc::clone(&place) as Arc<dyn WorkerPlace>);
        let mut next = self.next(&place, None);
        while let Some((task, may_block)) = next {
            // Tasks catch the panics of nodes; a defect beyond them must not cost the others this thread.
            delays::pause();
            let _ = catch_unwind(AssertUnwindSafe(|| (self.run)(task)));
            next = self.next(&place, Some(may_block));
        }
        self.state.notify_all();
    }

    /// Waits for a task, and tells whether it may block; `None` if this thread is to end. `done` is what it told of the
    /// task that the thread is through with.
    fn next(self: &Arc<Self>, place: &Arc<Place>, done: Option<bool>) -> Option<(T, bool)> {
        let mut state = self.state.lock();
        if let Some(may_block) = done {
            state.at_work.retain(|other| !Arc::ptr_eq(other, place));
            state.may_block -= usize::from(may_block);
        }
        loop {
            let waiting = self.waiting(&state);
            if let Some(index) = self.takeable(&state, waiting)
                && let Some(task) = state.line.remove(index)
            {
                let may_block = (self.may_block)(&task);
                state.may_block += usize::from(may_block);
                state.at_work.push(Arc::clone(place));
                self.keep_spare(&mut state);
                let wants_watcher = !state.line.is_empty() && state.idle > 0 && state.watching == 0;
                drop(state);
                if wants_watcher {
                    self.state.notify_one();
                }
                return Some((task, may_block));
            }
            let is_left_over = state.threads > 2 * self.workers + 1 + waiting;
            if state.line.is_empty() && (is_left_over || state.is_stopping) {
                state.threads -= 1;
                return None;
            }
            // Who begins to wait tells nobody, so that calls that are answered at once cost little: a thread that sleeps
            // beside a line looks now and then.
            let watches = !state.line.is_empty();
            state.idle += 1;
            state.watching += usize::from(watches);
            state = self.state.wait(state, watches.then(|| Instant::now() + PATIENCE));
            state.idle -= 1;
            state.watching -= usize::from(watches);
        }
    }

    /// Which task of the line may be taken, if one may.
    fn takeable(&self, state: &State<T>, waiting: usize) -> Option<usize> {
        if state.at_work.len() - waiting >= self.workers {
            return None;
        }
        if state.may_block < self.workers + MOST_WAITING {
            return (!state.line.is_empty()).then_some(0);
        }
        state.line.iter().position(|task| !(self.may_block)(task))
    }

    /// How many of the threads at work wait. While not all workers are at work it makes no difference, and is 0.
    fn waiting(&self, state: &State<T>) -> usize {
        if state.at_work.len() < self.workers {
            return 0;
        }
        state.at_work.iter().filter(|place| place.is_waiting()).count()
    }

    /// Sees to it that a thread is left that steps in if those at work wait.
    fn keep_spare(self: &Arc<Self>, state: &mut State<T>) {
        let most = 2 * self.workers + MOST_WAITING + 1;
        if self.needs_spare.load(Ordering::Relaxed) && state.threads == state.at_work.len() && state.threads < most {
            // Without one it is as it was without this file: the work goes on when the system answers.
            let _ = self.spawn(state);
        }
    }

    /// A thread waits from now on, surely or perhaps.
    fn call_spare(self: &Arc<Self>, surely: bool) {
        if !self.needs_spare.swap(true, Ordering::Relaxed) {
            self.keep_spare(&mut self.state.lock());
        }
        if surely {
            let state = self.state.lock();
            if !state.line.is_empty() && state.idle > 0 {
                drop(state);
                self.state.notify_one();
            }
        }
    }
}

impl Place {
    /// The time in microseconds; never less than that of a wait that has been one for long.
    fn now(&self) -> u64 {
        let elapsed = u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX);
        elapsed.saturating_add(Self::LONG_AGO + PATIENCE_US)
    }

    fn is_waiting(&self) -> bool {
        match self.waits_since.load(Ordering::Relaxed) {
            0 => false,
            since => self.now() >= since.saturating_add(PATIENCE_US),
        }
    }

    const LONG_AGO: u64 = 1;
}

impl WorkerPlace for Place {
    fn begin_wait(&self, surely: bool) {
        self.waits_since.store(if surely { Self::LONG_AGO } else { self.now() }, Ordering::Relaxed);
        if surely || !self.has_called.swap(true, Ordering::Relaxed) {
            (self.call_spare)(surely);
        }
    }

    fn end_wait(&self) {
        self.waits_since.store(0, Ordering::Relaxed);
    }
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self {
            line: VecDeque::new(),
            threads: 0,
            idle: 0,
            watching: 0,
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

    use super::*;
    use crate::node::{may_block, wait};

    type Job = Box<dyn FnOnce() + Send>;

    /// Long enough that only a hang reaches it.
    const LONG: Duration = Duration::from_secs(60);

    fn pool(workers: usize) -> Pool<Job> {
        Pool::new(workers, || (), |job| job(), |_| true)
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
        assert!(pool.crew.state.lock().threads > 40, "and one is left to step in");
        *gate.lock() = true;
        gate.notify_all();
        let state = &pool.crew.state;
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
                let until = Instant::now() + PATIENCE;
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
    fn what_is_in_line_is_done_before_the_workers_stop() {
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
