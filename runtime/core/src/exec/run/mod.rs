//! One run of a pipeline, from the first packet to the one completion.
//!
//! ```text
//!   Active --------------> Stopping(outcome) --.      Active:    stages run; `Stages` has their states
//!     |  a node has failed        |            |      Stopping:  the first failure is known; stages at work come to the
//!     |                           |            |                 end of their step, all nodes are cleaned up
//!     |  all stages               | no stage is|      Completed: the completion is handed over, exactly once; nodes in
//!     |  have finished            | at work    |                 the middle of a step may still be cleaned up later
//!     v                           v            |
//!   Completed <--------------------------------'
//!       ^   cancel, timeout, shutdown: at once, from both other phases
//! ```
//!
//! [`Run`] ties parts together that know neither it nor each other: in [`state`] the states of the stages
//! ([`Stages`](state::stage_cell::Stages)), their inputs ([`FanIn`](state::fan_in::FanIn)), the packets that come in
//! ([`Ingress`](state::ingress::Ingress)), the outputs ([`Egress`](state::egress::Egress)) and the completion
//! ([`Delivery`](state::delivery::Delivery)); beside it the time ([`Clock`]), which stages can run ([`Scheduler`]), and
//! what can be seen of them ([`RunView`]).
//!
//! What is done to a run is above it, in types that borrow it:
//!
//! ```text
//!   starting  replies  SessionIo  interruption     `control`: what the runtime, the port, a session ask
//!                 TimeSlice                        `time_slice`: a thread that works on one stage
//!            ChainLoop  HostLoop                   its native nodes, its calls to the host
//!            Transfer  Recovery                    moving items, dealing with errors
//!             Pacing > Ending                      letting time pass, coming to the end; under the lock
//!                   Run
//! ```
//!
//! The [`State`] of all parts stands behind one lock, which is never held while a node works. A thread that changes
//! a queue schedules the stages that can run because of it, and a thread that parks a stage checks it once more under the
//! lock: so nothing polls, and no stage is forgotten.

mod clock;
mod control;
mod ending;
mod inspect;
mod meter;
mod pacing;
mod scheduling;
mod state;
mod time_slice;
mod timeout;
mod timer_event;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use self::clock::Clock;
pub(super) use self::control::interruption::interrupt;
pub(super) use self::control::opening::{Identity, SessionSetup};
pub(super) use self::control::session_io::SessionIo;
use self::inspect::RunView;
use self::meter::Meter;
use self::scheduling::{Ready, Scheduler};
use self::state::State;
pub(super) use self::state::final_state::FinalState;
use self::state::guard::StateGuard;
pub(super) use self::state::ingress::SendError;
pub(super) use self::time_slice::budget::Budget;
pub(super) use self::time_slice::{may_block, run_task};
use self::timer_event::TimerEvent;
use super::epochs::Epochs;
use super::param_changes::ParamChanges;
use crate::exec::measures::histogram::{Percentiles, Snapshot};
use crate::exec::measures::live_objects::LiveCount;
use crate::exec::ports::event::Event;
use crate::exec::ports::port::WeakPort;
use crate::exec::queues::items::Items;
use crate::exec::workers::executor::{ActiveRunGuard, Task};
use crate::graph::Graph;
use crate::lock::Lock;
use crate::node::Shared;

/// A run: what its threads use without a lock, and the state behind it.
pub(super) struct Run {
    id: u64,
    token: u64,
    graph: Arc<Graph>,
    poison: Arc<AtomicBool>,
    items: Arc<Items>,
    port: WeakPort,
    /// What its nodes share.
    shared: Shared,
    clock: Clock,
    /// Outputs are handed out while it runs, so that a stage before one may have to wait.
    is_session: bool,
    /// How many ends of items have come to the end of the graph: one for each item and stage that feeds no other.
    ended: AtomicU64,
    /// How often the nodes of a session were interrupted. A stage that has seen fewer interruptions restarts its nodes.
    epochs: Option<Arc<Epochs>>,
    meter: Meter,
    /// Changes of params while a session runs.
    changes: Option<Arc<ParamChanges>>,
    state: Lock<State>,
    _counted: LiveCount,
    /// The last field, since dropping it reports that all others have been dropped.
    guard: ActiveRunGuard<Run>,
}

impl Run {
    /// The time of this run; see [`clock`].
    fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Fires `event` at the time `at`, unless the run has ended by then.
    fn set_timer(self: &Arc<Self>, at: Instant, event: TimerEvent) {
        match &self.clock {
            Clock::Real => self.guard.timer.set(at, Arc::downgrade(self), event),
            Clock::Virtual(time) => time.set(at, event),
        }
    }

    /// Locks the state.
    fn lock(&self) -> StateGuard<'_> {
        StateGuard::lock(&self.state)
    }

    /// What decides which of its stages can run.
    fn scheduler(&self) -> Scheduler<'_> {
        Scheduler {
            graph: &self.graph,
            clock: &self.clock,
            epochs: self.epochs.as_deref(),
            is_session: self.is_session,
        }
    }

    /// Posts an event at the port.
    fn notify(&self, state: &mut State, event: Event) {
        if let Some(port) = self.port.upgrade() {
            state.notify_later(port.post(event));
        }
    }

    /// Notifies a sender that found no room, once there is some.
    fn notify_room(&self, state: &mut State) {
        if state.take_waiting_sender(&self.graph, &self.clock) {
            self.notify(state, Event::Room { token: self.token });
        }
    }

    /// How far the host's event loop was behind since the session began.
    fn lag(&self, before: &Snapshot) -> Percentiles {
        self.port.upgrade().map_or_else(Percentiles::default, |port| port.lag().since(before).percentiles())
    }

    /// The run for those who only look at it.
    fn view<'run>(&'run self, state: &'run State) -> RunView<'run> {
        RunView { graph: &self.graph, state, ended: self.ended.load(Ordering::Relaxed) }
    }

    /// Gives scheduled stages to the workers.
    fn dispatch(self: &Arc<Self>, ready: &mut Ready) {
        for stage in ready.drain(..) {
            self.guard.push(Task { run: Arc::clone(self), stage });
        }
    }
}

impl Drop for Run {
    /// A run whose port is dropped while a host owes it a reply ends here, and its nodes are cleaned up like any.
    fn drop(&mut self) {
        for body in self.state.get_mut().stages.take_bodies() {
            // There is no one left to report a panic to.
            let _ = body.cleanup();
        }
    }
}
