//! The lock of a run's state. Events that are posted under it notify their event loop after it was released, since the
//! thread that wakes up may want the state at once; and calls that were taken back are dropped then.

use std::ops::{Deref, DerefMut};

use super::{State, UntakenCall};
use crate::exec::ports::port::DeferredNotify;
use crate::exec::workers::delays;
use crate::lock::{Guard, Lock};

/// The locked state of a run.
pub(in crate::exec::run) struct StateGuard<'a> {
    state: Guard<'a, State>,
    /// Declared after the state, so that it is dropped after it. In one piece, since it is seldom there, and the lock is released
    /// many times for each piece of work.
    _unlocked: Option<Box<Unlocked>>,
}

/// What is dropped once the lock is released.
struct Unlocked {
    _notify: Option<DeferredNotify>,
    _untaken: Vec<UntakenCall>,
}

impl<'a> StateGuard<'a> {
    /// Locks a state.
    #[inline]
    pub(in crate::exec::run) fn lock(state: &'a Lock<State>) -> Self {
        delays::pause();
        Self { state: state.lock(), _unlocked: None }
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
    #[inline]
    fn drop(&mut self) {
        if self.state.notify.is_some() || !self.state.untaken.is_empty() {
            self._unlocked = Some(take_unlocked(&mut self.state));
        }
    }
}

#[cold]
fn take_unlocked(state: &mut State) -> Box<Unlocked> {
    Box::new(Unlocked { _notify: state.notify.take(), _untaken: std::mem::take(&mut state.untaken) })
}
