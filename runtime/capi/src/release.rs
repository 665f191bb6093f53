//! Release records: the tokens that the host gets back, of memory, of exceptions and of its node types.
//!
//! A token that was given through a port comes back at that port alone; one that was given without a port, or through a
//! port that was freed, at the runtime: at any drain of any of its ports, or when the host asks for them. What a call
//! itself gives and releases comes back with that call. There is no state of a thread here: an exit handler runs after
//! that is gone.

use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use remotemedia_core::exec::{Port, ReleaseToken, WeakPort};
use remotemedia_core::lock::Lock;
use remotemedia_core::value::ForeignMemory;

use crate::counters::Counter;
use crate::failure::Failure;
use crate::generation;
use crate::status::rm_status;

/// The records that wait at a runtime.
#[derive(Default)]
pub(crate) struct RuntimeRecords {
    tokens: Lock<Vec<u64>>,
    /// Read without the lock, since mostly none wait.
    is_waiting: AtomicBool,
}

/// The records that wait at a port.
pub(crate) struct PortRecords {
    state: Lock<PortState>,
    is_waiting: AtomicBool,
    /// Woken when records begin to wait.
    port: WeakPort,
    runtime: Arc<RuntimeRecords>,
}

#[derive(Default)]
struct PortState {
    tokens: Vec<u64>,
    is_freed: bool,
}

/// Where the tokens of a call come back.
#[derive(Clone, Copy)]
pub(crate) enum Records<'a> {
    Port(&'a Arc<PortRecords>),
    Runtime(&'a Arc<RuntimeRecords>),
}

/// The same, for loans that outlast the call.
enum KeptRecords {
    Port(Arc<PortRecords>),
    Runtime(Arc<RuntimeRecords>),
}

impl RuntimeRecords {
    fn add(&self, tokens: &[u64]) {
        let mut waiting = self.tokens.lock();
        waiting.extend_from_slice(tokens);
        // Under the lock, or a drain in between would leave it set with nothing there.
        self.is_waiting.store(true, Ordering::Release);
    }

    /// Moves the records that wait into `released`.
    pub(crate) fn drain(&self, released: &mut Vec<u64>) {
        if self.is_waiting.load(Ordering::Acquire) {
            let mut tokens = self.tokens.lock();
            self.is_waiting.store(false, Ordering::Relaxed);
            released.append(&mut tokens);
        }
    }
}

impl PortRecords {
    pub(crate) fn new(port: &Port, runtime: &Arc<RuntimeRecords>) -> Arc<Self> {
        Arc::new(Self {
            state: Lock::default(),
            is_waiting: AtomicBool::new(false),
            port: port.downgrade(),
            runtime: Arc::clone(runtime),
        })
    }

    fn add(&self, tokens: &[u64]) {
        let mut state = self.state.lock();
        if state.is_freed {
            drop(state);
            return self.runtime.add(tokens);
        }
        let is_first = state.tokens.is_empty();
        state.tokens.extend_from_slice(tokens);
        self.is_waiting.store(true, Ordering::Release);
        drop(state);
        // Others that wait are handed out with the first one, whose port has been woken or is going to be.
        if let (true, Some(port)) = (is_first, self.port.upgrade()) {
            port.wake();
        }
    }

    /// Whether a drain of the port would hand out records.
    pub(crate) fn are_waiting(&self) -> bool {
        self.is_waiting.load(Ordering::Acquire) || self.runtime.is_waiting.load(Ordering::Acquire)
    }

    /// Moves the records that wait here and at the runtime into `released`.
    pub(crate) fn drain(&self, released: &mut Vec<u64>) {
        if self.is_waiting.load(Ordering::Acquire) {
            let mut state = self.state.lock();
            self.is_waiting.store(false, Ordering::Relaxed);
            released.append(&mut state.tokens);
        }
        self.runtime.drain(released);
    }

    /// Leaves what waits here, and what will come, to the runtime: the port is freed.
    pub(crate) fn free(&self) {
        let mut state = self.state.lock();
        state.is_freed = true;
        let tokens = std::mem::take(&mut state.tokens);
        drop(state);
        if !tokens.is_empty() {
            self.runtime.add(&tokens);
        }
    }
}

impl Records<'_> {
    fn add(self, tokens: &[u64]) {
        match self {
            Self::Port(records) => records.add(tokens),
            Self::Runtime(records) => records.add(tokens),
        }
    }

    fn drain(self, released: &mut Vec<u64>) {
        match self {
            Self::Port(records) => records.drain(released),
            Self::Runtime(records) => records.drain(released),
        }
    }

    fn keep(self) -> KeptRecords {
        match self {
            Self::Port(records) => KeptRecords::Port(Arc::clone(records)),
            Self::Runtime(records) => KeptRecords::Runtime(Arc::clone(records)),
        }
    }
}

