//! The passage of time in a run: its timer events, and the virtual clock, which moves while the run is at rest.
//!
//! Before a packet is let into a virtual run, the run comes to rest, the timer events that are due before the packet fire in
//! their order, and time moves on to the packet. Once no more packets come, the remaining events fire whenever the run is
//! at rest.

use std::sync::Arc;
use std::time::Instant;

use super::clock::Clock;
use super::timer_event::TimerEvent;
use super::scheduling::Ready;
use super::timeout::timeout_cause;
use super::{Run, State};
use crate::exec::completion::Outcome;
use crate::exec::timer::Fire;
use crate::value::Packet;

impl Fire for Run {
    type Event = TimerEvent;

    fn fire(self: &Arc<Self>, event: TimerEvent) {
        let mut ready = Ready::new();
        self.fire_locked(&mut self.lock(), event, &mut ready);
        self.dispatch(&mut ready);
    }
}

impl Run {
    /// The time of this run; see [`super::clock`].
    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Fires `event` at the time `at`, unless the run has ended by then.
    pub(super) fn set_timer(self: &Arc<Self>, at: Instant, event: TimerEvent) {
        match &self.clock {
            Clock::Real => self.guard.timer.set(at, Arc::downgrade(self), event),
            Clock::Virtual(time) => time.set(at, event),
        }
    }

    fn fire_locked(&self, state: &mut State, event: TimerEvent, ready: &mut Ready) {
        match event {
            TimerEvent::Timeout(timeout) => {
                let cause = timeout_cause(self.view(state), timeout);
                let cure = "Allow more time, or give it less to do.";
                self.stop_locked(state, Outcome::TimedOut, &cause, cure, ready);
            }
            TimerEvent::Wake(stage) => {
                state.stages[stage].wake();
                self.scheduler().schedule_if_runnable(state, stage, ready);
            }
        }
    }

    /// Lets virtual time pass until a packet arrives at its input. Returns `false` if the run has to come to rest first.
    pub(super) fn await_arrival(&self, state: &mut State, packet: &Packet, input: usize, ready: &mut Ready) -> bool {
        let Clock::Virtual(time) = &self.clock else { return true };
        if !self.is_at_rest(state) {
            return false;
        }
        let arrival = time.arrival(packet, input);
        if !self.fire_until(state, Some(arrival.at), ready) {
            return false;
        }
        time.arrive(arrival, input);
        true
    }

    /// Lets virtual time pass if nothing else can happen, and notifies a sender that waits for that. Called wherever a run may
    /// have come to rest.
    pub(super) fn keep_time(&self, state: &mut State, ready: &mut Ready) {
        let Clock::Virtual(_) = &self.clock else { return };
        let Some(ingress) = state.ingress.as_deref() else { return };
        if ingress.is_finished() {
            self.fire_until(state, None, ready);
        } else if ingress.awaited().next().is_some() {
            let has_room = |state: &State| {
                let mut awaited = state.ingress.iter().flat_map(|ingress| ingress.awaited());
                awaited.any(|input| state.has_entry_room(&self.graph, input))
            };
            self.make_room(state, has_room, ready);
            self.notify_room(state);
        }
    }

    /// Fires timer events of a virtual run, however far ahead, until there is room for a packet that nothing else would make.
    pub(super) fn make_room(&self, state: &mut State, has_room: impl Fn(&State) -> bool, ready: &mut Ready) {
        let Clock::Virtual(time) = &self.clock else { return };
        while self.is_at_rest(state) && !has_room(state) {
            match time.next(None) {
                Some(event) => self.fire_locked(state, event, ready),
                None => return,
            }
        }
    }

    /// Fires the events that are due by `until`, as long as the run is at rest. Returns whether it still is.
    fn fire_until(&self, state: &mut State, until: Option<Instant>, ready: &mut Ready) -> bool {
        let Clock::Virtual(time) = &self.clock else { return true };
        while self.is_at_rest(state) {
            match time.next(until) {
                Some(event) => self.fire_locked(state, event, ready),
                None => return true,
            }
        }
        false
    }

    /// Whether a run with a virtual clock waits for nothing but the next packet or for time; see [`State::is_at_rest`].
    pub(super) fn is_at_rest(&self, state: &State) -> bool {
        matches!(self.clock, Clock::Virtual(_)) && state.is_at_rest(&self.graph)
    }
}
