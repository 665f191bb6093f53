//! The worker threads of a runtime: started at the first task, first come first served.
//!
//! A task is one quantum of one stage. A stage with more to do goes to the back of the line, so sessions share fairly.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::wait_lock::WaitLock;

/// A line of tasks and the workers that serve it.
pub(super) struct Pool<T> {
    workers: usize,
    line: Arc<Line<T>>,
    /// The number of threads that have not ended.
    running: Arc<WaitLock<usize>>,
    started: OnceLock<()>,
    begin: fn(),
    run: fn(T),
}

/// A worker that finds it empty sleeps at once. To look a few times more first, as channels do, would take the core from
/// the thread that was just told of a result.
type Line<T> = WaitLock<VecDeque<Order<T>>>;

enum Order<T> {
    Run(T),
    Stop,
}

impl<T> Line<T> {
    fn push(&self, order: Order<T>) {
        self.lock().push_back(order);
        self.notify_one();
    }

    fn pop(&self) -> Order<T> {
        let mut orders = self.lock();
        loop {
            match orders.pop_front() {
                Some(order) => return order,
                None => orders = self.wait(orders, None),
            }
        }
    }
}

impl<T: Send + 'static> Pool<T> {
    /// A pool of `workers` threads, none of which runs yet. Each begins with `begin` and gives its tasks to `run`.
    pub(super) fn new(workers: usize, begin: fn(), run: fn(T)) -> Self {
        Self { workers, line: Arc::default(), running: Arc::default(), started: OnceLock::new(), begin, run }
    }

    /// Puts a task at the end of the line.
    pub(super) fn push(&self, task: T) {
        self.started.get_or_init(|| self.start());
        self.line.push(Order::Run(task));
    }

    /// Asks the workers to stop once the line before them is empty, and waits for them, at most until then. Answers
    /// whether all have stopped. The threads of a process that exits need no waiting for: they never enter the host.
    pub(super) fn stop(&self, until: Option<Instant>) -> bool {
        self.ask_to_stop();
        *self.running.wait_for(self.running.lock(), until, |&running| running == 0) == 0
    }

    fn start(&self) {
        for index in 0..self.workers {
            let line = Arc::clone(&self.line);
            let running = Arc::clone(&self.running);
            let (begin, run) = (self.begin, self.run);
            *running.lock() += 1;
            let spawned = std::thread::Builder::new().name(format!("remotemedia-{index}")).spawn(move || {
                begin();
                while let Order::Run(task) = line.pop() {
                    // Tasks catch the panics of nodes; a defect beyond them must not cost the others this thread.
                    let _ = catch_unwind(AssertUnwindSafe(|| run(task)));
                }
                *running.lock() -= 1;
                running.notify_all();
            });
            if let Err(error) = spawned {
                // Fewer threads than asked for still do the work; none at all can't.
                let mut running = self.running.lock();
                *running -= 1;
                assert!(*running > 0, "no worker thread could be started: {error}");
            }
        }
    }
}

impl<T> Pool<T> {
    fn ask_to_stop(&self) {
        let running = *self.running.lock();
        for _ in 0..running {
            self.line.push(Order::Stop);
        }
    }
}

impl<T> Drop for Pool<T> {
    fn drop(&mut self) {
        self.ask_to_stop();
    }
}
