//! Release records: the tokens of host memory and host exceptions that the runtime no longer uses. They belong to the
//! process: any drain of any port, and any completion that is handed out at once, carries all that wait. One exception: a
//! token that a document of a port has named is released behind that document, at that port, while the port exists.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};

use remotemedia_core::exec::{Port, WeakPort};
use remotemedia_core::lock::Lock;
use remotemedia_core::value::ForeignMemory;

use crate::counters::Counter;
use crate::generation;
use crate::leaked_once::LeakedOnce;

#[derive(Default)]
struct Records(Lock<Vec<Record>>);

struct Record {
    token: u64,
    /// The port at which a document has named the token.
    behind: Option<WeakPort>,
}

impl Record {
    /// Whether the record may be handed out at this port. Ports that were upgraded to check this are put into `seen`, to
    /// be dropped outside the lock: dropping the last reference to a port releases what the port holds.
    fn is_for(&self, port: Option<&Port>, seen: &mut Vec<Port>) -> bool {
        let Some(behind) = &self.behind else { return true };
        if port.is_some_and(|port| behind.is(port)) {
            return true;
        }
        let Some(other) = behind.upgrade() else { return true };
        let is_over = other.is_over();
        seen.push(other);
        is_over
    }
}

/// The records of this process. A fork empties the place, since another thread may have held the lock.
static RECORDS: LeakedOnce<Records> = LeakedOnce::new();

thread_local! {
    /// Set while this thread is going to look at the records itself, so that no port need be woken.
    static ATTENDS: Cell<bool> = const { Cell::new(false) };

    /// The tokens that this thread releases while it hands out a document, which is to carry these records itself.
    static COLLECTED: RefCell<Option<Vec<u64>>> = const { RefCell::new(None) };
}

/// Memory of the host, borrowed until the last packet that refers to it is gone.
pub(crate) struct HostMemory {
    data: *const u8,
    len: usize,
    token: u64,
    port: Option<WeakPort>,
    is_named: AtomicBool,
    generation: u32,
}

// SAFETY: the host promises that the memory is readable from any thread and does not change until the release record.
unsafe impl Send for HostMemory {}
// SAFETY: it is only read.
unsafe impl Sync for HostMemory {}

impl HostMemory {
    /// Borrows memory of the host; `port` is woken when the memory is released.
    ///
    /// # Safety
    /// `data` is readable for `len` bytes and does not change until a release record names `token`.
    pub(crate) unsafe fn new(data: *const u8, len: usize, token: u64, port: Option<&Port>) -> Self {
        Counter::HostBuffers.add(1);
        let port = port.map(Port::downgrade);
        Self { data, len, token, port, is_named: AtomicBool::new(false), generation: generation::current() }
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

    fn named(&self) {
        self.is_named.store(true, Ordering::Relaxed);
    }
}

impl Drop for HostMemory {
    fn drop(&mut self) {
        if self.generation == generation::current() {
            Counter::HostBuffers.add(-1);
            let is_named = *self.is_named.get_mut();
            note(self.token, self.port.take(), is_named);
        }
    }
}

/// Releases an exception object of the host, which an error that is reported at `port` names.
pub(crate) fn record(token: u64, port: WeakPort) {
    note(token, Some(port), true);
}

/// The tokens that a thread releases while it hands out a document.
pub(crate) struct Collected(());

impl Collected {
    /// Takes what was collected so far.
    pub(crate) fn take(&self) -> Vec<u64> {
        COLLECTED.with_borrow_mut(|collected| collected.replace(Vec::new())).unwrap_or_default()
    }

    /// Takes what was collected so far, and all records that may be handed out at this port.
    pub(crate) fn drain(&self, port: Option<&Port>) -> Vec<u64> {
        let mut released = self.take();
        let mut seen = Vec::new();
        let mut waiting = records().0.lock();
        released.extend(waiting.extract_if(.., |record| record.is_for(port, &mut seen)).map(|record| record.token));
        drop(waiting);
        released
    }
}

/// Runs something that hands out a document, which carries the tokens that this thread releases meanwhile. So no other
/// thread can report them before the document is there.
pub(crate) fn collected(work: impl FnOnce(&Collected)) {
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            for token in COLLECTED.take().into_iter().flatten() {
                note(token, None, false);
            }
        }
    }
    COLLECTED.set(Some(Vec::new()));
    let _end = End;
    work(&Collected(()));
}

/// Whether there are records that may be handed out at this port.
pub(crate) fn is_waiting(port: &Port) -> bool {
    let mut seen = Vec::new();
    let waiting = records().0.lock();
    let is_waiting = waiting.iter().any(|record| record.is_for(Some(port), &mut seen));
    drop(waiting);
    is_waiting
}

fn note(token: u64, port: Option<WeakPort>, is_named: bool) {
    let is_collected = COLLECTED.with_borrow_mut(|collected| match collected {
        Some(collected) => {
            collected.push(token);
            true
        }
        None => false,
    });
    if is_collected {
        return;
    }
    let unattended = port.as_ref().filter(|_| !ATTENDS.get()).and_then(WeakPort::upgrade);
    let behind = port.filter(|_| is_named);
    records().0.lock().push(Record { token, behind });
    if let Some(port) = unattended {
        port.wake();
    }
}

/// Runs something after which the caller looks at the records itself: releases do not wake a port meanwhile.
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

/// Forgets all records, in a forked child.
pub(crate) fn forget_all() {
    RECORDS.forget();
}

fn records() -> &'static Records {
    RECORDS.get().unwrap_or_else(|| RECORDS.set(Records::default()))
}
