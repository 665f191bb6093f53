//! The runtime and its pipelines: what a host makes first, and what accepts its work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::config::Config;
use super::error::{OpenError, SubmitError};
use super::options::{SessionClock, SessionOptions};
use super::run::{self, Budget, Identity, Run, SessionSetup};
use super::session::{Session, chosen_outputs};
use crate::exec::measures::metrics::{Counts, IS_MEASURED};
use crate::exec::outputs::completion::Completion;
use crate::exec::ports::event::Event;
use crate::exec::ports::port::{Port, WeakPort};
use crate::exec::queues::inputs::columns;
use crate::exec::workers::executor::{ActiveRunGuard, Executor};
use crate::exec::workers::nice;
use crate::exec::workers::pool::Pool;
use crate::exec::workers::threads::{self, SpawnThread};
use crate::graph::Graph;
use crate::lock::Lock;
use crate::manifest::{self, HostNodes, ManifestError};
use crate::node::{HostToken, Registry};
use crate::value::Inputs;

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
    /// The values of its items.
    pub inputs: Inputs,
    /// About how many bytes the inputs are; decides what may run on the caller's thread.
    pub input_bytes: usize,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// How long it may keep the calling thread. At zero the completion always arrives at the port.
    pub budget: Duration,
}

/// The result of a submission.
#[derive(Debug)]
pub enum Submitted {
    /// The work is done; no event is posted.
    Finished(Completion),
    /// The completion will arrive at the port.
    Pending,
}

struct Shared {
    /// Its number in this process, by which its ports know it.
    id: u64,
    executor: Arc<Executor<Run>>,
    config: Config,
    registry: Registry,
    ports: Lock<Vec<WeakPort>>,
    next_run: AtomicU64,
}

/// The number of the next runtime.
static NEXT_RUNTIME: AtomicU64 = AtomicU64::new(1);

/// The time that a blocking execute works on the calling thread before it waits for the workers.
const EXECUTE_BUDGET: Duration = Duration::from_micros(500);

impl Runtime {
    /// A runtime with these node types.
    pub fn new(config: Config, registry: Registry) -> Self {
        Self::with_threads(config, registry, threads::spawn, || ())
    }

    /// A runtime whose threads `spawn` starts, and whose workers call `begin` first, before they take the nice value that is
    /// configured.
    pub fn with_threads(config: Config, registry: Registry, spawn: SpawnThread, begin: fn()) -> Self {
        let steps = config.nice();
        let begin = move || {
            begin();
            nice::step_back(steps);
        };
        let pool = Pool::new(config.workers(), spawn, begin, run::run_task, run::may_block);
        Self(Arc::new(Shared {
            id: NEXT_RUNTIME.fetch_add(1, Ordering::Relaxed),
            executor: Arc::new(Executor::new(pool, spawn)),
            config,
            registry,
            ports: Lock::default(),
            next_run: AtomicU64::new(1),
        }))
    }

    /// The node types.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Describes the runtime: its node types with their ports, params and examples, and the schema of a manifest.
    pub fn describe(&self, version: &str, abi: u32, codecs: Option<serde_json::Value>) -> serde_json::Value {
        let nodes: Vec<serde_json::Value> = self.0.registry.iter().map(|node_type| node_type.describe()).collect();
        let manifest_schema = manifest::schema(&self.0.registry);
        let mut described =
            serde_json::json!({"version": version, "abi": abi, "nodes": nodes, "manifest_schema": manifest_schema});
        if let Some(codecs) = codecs {
            described["codecs"] = codecs;
        }
        described
    }

    /// Validates a manifest (JSON, YAML or msgpack) and plans its graph.
    ///
    /// # Errors
    /// Every problem of the manifest.
    pub fn compile(&self, manifest: &[u8], hosts: &HostNodes) -> Result<Pipeline, ManifestError> {
        self.compile_for_host(manifest, hosts, Vec::new())
    }

    /// Does what [`Self::compile`] does, and drops `tokens`, the host's numbers of its node types, once no call can name them any
    /// more: pipeline and sessions are dropped and their work has ended.
    ///
    /// # Errors
    /// As [`Self::compile`].
    pub fn compile_for_host(
        &self,
        manifest: &[u8],
        hosts: &HostNodes,
        tokens: Vec<Arc<HostToken>>,
    ) -> Result<Pipeline, ManifestError> {
        let blueprint = manifest::parse(manifest, &self.0.registry, hosts)?;
        let graph = Graph::plan(blueprint)?.keeping(tokens);
        Ok(Pipeline { runtime: Arc::clone(&self.0), graph: Arc::new(graph), poison: Arc::default() })
    }

    /// Registers a port to be shut down with this runtime.
    ///
    /// # Panics
    /// If it belongs to another one.
    pub fn attach(&self, port: &Port) {
        assert!(port.belong_to(self.0.id), "a port belongs to one runtime");
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
        self.0.executor.is_shut_down()
    }

