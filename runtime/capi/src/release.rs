//! Release records: the host's numbers that the runtime has let go of. They belong to the process: any drain of any
//! port, and any completion that is handed out at once, carries what there is.

use std::cell::Cell;
use std::sync::atomic::{AtomicPtr, Ordering};

use parking_lot::Mutex;
use remotemedia_core::exec::{Port, WeakPort};
use remotemedia_core::value::ForeignMemory;

use crate::fork;
use crate::live::Counter;

#[derive(Default)]
struct Records(Mutex<Vec<u64>>);

/// Null until the first record; a fork makes it null again, since another thread may have held the lock.
static RECORDS: AtomicPtr<Records> = AtomicPtr::new(std::ptr::null_mut());

thread_local! {
    /// Set while this thread will look at the records itself, so that the bell need not ring.
    static ATTENDS: Cell<bool> = const { Cell::new(false) };
}

/// Memory of the host, borrowed until the last packet that refers to it is gone.
pub(crate) struct HostMemory {
    data: *const u8,
    len: usize,
    token: u64,
    port: Option<WeakPort>,
    generation: u32,
}

// SAFETY: the host promises that the memory is readable from any thread and does not change until the release record.
unsafe impl Send for HostMemory {}
// SAFETY: it is only read.
unsafe impl Sync for HostMemory {}

impl HostMemory {
    /// Borrows memory of the host; the bell of `port` rings when it is given back.
    ///
    /// # Safety
    /// `data` is readable for `len` bytes and does not change until a release record names `token`.
    pub(crate) unsafe fn new(data: *const u8, len: usize, token: u64, port: Option<&Port>) -> Self {
        Counter::HostBuffers.add(1);
        Self { data, len, token, port: port.map(Port::downgrade), generation: fork::generation() }
    }
}

impl ForeignMemory for HostMemory {
    fn bytes(&self) -> &[u8] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: readable and unchanged until the release record, which is written when this is dropped.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }

    fn token(&self) -> u64 {
        self.token
    }
}

impl Drop for HostMemory {
    fn drop(&mut self) {
        if self.generation == fork::generation() {
            Counter::HostBuffers.add(-1);
            record(self.token, self.port.as_ref());
        }
    }
}

/// Notes that the host may let go of what this number stands for.
pub(crate) fn record(token: u64, port: Option<&WeakPort>) {
    records().0.lock().push(token);
    let unattended = port.filter(|_| !ATTENDS.get());
    if let Some(port) = unattended.and_then(WeakPort::upgrade) {
        port.nudge();
    }
}

/// Takes all records.
pub(crate) fn drain() -> Vec<u64> {
    std::mem::take(&mut *records().0.lock())
}

/// Whether there are records.
pub(crate) fn is_waiting() -> bool {
    !records().0.lock().is_empty()
}

/// Runs something on a thread that looks at the records afterwards.
pub(crate) fn attended<R>(work: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ATTENDS.set(self.0);
        }
    }
    let _restore = Restore(ATTENDS.replace(true));
    work()
}

/// Starts afresh in a forked child. Only stores to an atomic, since little else is allowed there.
pub(crate) fn forget_all() {
    RECORDS.store(std::ptr::null_mut(), Ordering::Release);
}

fn records() -> &'static Records {
    let existing = RECORDS.load(Ordering::Acquire);
    // SAFETY: what is stored is leaked, so it lives for ever.
    if let Some(records) = unsafe { existing.as_ref() } {
        return records;
    }
    let fresh = Box::into_raw(Box::<Records>::default());
    match RECORDS.compare_exchange(std::ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: just leaked.
        Ok(_) => unsafe { &*fresh },
        Err(winner) => {
            // SAFETY: nobody else has seen it.
            drop(unsafe { Box::from_raw(fresh) });
            // SAFETY: what is stored is leaked.
            unsafe { &*winner }
        }
    }
}
