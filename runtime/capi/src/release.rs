//! Release records: the host's numbers that the runtime has let go of. They belong to the process: any drain of any
//! port, and any completion that is handed out at once, carries what there is. Only what a document of a port has named
//! is released behind that document, at that port, while there is one.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};

use remotemedia_core::exec::{Port, WeakPort};
use remotemedia_core::lock::Lock;
use remotemedia_core::value::ForeignMemory;

use crate::fork;
use crate::live::Counter;
use crate::process_wide::ProcessWide;

#[derive(Default)]
struct Records(Lock<Vec<Record>>);

struct Record {
    token: u64,
    /// The port at which a document has named it.
    behind: Option<WeakPort>,
}

impl Record {
    /// Whether it may be handed out at this port. Ports that were looked at are put into `seen`, to be dropped outside
    /// the lock: the last of a port gives back what it holds.
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

/// A fork empties it, since another thread may have held the lock.
static RECORDS: ProcessWide<Records> = ProcessWide::new();

thread_local! {
    /// Set while this thread will look at the records itself, so that the bell need not ring.
    static ATTENDS: Cell<bool> = const { Cell::new(false) };

    /// Where this thread notes what it lets go of while it hands out a document, which is to carry these records itself.
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
    /// Borrows memory of the host; the bell of `port` rings when it is given back.
    ///
    /// # Safety
    /// `data` is readable for `len` bytes and does not change until a release record names `token`.
    pub(crate) unsafe fn new(data: *const u8, len: usize, token: u64, port: Option<&Port>) -> Self {
        Counter::HostBuffers.add(1);
        let port = port.map(Port::downgrade);
        Self { data, len, token, port, is_named: AtomicBool::new(false), generation: fork::generation() }
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
        if self.generation == fork::generation() {
            Counter::HostBuffers.add(-1);
            let is_named = *self.is_named.get_mut();
            note(self.token, self.port.take(), is_named);
        }
    }
}

/// Notes that the host may let go of its exception object, which an error that it is told of at `port` names.
pub(crate) fn record(token: u64, port: WeakPort) {
    note(token, Some(port), true);
}

/// What a thread lets go of while it hands out a document.
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

/// Runs something that hands out a document, which carries what this thread lets go of meanwhile: so nobody can be told
/// before the document is there.
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

/// Starts afresh in a forked child.
pub(crate) fn forget_all() {
    RECORDS.forget();
}

fn records() -> &'static Records {
    RECORDS.get().unwrap_or_else(|| RECORDS.set(Records::default()))
}
