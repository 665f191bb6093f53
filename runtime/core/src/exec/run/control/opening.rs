//! How runs are made: a one-shot over inputs that are in memory, or a session whose packets come while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use super::entry_queues::{open_queues, prefilled_queues};
use crate::exec::epochs::Epochs;
use crate::exec::measures::histogram::Snapshot;
use crate::exec::measures::live_objects::LiveCount;
use crate::exec::measures::metrics::Counts;
use crate::exec::outputs::session_outputs::SessionOutputs;
use crate::exec::param_changes::ParamChanges;
use crate::exec::ports::port::Port;
use crate::exec::queues::inputs::Columns;
use crate::exec::queues::items::Items;
use crate::exec::queues::queue::Bounds;
use crate::exec::run::Run;
use crate::exec::run::clock::Clock;
use crate::exec::run::meter::Meter;
use crate::exec::run::state::State;
use crate::exec::run::state::delivery::Delivery;
use crate::exec::run::state::egress::Egress;
use crate::exec::run::state::final_state::FinalState;
use crate::exec::run::state::ingress::Ingress;
use crate::exec::workers::executor::ActiveRunGuard;
use crate::graph::Graph;
use crate::lock::Lock;
use crate::node::Shared;

/// What every run begins with.
pub(in crate::exec) struct Identity {
    /// Its number in the runtime.
    pub(in crate::exec) id: u64,
    /// The host's number for it.
    pub(in crate::exec) token: u64,
    pub(in crate::exec) graph: Arc<Graph>,
    pub(in crate::exec) poison: Arc<AtomicBool>,
    pub(in crate::exec) guard: ActiveRunGuard<Run>,
}

/// What a session begins with beside.
pub(in crate::exec) struct SessionSetup {
    /// The outputs of the graph that are handed out.
    pub(in crate::exec) outputs: Vec<usize>,
    /// The bounds of each entry queue and of the queue of each output.
    pub(in crate::exec) bounds: Bounds,
    /// Whether its time is the media time that has arrived, rather than that of the machine.
    pub(in crate::exec) is_virtual: bool,
    /// How long a packet may take to its outputs.
    pub(in crate::exec) packet_timeout: Option<Duration>,
    pub(in crate::exec) final_state: Arc<Lock<FinalState>>,
    pub(in crate::exec) counts: Option<Arc<Counts>>,
    /// The lag of the port before the session.
    pub(in crate::exec) lag_before: Snapshot,
}

impl Run {
    /// A run over inputs that are in memory; nothing runs yet. With `begins_here` it is for [`Self::start`], which may return
    /// its completion; else for [`Self::begin`], and the completion goes to the port.
    pub(in crate::exec) fn one_shot(
        identity: Identity,
        inputs: Option<Columns>,
        port: &Port,
        output_bytes: usize,
        begins_here: bool,
    ) -> Arc<Self> {
        let items = match &inputs {
            Some(inputs) => Items::given(inputs),
            None => Items::begun(&identity.graph),
        };
        let egress = Egress::collect(&identity.graph, output_bytes);
        let queues = prefilled_queues(&identity.graph, inputs);
        let delivery = if begins_here { Delivery::to_submitter() } else { Delivery::to_port() };
        let state = State::new(&identity.graph, queues, egress, delivery);
        Self::new(identity, items, port, state, None)
    }

    /// A run without inputs: they come by [`SessionIo`](super::session_io::SessionIo).
    pub(in crate::exec) fn session(identity: Identity, setup: SessionSetup, port: &Port) -> Arc<Self> {
        let graph = &identity.graph;
        let SessionSetup { outputs, bounds, is_virtual, packet_timeout, final_state, counts, lag_before } = setup;
        let queues = open_queues(graph, bounds);
        let egress = Egress::Live(SessionOutputs::new(graph.outputs.len(), &outputs, bounds));
        let mut state = State::new(graph, queues, egress, Delivery::to_port());
        state.ingress = Some(Box::new(Ingress::new(graph.inputs.len(), packet_timeout, final_state, lag_before)));
        let items = Items::begun(graph);
        let changes = Arc::new(ParamChanges::new(graph.stages.len()));
        let clock = if is_virtual { Clock::still(graph.inputs.len()) } else { Clock::Real };
        Self::new(identity, items, port, state, Some(SessionParts { clock, counts, changes }))
    }

    fn new(identity: Identity, items: Items, port: &Port, state: State, session: Option<SessionParts>) -> Arc<Self> {
        let Identity { id, token, graph, poison, guard } = identity;
        let is_session = session.is_some();
        let (clock, counts, changes) = match session {
            Some(SessionParts { clock, counts, changes }) => (clock, counts, Some(changes)),
            None => (Clock::Real, None, None),
        };
        let epochs = is_session.then(|| Arc::new(Epochs::new(graph.nodes.len())));
        Arc::new(Self {
            id,
            token,
            graph,
            poison,
            items: Arc::new(items),
            port: port.downgrade(),
            shared: Shared::default(),
            clock,
            is_session,
            ended: AtomicU64::new(0),
            epochs,
            meter: Meter::new(counts),
            changes,
            state: Lock::new(state),
            _counted: LiveCount::run(),
            guard,
        })
    }
}

/// What only the run of a session has.
struct SessionParts {
    clock: Clock,
    counts: Option<Arc<Counts>>,
    changes: Arc<ParamChanges>,
}
