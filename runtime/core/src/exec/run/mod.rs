//! One run of a pipeline: its queues, its stages and who may run them, from the first packet to the one completion.
//!
//! All scheduling state of a run stands behind one lock, which is never held while a node works. A stage is idle,
//! scheduled or running; whoever changes a queue schedules the neighbours that can now go on, so nothing polls, and
//! whoever parks a stage looks once more under the lock, so nothing is forgotten.

mod alarm;
mod answers;
mod clock;
mod ending;
mod entry;
mod failure;
mod held;
mod look;
mod quantum;
mod readiness;
mod record;
mod recovery;
mod streaming;
mod travel;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::time::Instant;

use smallvec::SmallVec;

pub(super) use self::alarm::Alarm;
use self::clock::Clock;
use self::entry::entry_queues;
use self::quantum::{Body, Work};
pub(super) use self::quantum::{Budget, Task};
use self::streaming::Feed;
pub(super) use self::streaming::{Opening, Refusal, Rest};
use super::changes::Changes;
use super::completion::{Completion, Outcome, RunError, SkipReport};
use super::exchange::Exchange;
use super::host_call::HostCall;
use super::items::Items;
use super::live::Counted;
use super::metrics::{Counts, IS_MEASURED};
use super::outlet::Outlets;
use super::port::{Port, Ring, WeakPort};
use super::queue::Queue;
use super::runtime::Presence;
use super::sink::Collector;
use crate::graph::Graph;
use crate::lock::Lock;
use crate::node::CancelFlag;
use crate::value::Value;

/// A run.
pub(super) struct Run {
    id: u64,
    token: u64,
    graph: Arc<Graph>,
    poison: Arc<AtomicBool>,
    items: Arc<Items>,
    output_bytes: usize,
    port: WeakPort,
    cancel: CancelFlag,
    clock: Clock,
    /// Whether outputs are handed out while it runs, so that a stage before a sink may have to wait.
    is_session: bool,
    /// How many ENDs have come to the end of the graph: one for each item and sink.
    ended: AtomicU64,
    /// How often a session was interrupted; a stage that has seen fewer begins anew.
    epoch: AtomicU32,
    /// What the nodes of a session have done.
    counts: Option<Arc<Counts>>,
    /// What a session changes about its nodes while it runs.
    changes: Option<Arc<Changes>>,
    state: Lock<State>,
    _counted: Counted,
    /// The last field, since it tells the runtime that all others have let go of what they held.
    runtime: Presence,
}

/// Stages that can go on, in the order in which they could: seldom more than a few.
type Ready = SmallVec<[usize; 8]>;

struct State {
    queues: Vec<Queue>,
    stages: Vec<StageState>,
    sinks: Sinks,
    /// How packets come in while it runs; none if all were there at the start.
    feed: Option<Box<Feed>>,
    errors: Vec<RunError>,
    skip_report: SkipReport,
    /// The nodes that have skipped something.
    skipping: Vec<usize>,
    /// Stages that are scheduled or running.
    active: usize,
    /// Stages that have not finished.
    open: usize,
    phase: Phase,
    /// Where the completion goes.
    delivery: Delivery,
    /// The time when somebody last looked at a clock for another reason: at most a quantum or a step ago.
    now_about: Option<Instant>,
    /// To be rung by whoever holds this, when it lets go.
    ring: Option<Ring>,
}

/// Where results go.
enum Sinks {
    /// They wait for the completion.
    Collected { collectors: Vec<Collector>, bytes: usize },
    /// The host takes them while the run goes on.
    Live(Outlets),
}

struct StageState {
    status: Status,
    body: Option<Box<Body>>,
    /// What a host stage and its host have between them.
    exchange: Exchange,
    /// The input edge that is looked at first, so that a busy edge does not starve the others.
    next_input: usize,
    /// The input ports of which an aligning node wants nothing for now, a bit for each.
    refused: u64,
    /// A moment has come that it waited for.
    is_woken: bool,
    /// Since when the oldest packet is here that it has taken and not worked off.
    holds_since: Option<Instant>,
    /// Whether the next call goes to the thread that has just answered one, rather than to the port.
    follow_up: FollowUp,
}

/// What a thread that answers a call takes with it. It names that call: a thread that answered an earlier one and has not
/// returned yet must not take what another one waits for.
#[derive(Default)]
enum FollowUp {
    #[default]
    Unwanted,
    Wanted {
        by: u64,
    },
    Call {
        by: u64,
        call: HostCall,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Idle,
    Scheduled,
    Running,
    Finished,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Active,
    /// It ends for this reason once no stage is active.
    Stopping(Outcome),
    Completed,
}

impl State {
    fn new(graph: &Graph, queues: Vec<Queue>, sinks: Sinks, feed: Option<Box<Feed>>, delivery: Delivery) -> Self {
        let stages = graph
            .stages
            .iter()
            .map(|_| StageState {
                status: Status::Idle,
                body: None,
                exchange: Exchange::default(),
                next_input: 0,
                refused: 0,
                is_woken: false,
                holds_since: None,
                follow_up: FollowUp::Unwanted,
            })
            .collect();
        let open = graph.stages.len();
        Self {
            queues,
            stages,
            sinks,
            feed,
            errors: Vec::new(),
            skip_report: SkipReport::default(),
            skipping: Vec::new(),
            active: 0,
            open,
            phase: Phase::Active,
            delivery,
            now_about: None,
            ring: None,
        }
    }

