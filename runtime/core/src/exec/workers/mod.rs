//! Threads: a pool of workers on which all runs take turns, and the timer. They know nothing of packets.

pub(super) mod delays;
pub(super) mod executor;
pub(super) mod nice;
pub(super) mod pool;
pub(super) mod threads;
pub(super) mod timer;
