//! Execution: runs planned graphs on a pool of workers, bounded and fair, and reports to hosts through ports.
//!
//! The path of a packet: inputs -> queue -> stage (a chain of nodes) -> queue -> ... -> sink -> completion -> port.
//! A file here uses only files below it: runtime > session > run > port, executor > timer, pool. `tests/layers.rs` checks that.

mod chain;
mod collector;
mod completion;
mod config;
mod delays;
mod documents;
mod epochs;
mod error;
mod event;
mod exchange;
mod executor;
mod histogram;
mod host;
mod host_call;
mod inputs;
mod items;
mod job;
mod live_objects;
mod metrics;
mod nice;
mod options;
mod param_changes;
mod pending_calls;
mod pool;
mod port;
mod progress;
mod queue;
mod run;
mod runtime;
mod session;
mod session_outputs;
mod session_packet;
mod stream_item;
#[cfg(test)]
mod test_graph;
mod threads;
mod timer;
mod trace;

pub use chain::panic_text;
pub use completion::{Completion, Outcome, Output, RunError, SinkOutputs, SkipReport};
pub use config::Config;
pub use documents::{
    DocumentError, ReleaseToken, StatusOf, add_released, encoder_of_outputs, end_events, end_list, event_kind,
    read_control, read_packets, read_reply, write_completion, write_error, write_events, write_metrics,
    write_next_call, write_problems, write_progress, write_received, write_returned_completion, write_sent,
    write_trace,
};
pub use error::{ConfigError, OpenError, SessionError, SubmitError};
pub use event::{Batch, Event};
pub use histogram::Percentiles;
pub use host_call::{Backpressure, CallEntry, HostCall, HostFailure, HostOutput, Reply, ReplyError};
pub use live_objects::LiveObjects;
pub use metrics::{EdgeMetrics, InputMetrics, NodeMetrics, SessionMetrics, StreamPosition, Waiting, WaitsFor};
pub use options::{Bell, BufferOptions, PipelineOptions, PortOptions, SessionClock, SessionOptions};
pub use port::{Notifier, Port, WeakPort};
pub use progress::Progress;
pub use runtime::{Pipeline, Runtime, Submission, Submitted};
pub use session::{Control, Received, Sent, Session};
pub use session_outputs::{SessionOutput, TakeLimit};
pub use session_packet::{EntryPacket, SessionPacket};
pub use threads::{SpawnThread, ThreadBody};
pub use trace::{Trace, TraceRecord};
