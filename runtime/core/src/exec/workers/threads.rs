//! How threads are started. The caller of this crate may have its own way: what a new thread inherits, such as the signals
//! that it blocks, is set where it is started.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::lock::Lock;

/// What a thread runs.
pub type ThreadBody = Box<dyn FnOnce() + Send>;

/// Starts a thread with this name.
pub type SpawnThread = fn(name: String, body: ThreadBody) -> io::Result<()>;

/// Whether threads were started. What could not be is tried anew the next time.
#[derive(Default)]
pub(in crate::exec) struct Started {
    is_done: AtomicBool,
    turn: Lock<()>,
}

impl Started {
    /// Calls `start`, unless it has succeeded before.
    pub(in crate::exec) fn ensure(&self, start: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if self.is_done.load(Ordering::Acquire) {
            return Ok(());
        }
        let _turn = self.turn.lock();
        if !self.is_done.load(Ordering::Acquire) {
            start()?;
            self.is_done.store(true, Ordering::Release);
        }
        Ok(())
    }
}

/// Starts a thread that inherits everything from the one that starts it.
pub(in crate::exec) fn spawn(name: String, body: ThreadBody) -> io::Result<()> {
    std::thread::Builder::new().name(name).spawn(body).map(drop)
}
