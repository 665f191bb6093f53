//! The passage of time in a run: its timer events, and the virtual clock, which moves while the run is at rest.
//!
//! Before a packet is let into a virtual run, the run comes to rest, the timer events that are due before the packet fire in
//! their order, and time moves on to the packet. Once no more packets come, the remaining events fire whenever the run is
//! at rest.

use std::sync::Arc;
use std::time::Instant;

use super::Run;
use super::clock::Clock;
use super::ending::Ending;
use super::scheduling::Ready;
use super::timeout::timeout_cause;
use super::timer_event::TimerEvent;
use crate::exec::outputs::completion::Outcome;
use crate::exec::run::state::State;
use crate::exec::workers::timer::Fire;
use crate::value::Packet;

impl Fire for Run {
    type Event = TimerEvent;

    fn fire(self: &Arc<Self>, event: TimerEvent) {
        let mut ready = Ready::new();
        Pacing::of(self, &mut self.lock(), &mut ready).fire(event);
        self.dispatch(&mut ready);
    }
}

/// The time of a run whose state is locked. What it lets happen adds stages to `ready`.
pub(super) struct Pacing<'run> {
    run: &'run Run,
    state: &'run mut State,
    ready: &'run mut Ready,
}

impl<'run> Pacing<'run> {
    /// The time of a run whose state is locked.
    pub(super) fn of(run: &'run Run, state: &'run mut State, ready: &'run mut Ready) -> Self {
        Self { run, state, ready }
    }

    /// Lets virtual time pass if nothing else can happen, and notifies a sender that waits for that. Called wherever a run, or
    /// what is before a stage where inputs join, may have come to rest.
    pub(super) fn keep_time(&mut self) {
        let Clock::Virtual(_) = &self.run.clock else { return };
        self.run.scheduler().schedule_joins(self.state, self.ready);
        let Some(ingress) = self.state.ingress.as_deref() else { return };
        if ingress.is_finished() {
            self.fire_until(None);
        } else if ingress.awaited().next().is_some() {
            let graph = &self.run.graph;
            self.make_room(|state| {
                let mut awaited = state.ingress.iter().flat_map(|ingress| ingress.awaited());
                awaited.any(|input| state.has_entry_room(graph, input))
            });
            self.run.notify_room(self.state);
        }
    }

    /// Lets virtual time pass until a packet arrives at its input. Returns `false` if the run has to come to rest first.
    pub(super) fn await_arrival(&mut self, packet: &Packet, input: usize) -> bool {
        let Clock::Virtual(time) = &self.run.clock else { return true };
        if !self.is_at_rest() {
            return false;
        }
        let arrival = time.arrival(packet, input);
        if !self.fire_until(Some(arrival.at)) {
            return false;
        }
        time.arrive(arrival, input);
        true
    }

    /// Fires timer events of a virtual run, however far ahead, until there is room for a packet that nothing else would make.
    pub(super) fn make_room(&mut self, has_room: impl Fn(&State) -> bool) {
        let Clock::Virtual(time) = &self.run.clock else { return };
        while self.is_at_rest() && !has_room(self.state) {
            match time.next(None) {
                Some(event) => self.fire(event),
                None => return,
            }
        }
    }

    /// Whether a run with a virtual clock waits for nothing but the next packet or for time; see [`State::is_at_rest`].
    pub(super) fn is_at_rest(&self) -> bool {
        matches!(self.run.clock, Clock::Virtual(_)) && self.state.is_at_rest(&self.run.graph)
    }

    /// Has a timer event happen.
    pub(super) fn fire(&mut self, event: TimerEvent) {
        match event {
            TimerEvent::Timeout(timeout) => {
                let cause = timeout_cause(self.run.view(self.state), timeout);
                let cure = "Allow more time, or give it less to do.";
                Ending::of(self.run, self.state).stop_now(Outcome::TimedOut, &cause, cure, self.ready);
            }
            TimerEvent::Wake(stage) => {
                self.state.stages[stage].wake();
                self.run.scheduler().schedule_if_runnable(self.state, stage, self.ready);
            }
        }
    }

    /// Fires the events that are due by `until`, as long as the run is at rest. Returns whether it still is.
    fn fire_until(&mut self, until: Option<Instant>) -> bool {
        let Clock::Virtual(time) = &self.run.clock else { return true };
        while self.is_at_rest() {
            match time.next(until) {
                Some(event) => self.fire(event),
                None => return true,
            }
        }
        false
    }
}
