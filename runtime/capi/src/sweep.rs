//! Where large memory goes that the host discards: to a thread of its own. With it, memory may go back to the system, which
//! takes milliseconds for some hundred megabytes, and an event loop does not have them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use remotemedia_core::value::Buffer;

use crate::process_wide::ProcessWide;
use crate::time_slice;

/// With a block of this size or more, glibc looks whether it can give memory back to the system; with smaller ones it just
/// notes that they are free.
const LARGE_BYTES: usize = 1 << 16;

/// No more than this waits to be freed: who gives back faster does it himself.
const MOST_WAITING_BYTES: usize = 1 << 30;

static SWEEPER: ProcessWide<Sweeper> = ProcessWide::new();

struct Sweeper {
    line: Sender<Buffer>,
    waiting: Arc<AtomicUsize>,
}

/// Drops a buffer: on the other thread if that frees large memory.
pub(crate) fn give(mut buffer: Buffer) {
    let bytes = buffer.len();
    if bytes < LARGE_BYTES || !buffer.is_exclusive() {
        return;
    }
    let Some(sweeper) = sweeper() else { return };
    if sweeper.waiting.fetch_add(bytes, Ordering::Relaxed) > MOST_WAITING_BYTES {
        sweeper.waiting.fetch_sub(bytes, Ordering::Relaxed);
    } else {
        // If its thread were gone, the buffer would come back and be dropped here.
        let _ = sweeper.line.send(buffer);
    }
}

/// Starts afresh in a forked child, which does not have the thread.
pub(crate) fn forget() {
    SWEEPER.forget();
}

/// That of this process; `None` if its thread can't be started.
fn sweeper() -> Option<&'static Sweeper> {
    // One that another thread was quicker with is dropped, and its line ends its thread.
    SWEEPER.get().or_else(|| Some(SWEEPER.set(Sweeper::start()?)))
}

impl Sweeper {
    fn start() -> Option<Self> {
        let (line, arrivals) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let swept = Arc::clone(&waiting);
        let thread = std::thread::Builder::new().name("remotemedia-free".to_owned());
        thread.spawn(move || sweep(&arrivals, &swept)).ok()?;
        Some(Self { line, waiting })
    }
}

fn sweep(arrivals: &Receiver<Buffer>, waiting: &AtomicUsize) {
    time_slice::prolong();
    for buffer in arrivals {
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
        give(memory.clone());
        assert!(memory.is_exclusive(), "what is shared is let go of at once");
        give(memory);
        let waiting = &sweeper().expect("it was just used").waiting;
        let begun = Instant::now();
        while waiting.load(Ordering::Relaxed) > 0 {
            assert!(begun.elapsed() < Duration::from_secs(60), "the memory was not freed");
            std::thread::yield_now();
        }

        waiting.fetch_add(MOST_WAITING_BYTES + 1, Ordering::Relaxed);
        give(Buffer::from_bytes(vec![1; LARGE_BYTES]));
        assert_eq!(waiting.load(Ordering::Relaxed), MOST_WAITING_BYTES + 1);
        waiting.fetch_sub(MOST_WAITING_BYTES + 1, Ordering::Relaxed);
    }
}