    /// Packets that are put in line from now on wait since `now`.
    fn seen(&mut self, now: Instant) {
        if IS_MEASURED {
            self.now_about = Some(now);
        }
    }
}

enum Delivery {
    /// The submitting thread is still at it and takes the completion itself.
    Submitter(Option<Completion>),
    Port,
}

impl Run {
    /// A run over inputs that are in memory; nothing runs yet.
    #[allow(clippy::too_many_arguments, reason = "one call site; a struct of the same fields would say nothing more")]
    pub(super) fn new(
        id: u64,
        token: u64,
        graph: Arc<Graph>,
        poison: Arc<AtomicBool>,
        inputs: Option<Vec<Value>>,
        runtime: Presence,
        port: &Port,
        output_bytes: usize,
    ) -> Arc<Self> {
        let items = match &inputs {
            Some(inputs) => Items::given(inputs),
            None => Items::begun(&graph),
        };
        let collectors = graph.sinks.iter().map(|&node| Collector::new(Arc::clone(&graph.nodes[node].id))).collect();
        let state = State::new(
            &graph,
            entry_queues(&graph, inputs),
            Sinks::Collected { collectors, bytes: 0 },
            None,
            Delivery::Submitter(None),
        );
        Arc::new(Self {
            id,
            token,
            graph,
            poison,
            items: Arc::new(items),
            output_bytes,
            port: port.downgrade(),
            cancel: CancelFlag::default(),
            clock: Clock::Real,
            is_session: false,
            ended: AtomicU64::new(0),
            epoch: AtomicU32::new(0),
            counts: None,
            changes: None,
            state: Lock::new(state),
            _counted: Counted::run(),
            runtime,
        })
    }

    /// Starts it. Stages that the budget allows run on this thread until the budget is used up, everything else on the workers.
    /// Answers the completion if it is there already; else it goes to the port.
    pub(super) fn start(self: &Arc<Self>, budget: Option<Budget>, deadline: Option<Instant>) -> Option<Completion> {
        let mut ready = Ready::new();
        let mut state = self.hold();
        for stage in 0..self.graph.stages.len() {
            self.schedule_if_runnable(&mut state, stage, &mut ready);
        }
        drop(state);
        match budget {
            None => self.dispatch(&mut ready),
            Some(budget) => self.run_here(budget, ready),
        }
        let mut state = self.hold();
        if state.phase != Phase::Completed {
            if !self.runtime.enlist(self.id, self) {
                drop(state);
                self.shut_down();
                state = self.hold();
            } else if !self.port.upgrade().is_some_and(|port| port.enlist(self.token, self)) {
                drop(state);
                self.runtime.delist(self.id);
                self.cancel();
                state = self.hold();
            }
        }
        if let Delivery::Submitter(Some(completion)) = std::mem::replace(&mut state.delivery, Delivery::Port) {
            return Some(completion);
        }
        drop(state);
        if let Some(deadline) = deadline {
            self.set_alarm(deadline, Alarm::TimeOut);
        }
        None
    }

    /// Ends it because the host asks. Answers whether it was still going on.
    pub(super) fn cancel(self: &Arc<Self>) -> bool {
        self.stop_now(Outcome::Cancelled, "the work was cancelled", "")
    }

    /// Ends it because the runtime ends.
    pub(super) fn shut_down(self: &Arc<Self>) {
        self.stop_now(Outcome::ShutDown, "the runtime was shut down while the work was going on", "");
    }

    /// Runs stages on this thread that the budget allows, while there is time; hands the others to the workers. There is
    /// time for the first: who calls this has just looked.
    fn run_here(self: &Arc<Self>, budget: Budget, mut here: Ready) {
        let mut place = 0;
        while let Some(&stage) = here.get(place) {
            let has_time = place == 0 || !budget.is_used_up();
            if has_time && self.graph.stages[stage].cost <= budget.most_cost {
                self.run_stage(stage, budget, &mut here);
            } else {
                self.runtime.pool.push(Task { run: Arc::clone(self), stage });
            }
            place += 1;
        }
    }

    fn dispatch(self: &Arc<Self>, ready: &mut Ready) {
        for stage in ready.drain(..) {
            self.runtime.pool.push(Task { run: Arc::clone(self), stage });
        }
    }
}

impl Drop for Run {
    /// A run whose port is dropped while a host owes it an answer ends here, and its nodes are cleaned up like any.
    fn drop(&mut self) {
        for body in self.state.get_mut().stages.iter_mut().filter_map(|stage| stage.body.take()) {
            // Nobody is left to tell of a panic.
            let _ = body.cleanup();
        }
    }
}