    /// Ends all work with a completion each, wakes all threads that wait at a port, and waits at most `patience` until no
    /// node works any more and no work holds memory of the host; `Duration::MAX` has no limit. Returns whether that was so;
    /// calling it again waits again.
    pub fn shut_down(&self, patience: Duration) -> bool {
        let deadline = Instant::now().checked_add(patience);
        for run in self.0.executor.begin_shutdown().iter().filter_map(std::sync::Weak::upgrade) {
            run.shut_down();
        }
        for port in self.0.ports.lock().drain(..).filter_map(|port| port.upgrade()) {
            port.shut_down();
        }
        self.0.executor.finish_shutdown(deadline)
    }
}

impl Pipeline {
    /// The planned graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The runtime that the pipeline belongs to.
    pub fn runtime(&self) -> Runtime {
        Runtime(Arc::clone(&self.runtime))
    }

    /// Accepts a piece of work: it ends in exactly one completion, here or at the port.
    ///
    /// # Errors
    /// If it is not accepted; then nothing of it runs.
    pub fn submit(&self, port: &Port, submission: Submission) -> Result<Submitted, SubmitError> {
        let columns = columns(submission.inputs, &self.graph).map_err(SubmitError::Inputs)?;
        let begins_here = !submission.budget.is_zero();
        // A host may reply to a call before this thread is done with the rest.
        let may_end_here = begins_here && self.graph.first_host_node().is_none();
        let guard = self.admit(port, submission.token, !may_end_here)?;
        let output_bytes = self.runtime.config.output_bytes;
        if !begins_here {
            let run = Run::one_shot(self.identity(guard, submission.token), columns, port, output_bytes, false);
            run.begin(port, submission.timeout)?;
            return Ok(Submitted::Pending);
        }
        let now = Instant::now();
        let timeout = submission.timeout.and_then(|timeout| Some((now.checked_add(timeout)?, timeout)));
        let budget = submission.timeout.map_or(submission.budget, |timeout| timeout.min(submission.budget));
        let budget = Budget::on_caller(budget, submission.input_bytes);
        let identity = self.identity(guard, submission.token);
        let run = Run::one_shot(identity, columns, port, output_bytes, true);
        Ok(run.start(budget, timeout)?.map_or(Submitted::Pending, Submitted::Finished))
    }

    /// Opens a session: its one completion arrives at the port under this token, and so do calls to nodes of the host.
    ///
    /// # Errors
    /// If it is not accepted, or a chosen output does not exist; then nothing of it runs.
    pub fn session(&self, port: &Port, token: u64, options: &SessionOptions) -> Result<Session, OpenError> {
        let chosen = chosen_outputs(options, &self.graph)?;
        let guard = self.admit(port, token, true)?;
        let final_state = Arc::default();
        let counts = Counts::new(self.graph.nodes.len(), options.is_traced);
        let setup = SessionSetup {
            outputs: chosen.clone(),
            bounds: options.buffer.bounds(),
            is_virtual: options.clock == SessionClock::Virtual,
            packet_timeout: options.packet_deadline,
            final_state: Arc::clone(&final_state),
            counts: IS_MEASURED.then(|| Arc::clone(&counts)),
            lag_before: port.lag(),
        };
        let run = Run::session(self.identity(guard, token), setup, port);
        run.begin(port, options.deadline)?;
        Ok(Session::new(&run, final_state, Arc::clone(&self.graph), chosen, counts))
    }

    /// Runs a piece of work and waits for its end.
    ///
    /// # Errors
    /// If it is not accepted, or the host would have to run some of its nodes.
    pub fn execute(
        &self,
        inputs: impl Into<Inputs>,
        input_bytes: usize,
        timeout: Option<Duration>,
    ) -> Result<Completion, SubmitError> {
        if let Some(node) = self.graph.first_host_node() {
            return Err(SubmitError::NeedsPort { node });
        }
        let port = Port::new(None);
        let submission = Submission { token: 0, inputs: inputs.into(), input_bytes, timeout, budget: EXECUTE_BUDGET };
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

    /// Counts a run that may begin; sees to it first that there are threads, if it `needs_threads` in any case.
    fn admit(&self, port: &Port, token: u64, needs_threads: bool) -> Result<ActiveRunGuard<Run>, SubmitError> {
        if self.poison.load(Ordering::Acquire) {
            return Err(SubmitError::Poisoned { pipeline: Arc::clone(&self.graph.name) });
        }
        let guard = self.runtime.executor.enter().ok_or(SubmitError::ShutDown)?;
        if !port.belong_to(self.runtime.id) {
            return Err(SubmitError::PortOfOther);
        }
        port.admit(token)?;
        if needs_threads {
            guard.start_threads().map_err(|error| SubmitError::no_thread(&error))?;
        }
        Ok(guard)
    }

    fn identity(&self, guard: ActiveRunGuard<Run>, token: u64) -> Identity {
        Identity {
            id: self.runtime.next_run.fetch_add(1, Ordering::Relaxed),
            token,
            graph: Arc::clone(&self.graph),
            poison: Arc::clone(&self.poison),
            guard,
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
