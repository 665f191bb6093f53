//! Where large memory goes that the host discards: to a thread of its own. With it, memory may go back to the system, which
//! takes milliseconds for some hundred megabytes, and an event loop does not have them.

use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use remotemedia_core::value::Buffer;

use crate::{fork, time_slice};

/// With a block of this size or more, glibc looks whether it can give memory back to the system; with smaller ones it just
/// notes that they are free.
const LARGE_BYTES: usize = 1 << 16;

/// No more than this waits to be freed: who gives back faster does it himself.
const MOST_WAITING_BYTES: usize = 1 << 30;

/// NULL until the first large memory. What is stored here is never freed, so that no lock is needed that a fork could
/// leave locked; a child, which has no such thread, makes one of its own.
static SWEEPER: AtomicPtr<Sweeper> = AtomicPtr::new(std::ptr::null_mut());

struct Sweeper {
    line: Sender<Buffer>,
    waiting: Arc<AtomicUsize>,
    generation: u32,
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

/// That of this process; `None` if it can't be started, or if another thread does so in this moment.
fn sweeper() -> Option<&'static Sweeper> {
    let known = SWEEPER.load(Ordering::Acquire);
    // SAFETY: NULL, or stored below and never freed.
    if let Some(sweeper) = unsafe { known.as_ref() }.filter(|sweeper| sweeper.generation == fork::generation()) {
        return Some(sweeper);
    }
    let made = Box::into_raw(Box::new(Sweeper::start()?));
    if SWEEPER.compare_exchange(known, made, Ordering::AcqRel, Ordering::Acquire).is_ok() {
        // SAFETY: it was made above, and what is stored is never freed.
        return unsafe { made.as_ref() };
    }
    // SAFETY: it was made above and nobody else has seen it. Its thread ends when its line is closed.
    drop(unsafe { Box::from_raw(made) });
    None
}

impl Sweeper {
    fn start() -> Option<Self> {
        let (line, arrivals) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let swept = Arc::clone(&waiting);
        let thread = std::thread::Builder::new().name("remotemedia-free".to_owned());
        thread.spawn(move || sweep(&arrivals, &swept)).ok()?;
        Some(Self { line, waiting, generation: fork::generation() })
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
