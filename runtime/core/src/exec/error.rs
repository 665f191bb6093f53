//! Why a configuration, a piece of work or a session is refused. What goes wrong while work runs is a
//! [`RunError`](super::RunError) of its completion.

use std::sync::Arc;

use crate::exec::outputs::completion::Outcome;
use crate::manifest::ManifestError;
use crate::outside::{named, named_in_full, shown};

/// Why a configuration or options are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub(super) String);

/// Why a piece of work was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The runtime is shut down.
    #[error("the runtime is shut down; make a new one")]
    ShutDown,
    /// The port is closed.
    #[error("the port is closed; make a new one")]
    PortClosed,
    /// The port is one of another runtime.
    #[error(
        "the port belongs to another runtime than the pipeline; make both with the same one: events of a pipeline come to a \
         port of its own runtime"
    )]
    PortOfOther,
    /// The system gives no thread to work on it.
    #[error(
        "the system gave no thread: {cause}; raise its limit on processes (`ulimit -u`, or the `pids` of a container), or end \
         some, and try again"
    )]
    NoThread {
        /// What the system says.
        cause: String,
    },
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
    /// There is no port for calls to the host's nodes.
    #[error(
        "node {} is run by the host, and a blocking execute has no port for its calls; submit with a port instead",
        named(node)
    )]
    NeedsPort {
        /// The first host node.
        node: Arc<str>,
    },
    /// The inputs are not those that the graph takes.
    #[error("{0}")]
    Inputs(String),
}

impl SubmitError {
    pub(super) fn no_thread(error: &std::io::Error) -> Self {
        Self::NoThread { cause: error.to_string() }
    }
}

/// Why a session was not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The work is not accepted.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The options don't fit the pipeline.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// Why a session refuses packets or a change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// A chosen output does not exist.
    #[error("{} is no output of pipeline {}; {cure}", named(output), named(pipeline))]
    NoSuchOutput {
        /// The chosen name.
        output: String,
        /// The name of the pipeline.
        pipeline: Arc<str>,
        /// The outputs of the pipeline, or the one that was probably meant.
        cure: String,
    },
    /// An output is chosen twice, which would leave its number open.
    #[error("options: outputs[{place}]: the output {} stands there twice; name each once", named(output))]
    OutputTwice {
        /// The name.
        output: String,
        /// Its second place in the list.
        place: usize,
    },
    /// A packet names an input that the graph does not have.
    #[error("pipeline {} has {inputs}, so there is none with number {input}", named(pipeline))]
    NoSuchInput {
        /// The number.
        input: usize,
        /// The name of the pipeline.
        pipeline: Arc<str>,
        /// How many inputs the pipeline has.
        inputs: String,
    },
    /// All nodes bring their own data.
    #[error("pipeline {} has only sources, which take no packets; read its outputs", named(pipeline))]
    NoTaker {
        /// The name of the pipeline.
        pipeline: Arc<str>,
    },
    /// The graph has no node with this id.
    #[error("there is no node {}{cure}", named(node))]
    NoSuchNode {
        /// The id.
        node: String,
        /// A suggestion, behind a semicolon.
        cure: String,
    },
    /// The node shares a call of the host with the one before it.
    #[error(
        "{} runs in one call with {} before it, so they can only be interrupted together: interrupt at {}, or give the \
         connection between the two a buffer",
        named_in_full(node),
        named_in_full(before),
        named_in_full(before)
    )]
    SharedCall {
        /// The id of the node.
        node: Arc<str>,
        /// The id of the node before it.
        before: Arc<str>,
    },
    /// A running node can't change this param.
    #[error("{} ({}) has {} from its start to its end; {live}", named_in_full(node), shown(node_type), named(param))]
    NotLive {
        /// The id of the node.
        node: Arc<str>,
        /// Its type.
        node_type: Arc<str>,
        /// The param.
        param: String,
        /// Which ones can be changed.
        live: String,
    },
    /// The params of a node that the host runs can't be changed.
    #[error(
        "{} is run by the host, which alone could change its params; only those of built-in nodes are live",
        named_in_full(node)
    )]
    HostNode {
        /// The id of the node.
        node: Arc<str>,
    },
    /// Params can't have these values.
    #[error("{}", .0.of("the change"))]
    Params(#[from] ManifestError),
    /// The session was finished, so that it takes no more packets.
    #[error("the session was finished before; it takes no more packets")]
    Finished,
    /// The session has ended.
    #[error("the session has ended{}{cause}", if cause.is_empty() { "" } else { ": " })]
    Ended {
        /// How.
        outcome: Outcome,
        /// Why, if it did not simply finish.
        cause: String,
    },
}
