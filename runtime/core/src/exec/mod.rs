//! Execution: runs planned graphs on a pool of workers, bounded and fair, and tells hosts what happened.
//!
//! The way of a packet: inputs -> queue -> stage (a chain of nodes) -> queue -> ... -> sink -> completion -> port.

mod chain;
mod changes;
mod completion;
mod config;
mod delays;
mod documents;
mod durations;
mod exchange;
mod host;
mod host_call;
mod items;
mod live;
mod metrics;
mod outlet;
mod pool;
mod port;
mod progress;
mod queue;
mod run;
mod runtime;
mod session;
mod sink;
mod timer;
mod trace;

pub use chain::panic_text;
pub use completion::{Completion, Outcome, Output, RunError, SinkOutputs, SkipReport};
pub use config::{Config, ConfigError, PipelineOptions};
pub use documents::{
    DocumentError, StatusOf, add_released, encoder_of_outputs, end_events, end_list, read_control, read_packets,
    read_reply, write_completion, write_error, write_events, write_metrics, write_next_call, write_problems,
    write_progress, write_received, write_returned_completion, write_sent, write_trace,
};
pub use durations::Percentiles;
pub use host_call::{Backpressure, CallEntry, HostCall, HostFailure, HostOutput, Reply, ReplyError};
pub use live::LiveObjects;
pub use metrics::{EdgeMetrics, NodeMetrics, SessionMetrics, StreamPosition, Waiting, WaitsFor};
pub use outlet::{SessionOutput, TakeLimit};
pub use port::{Batch, Event, Notifier, Port, WeakPort};
pub use progress::Progress;
pub use runtime::{OpenError, Pipeline, Runtime, Submission, SubmitError, Submitted};
pub use session::{BufferOptions, Control, Received, Sent, Session, SessionClock, SessionError, SessionOptions};
pub use trace::{Trace, TraceRecord};
