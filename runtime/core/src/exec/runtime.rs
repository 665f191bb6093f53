//! A runtime and its pipelines: the workers, the deadlines and the list of what is going on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::completion::Completion;
use super::config::Config;
use super::metrics::{Counts, IS_MEASURED};
use super::pool::Pool;
use super::port::{Event, Port, WeakPort};
use super::run::{Budget, Opening, Run, Task};
use super::session::{Session, SessionClock, SessionError, SessionOptions};
use super::timer::Timer;
use crate::graph::Graph;
use crate::lock::{Lock, Monitor};
use crate::manifest::{self, HostNodes, ManifestError};
use crate::node::{Cost, Registry};
use crate::outside::named;
use crate::value::Value;

/// A runtime. Clones are the same runtime; nothing runs until the first work is submitted.
#[derive(Clone)]
pub struct Runtime(Arc<Shared>);

/// A validated graph, ready to run any number of times, also at the same time. Clones are the same pipeline.
#[derive(Clone)]
pub struct Pipeline {
    runtime: Arc<Shared>,
    graph: Arc<Graph>,
    poison: Arc<AtomicBool>,
}

/// A piece of work for a pipeline.
#[derive(Debug)]
pub struct Submission {
    /// The host's number for it, free on its port.
    pub token: u64,
    /// One item each; `None` for a graph that has only sources.
    pub inputs: Option<Vec<Value>>,
    /// About how many bytes the inputs are; it decides what may run on the caller's thread.
    pub input_bytes: usize,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// How long it may keep the calling thread.
    pub budget: Duration,
}

/// What became of a submission.
#[derive(Debug)]
pub enum Submitted {
    /// It is done; the port hears nothing of it.
    Finished(Completion),
    /// The completion will arrive at the port.
    Pending,
}

/// Why a piece of work was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The runtime is shut down.
    #[error("the runtime is shut down; make a new one")]
    ShutDown,
    /// The port is closed.
    #[error("the port is closed; make a new one")]
    PortClosed,
    /// A node of this pipeline panicked before.
    #[error("a node of pipeline {} panicked before, so it is not used again; make the pipeline anew", named(pipeline))]
    Poisoned {
        /// The pipeline's name.
        pipeline: Arc<str>,
    },
    /// Another piece of work of this port has the same number.
    #[error("token {token} belongs to work that is still going on at this port; use another one")]
    TokenInUse {
        /// The number.
        token: u64,
    },
    /// Nobody would run the host's nodes.
    #[error(
        "node {} is run by the host, and a blocking execute has no port for its calls; submit with a port instead",
        named(node)
    )]
    NeedsPort {
        /// The first host node.
        node: Arc<str>,
    },
}

/// Why a session was not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is not accepted.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// Its options don't fit the pipeline.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// What the runs of a runtime share.
pub(super) struct Shared {
    pub(super) pool: Pool<Task>,
    pub(super) timer: Timer,
    config: Config,
    registry: Registry,
    /// The runs that go on beyond their submit.
    runs: Lock<HashMap<u64, Weak<Run>>>,
    /// Set under the lock of `runs`, so that no run is listed after those there are have been ended.
    is_shut_down: AtomicBool,
    ports: Lock<Vec<WeakPort>>,
    next_run: AtomicU64,
    live: AtomicUsize,
    quiet: Monitor<()>,
}

/// One run of a runtime, counted from before it is accepted until everything of it is gone.
pub(super) struct Presence(Arc<Shared>);

/// Above this size a step that grows with its packet could be felt on an event loop.
const MOST_BYTES_ON_CALLER: usize = 64 << 10;

/// More than this on the caller's thread is as good as for ever.
const MOST_BUDGET: Duration = Duration::from_secs(365 * 24 * 3600);

/// What a blocking execute spends on the calling thread before it waits for the workers.
const EXECUTE_BUDGET: Duration = Duration::from_micros(500);

impl Runtime {
    /// A runtime that knows these node types.
    pub fn new(config: Config, registry: Registry) -> Self {
        Self::with_threads(config, registry, || ())
    }