/// The tokens that one call was given.
struct Loans {
    /// None if the call names no live object: it is refused, and nothing of it outlasts the call.
    to: Option<KeptRecords>,
    /// Those that were released while the call works; none once it has returned.
    during: Lock<Option<Vec<u64>>>,
}

impl Loans {
    fn release(&self, token: u64) {
        let mut during = self.during.lock();
        if let Some(released) = &mut *during {
            return released.push(token);
        }
        drop(during);
        match &self.to {
            Some(KeptRecords::Port(records)) => records.add(&[token]),
            Some(KeptRecords::Runtime(records)) => records.add(&[token]),
            None => {}
        }
    }
}

/// Takes the tokens that a call is given, and sees to it that each comes back: with the call, or by a record.
pub(crate) struct Lender<'a> {
    to: Option<Records<'a>>,
    /// Made with the first token: most calls are given none.
    loans: OnceCell<Arc<Loans>>,
}

impl<'a> Lender<'a> {
    pub(crate) fn new(to: Option<Records<'a>>) -> Self {
        Self { to, loans: OnceCell::new() }
    }

    fn loans(&self) -> &Arc<Loans> {
        self.loans
            .get_or_init(|| Arc::new(Loans { to: self.to.map(Records::keep), during: Lock::new(Some(Vec::new())) }))
    }

    /// Borrows memory of the host until the value is dropped.
    ///
    /// # Safety
    /// `data` is readable for `len` bytes and does not change until a release record names `token`.
    pub(crate) unsafe fn borrow_memory(&self, data: *const u8, len: usize, token: u64) -> HostMemory {
        Counter::HostBuffers.add(1);
        HostMemory { data, len, token, loans: Some(Arc::clone(self.loans())), generation: generation::current() }
    }

    /// Releases a token of the host that is no memory.
    pub(crate) fn release_token(&self) -> ReleaseToken {
        let loans = Arc::clone(self.loans());
        Box::new(move |token| loans.release(token))
    }

    /// Adds the tokens of this call that were released so far to `released`, and what waits for a drain.
    pub(crate) fn drain(&self, released: &mut Vec<u64>) {
        if let Some(loans) = self.loans.get() {
            released.append(loans.during.lock().get_or_insert_default());
        }
        if let Some(to) = &self.to {
            to.drain(released);
        }
    }

    /// Ends the call. Tokens of it that were released and not handed out come back with its error, if the caller takes
    /// that, else by a record.
    pub(crate) fn end(self, outcome: Result<rm_status, Failure>, takes_error: bool) -> Result<rm_status, Failure> {
        let mut released = self.loans.get().and_then(|loans| loans.during.lock().take()).unwrap_or_default();
        // In whatever order they were dropped.
        released.sort_unstable();
        if released.is_empty() {
            return outcome;
        }
        match (outcome, self.to) {
            (Err(failure), _) if takes_error => Err(failure.releasing(released)),
            (outcome, Some(to)) => {
                to.add(&released);
                outcome
            }
            (outcome, None) => outcome,
        }
    }
}

/// Memory of the host, borrowed until the last packet that refers to it is gone.
pub(crate) struct HostMemory {
    data: *const u8,
    len: usize,
    token: u64,
    /// None once another one reports the release.
    loans: Option<Arc<Loans>>,
    generation: u32,
}

// SAFETY: the host promises that the memory is readable from any thread and does not change until the release record.
unsafe impl Send for HostMemory {}
// SAFETY: it is only read.
unsafe impl Sync for HostMemory {}

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

    fn end(mut self: Box<Self>) -> u64 {
        self.loans = None;
        self.token
    }
}

impl Drop for HostMemory {
    fn drop(&mut self) {
        if self.generation == generation::current() {
            Counter::HostBuffers.add(-1);
            if let Some(loans) = &self.loans {
                loans.release(self.token);
            }
        }
    }
}
