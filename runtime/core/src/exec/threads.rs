//! How threads are started. The caller of this crate may have its own way: what a new thread inherits, such as the signals
//! that it blocks, is set where it is started.

use std::io;

/// What a thread runs.
pub type ThreadBody = Box<dyn FnOnce() + Send>;

/// Starts a thread with this name.
pub type SpawnThread = fn(name: String, body: ThreadBody) -> io::Result<()>;

/// Starts a thread that inherits everything from the one that starts it.
pub(super) fn spawn(name: String, body: ThreadBody) -> io::Result<()> {
    std::thread::Builder::new().name(name).spawn(body).map(drop)
}