    /// One whose worker threads do something at their beginning.
    pub fn with_threads(config: Config, registry: Registry, begin: fn()) -> Self {
        Self(Arc::new(Shared {
            pool: Pool::new(config.workers(), begin, Task::run, Task::may_block),
            timer: Timer::default(),
            config,
            registry,
            runs: Lock::default(),
            is_shut_down: AtomicBool::new(false),
            ports: Lock::default(),
            next_run: AtomicU64::new(1),
            live: AtomicUsize::new(0),
            quiet: Monitor::default(),
        }))
    }

    /// The node types.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// How it was set up.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// What this runtime knows, as JSON text: the node types with their ports, params and examples, and the schema of a
    /// manifest.
    pub fn describe(&self, version: &str, abi: u32) -> String {
        let nodes: Vec<serde_json::Value> = self.0.registry.iter().map(|node_type| node_type.describe()).collect();
        let manifest_schema = manifest::schema(&self.0.registry);
        serde_json::json!({"version": version, "abi": abi, "nodes": nodes, "manifest_schema": manifest_schema})
            .to_string()
    }

    /// Validates a manifest (JSON, YAML or msgpack) and plans its graph.
    ///
    /// # Errors
    /// Every problem of the manifest.
    pub fn compile(&self, manifest: &[u8], hosts: &HostNodes) -> Result<Pipeline, ManifestError> {
        let blueprint = manifest::parse(manifest, &self.0.registry, hosts)?;
        let graph = Graph::plan(blueprint)?;
        Ok(Pipeline { runtime: Arc::clone(&self.0), graph: Arc::new(graph), poison: Arc::default() })
    }

    /// Lets a port know when this runtime shuts down.
    pub fn attach(&self, port: &Port) {
        let mut ports = self.0.ports.lock();
        ports.retain(|port| port.upgrade().is_some());
        ports.push(port.downgrade());
        drop(ports);
        if self.is_shut_down() {
            port.shut_down();
        }
    }

    /// Whether [`Runtime::shut_down`] was called.
    pub fn is_shut_down(&self) -> bool {
        self.0.is_shut_down.load(Ordering::Acquire)
    }

    /// Ends all work with a completion each, wakes everybody who waits at a port, and waits at most `patience` until
    /// no node works any more. Answers whether that was so; calling it again waits again.
    pub fn shut_down(&self, patience: Duration) -> bool {
        let deadline = Instant::now().checked_add(patience);
        let runs: Vec<Weak<Run>> = {
            let mut runs = self.0.runs.lock();
            self.0.is_shut_down.store(true, Ordering::SeqCst);
            runs.drain().map(|(_, run)| run).collect()
        };
        for run in runs.iter().filter_map(Weak::upgrade) {
            run.shut_down();
        }
        for port in self.0.ports.lock().drain(..).filter_map(|port| port.upgrade()) {
            port.shut_down();
        }
        self.0.timer.stop();
        let is_quiet = || self.0.live.load(Ordering::SeqCst) == 0;
        let quiet = &self.0.quiet;
        drop(quiet.wait_for(quiet.lock(), deadline, |()| is_quiet()));
        is_quiet() && self.0.pool.stop(deadline)
    }
}

impl Pipeline {
    /// The plan.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The runtime that it belongs to.
    pub fn runtime(&self) -> Runtime {
        Runtime(Arc::clone(&self.runtime))
    }

    /// Accepts a piece of work: it ends in exactly one completion, here or at the port.
    ///
    /// # Errors
    /// If it is not accepted; then nothing of it runs.
    pub fn submit(&self, port: &Port, submission: Submission) -> Result<Submitted, SubmitError> {
        let presence = self.admit(port, submission.token)?;
        let now = Instant::now();
        let deadline = submission.timeout.and_then(|timeout| now.checked_add(timeout));
        let budget = submission.timeout.map_or(submission.budget, |timeout| timeout.min(submission.budget));
        let budget = budget_on_caller(budget, submission.input_bytes);
        let id = self.runtime.next_run.fetch_add(1, Ordering::Relaxed);
        let run = Run::new(
            id,
            submission.token,
            Arc::clone(&self.graph),
            Arc::clone(&self.poison),
            submission.inputs,
            presence,
            port,
            self.runtime.config.output_bytes,
        );
        Ok(run.start(budget, deadline).map_or(Submitted::Pending, Submitted::Finished))
    }

