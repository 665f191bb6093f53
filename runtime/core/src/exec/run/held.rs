//! Holding the state of a run. Events that were told meanwhile are rung for afterwards, since whoever that wakes may want
//! the state at once.

use std::ops::{Deref, DerefMut};
use std::sync::MutexGuard;

use super::{Run, State};
use crate::exec::delays;
use crate::exec::port::{Event, Ring};

/// The state of a run, for one thread at a time.
pub(super) struct Held<'a> {
    state: MutexGuard<'a, State>,
    /// Behind the state, so that it is dropped after it.
    ring: Option<Ring>,
}

impl Run {
    /// Waits until no other thread holds the state.
    pub(super) fn hold(&self) -> Held<'_> {
        delays::pause();
        Held { state: self.state.lock(), ring: None }
    }

    /// Posts an event at the port, to be rung for when the state is let go.
    pub(super) fn tell(&self, state: &mut State, event: Event) {
        if let Some(port) = self.port.upgrade() {
            state.ring_later(port.post(event));
        }
    }
}

impl State {
    /// Rings when it is let go.
    pub(super) fn ring_later(&mut self, ring: Ring) {
        match &mut self.ring {
            Some(known) => known.take_over(ring),
            None => self.ring = Some(ring),
        }
    }
}

impl Deref for Held<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.ring = self.state.ring.take();
    }
}
