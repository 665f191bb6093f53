//! The lock of a run's state. Events that are posted under it notify their event loop after it was released, since the
//! thread that wakes up may want the state at once; and calls that were taken back are dropped then.

use std::ops::{Deref, DerefMut};

use super::state::{State, UntakenCall};
use crate::exec::delays;
use crate::exec::port::DeferredNotify;
use crate::lock::{Guard, Lock};

/// The locked state of a run.
pub(super) struct StateGuard<'a> {
    state: Guard<'a, State>,
    /// These are declared after the state, so that they are dropped after it.
    notify: Option<DeferredNotify>,
    _untaken: Vec<UntakenCall>,
}

impl<'a> StateGuard<'a> {
    /// Locks a state.
    pub(super) fn lock(state: &'a Lock<State>) -> Self {
        delays::pause();
        Self { state: state.lock(), notify: None, _untaken: Vec::new() }
    }
}

impl Deref for StateGuard<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for StateGuard<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for StateGuard<'_> {
    fn drop(&mut self) {
        self.notify = self.state.notify.take();
        // Seldom there, and the lock is released many times for each piece of work.
        if !self.state.untaken.is_empty() {
            self._untaken = std::mem::take(&mut self.state.untaken);
        }
    }
}