    /// Opens a session: its one completion arrives at the port under this token, and so do calls to nodes of the host.
    ///
    /// # Errors
    /// If it is not accepted, or a sink is chosen that is none; then nothing of it runs.
    pub fn session(&self, port: &Port, token: u64, options: &SessionOptions) -> Result<Session, OpenError> {
        let sinks = options.sinks_of(&self.graph)?;
        let presence = self.admit(port, token)?;
        let rest = Arc::default();
        let counts = Counts::of(self.graph.nodes.len(), options.is_traced);
        let opening = Opening {
            id: self.runtime.next_run.fetch_add(1, Ordering::Relaxed),
            token,
            graph: Arc::clone(&self.graph),
            poison: Arc::clone(&self.poison),
            runtime: presence,
            sinks: sinks.clone(),
            bounds: options.buffer.bounds(),
            is_virtual: options.clock == SessionClock::Virtual,
            packet_deadline: options.packet_deadline,
            rest: Arc::clone(&rest),
            counts: IS_MEASURED.then(|| Arc::clone(&counts)),
            lag_before: port.lag(),
        };
        let run = Run::open(opening, port);
        run.begin(port, options.deadline)?;
        Ok(Session::new(&run, rest, Arc::clone(&self.graph), sinks, counts))
    }

    /// Runs a piece of work and waits for its end.
    ///
    /// # Errors
    /// If it is not accepted, or the host would have to run some of its nodes.
    pub fn execute(
        &self,
        inputs: Option<Vec<Value>>,
        input_bytes: usize,
        timeout: Option<Duration>,
    ) -> Result<Completion, SubmitError> {
        if let Some(node) = self.graph.first_host_node() {
            return Err(SubmitError::NeedsPort { node });
        }
        let port = Port::new(None);
        let submission = Submission { token: 0, inputs, input_bytes, timeout, budget: EXECUTE_BUDGET };
        if let Submitted::Finished(completion) = self.submit(&port, submission)? {
            return Ok(completion);
        }
        loop {
            for event in port.next(None).events {
                if let Event::Completed { completion, .. } = event {
                    return Ok(completion);
                }
            }
        }
    }
}

impl Pipeline {
    /// Whether work may begin, and its place among what the runtime has to do.
    fn admit(&self, port: &Port, token: u64) -> Result<Presence, SubmitError> {
        if self.poison.load(Ordering::Acquire) {
            return Err(SubmitError::Poisoned { pipeline: Arc::clone(&self.graph.name) });
        }
        // Counted before it looks: so a shutdown either waits for this run, or is seen here.
        let presence = Presence::new(&self.runtime);
        if self.runtime.is_shut_down.load(Ordering::SeqCst) {
            return Err(SubmitError::ShutDown);
        }
        port.admit(token)?;
        Ok(presence)
    }
}

/// What work of this size may do on the thread that brings it.
pub(super) fn budget_on_caller(budget: Duration, input_bytes: usize) -> Option<Budget> {
    let most_cost = if input_bytes <= MOST_BYTES_ON_CALLER { Cost::Proportional } else { Cost::Light };
    (!budget.is_zero()).then(|| Budget::of(budget.min(MOST_BUDGET), most_cost))
}

impl Shared {
    /// Lists a run that goes on; answers whether the runtime still takes work.
    pub(super) fn enlist(&self, id: u64, run: &Arc<Run>) -> bool {
        let mut runs = self.runs.lock();
        if self.is_shut_down.load(Ordering::Acquire) {
            return false;
        }
        runs.insert(id, Arc::downgrade(run));
        true
    }

    pub(super) fn delist(&self, id: u64) {
        self.runs.lock().remove(&id);
    }
}

impl Presence {
    fn new(runtime: &Arc<Shared>) -> Self {
        runtime.live.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(runtime))
    }
}

impl std::ops::Deref for Presence {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if self.0.live.fetch_sub(1, Ordering::SeqCst) == 1 && self.0.is_shut_down.load(Ordering::SeqCst) {
            let _guard = self.0.quiet.lock();
            self.0.quiet.notify_all();
        }
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Runtime({} workers)", self.0.config.workers())
    }
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Pipeline({})", self.graph.name)
    }
}
