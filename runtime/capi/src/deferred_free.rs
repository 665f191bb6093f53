//! Frees large buffers on a background thread: giving their memory back to the system can take milliseconds, too long for
//! an event loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use remotemedia_core::value::Buffer;

use crate::leaked_once::LeakedOnce;
use crate::{sched_slice, threads};

/// For a block of this size or more, glibc considers giving memory back to the system; a smaller one is only marked as
/// free.
const LARGE_BYTES: usize = 1 << 16;

/// The most memory that waits to be freed: a thread that discards faster frees its buffers itself.
const MAX_WAITING_BYTES: usize = 1 << 30;

static RECLAIMER: LeakedOnce<Reclaimer> = LeakedOnce::new();

struct Reclaimer {
    queue: Sender<Buffer>,
    waiting: Arc<AtomicUsize>,
}

/// Drops a buffer: on the background thread if that frees large memory.
pub(crate) fn free(mut buffer: Buffer) {
    let bytes = buffer.len();
    if bytes < LARGE_BYTES || !buffer.is_exclusive() {
        return;
    }
    let Some(reclaimer) = reclaimer() else { return };
    if reclaimer.waiting.fetch_add(bytes, Ordering::Relaxed) > MAX_WAITING_BYTES {
        reclaimer.waiting.fetch_sub(bytes, Ordering::Relaxed);
    } else {
        // If the thread were gone, the buffer would come back and be dropped here.
        let _ = reclaimer.queue.send(buffer);
    }
}

/// Starts afresh in a forked child, which does not have the thread.
#[cfg_attr(windows, expect(dead_code, reason = "nothing forks there"))]
pub(crate) fn forget() {
    RECLAIMER.forget();
}

/// The reclaimer of this process; `None` if its thread can't be started.
fn reclaimer() -> Option<&'static Reclaimer> {
    // If another thread was faster, this one is dropped, which closes its queue and so ends its thread.
    RECLAIMER.get().or_else(|| Some(RECLAIMER.set(Reclaimer::start()?)))
}

impl Reclaimer {
    fn start() -> Option<Self> {
        let (queue, buffers) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let still_waiting = Arc::clone(&waiting);
        threads::spawn("remotemedia-free".to_owned(), Box::new(move || free_all(&buffers, &still_waiting))).ok()?;
        Some(Self { queue, waiting })
    }
}

fn free_all(buffers: &Receiver<Buffer>, waiting: &AtomicUsize) {
    sched_slice::request_batch();
    for buffer in buffers {
        let bytes = buffer.len();
        drop(buffer);
        waiting.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn large_memory_is_freed_by_the_other_thread_unless_too_much_waits_there() {
        let mut memory = Buffer::from_bytes(vec![1; LARGE_BYTES]);
        free(memory.clone());
        assert!(memory.is_exclusive(), "a shared buffer is dropped at once");
        free(memory);
        let waiting = &reclaimer().expect("it was just used").waiting;
        let begun = Instant::now();
        while waiting.load(Ordering::Relaxed) > 0 {
            assert!(begun.elapsed() < Duration::from_secs(60), "the memory was not freed");
            std::thread::yield_now();
        }

        waiting.fetch_add(MAX_WAITING_BYTES + 1, Ordering::Relaxed);
        free(Buffer::from_bytes(vec![1; LARGE_BYTES]));
        assert_eq!(waiting.load(Ordering::Relaxed), MAX_WAITING_BYTES + 1);
        waiting.fetch_sub(MAX_WAITING_BYTES + 1, Ordering::Relaxed);
    }
}
