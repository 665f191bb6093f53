//! Execution: runs planned graphs on a pool of workers, bounded and fair, and reports to hosts through ports.
//!
//! The path of a packet: inputs -> queue -> stage (a chain of nodes) -> queue -> ... -> sink -> completion -> port.
//! In folders: `workers`, the threads; `queues`, what waits; `chain` and `host`, what the two kinds of stage hold; `run`, one
//! execution; `outputs`, what comes of it; `measures`, what it tells of itself; `ports`, by which hosts learn of it; `documents`,
//! all of this as hosts read it. A file uses only files below it: runtime > session > run > port, executor > timer, pool.
//! `tests/layers.rs` checks that.

mod chain;
mod config;
mod documents;
mod epochs;
mod error;
mod host;
mod measures;
mod options;
mod outputs;
mod param_changes;
mod ports;
mod queues;
mod run;
mod runtime;
mod session;
#[cfg(test)]
mod test_graph;
mod workers;

pub use chain::panic_text;
pub use config::Config;
pub use documents::{
    DocumentError, ReleaseToken, StatusOf, add_released, encoder_of_outputs, end_events, end_list, event_kind,
    read_control, read_packets, read_reply, write_completion, write_error, write_events, write_metrics,
    write_next_call, write_problems, write_progress, write_received, write_returned_completion, write_sent,
    write_trace,
};
pub use error::{ConfigError, OpenError, SessionError, SubmitError};
pub use host::host_call::{Backpressure, CallEntry, HostCall, HostFailure, HostOutput, Reply, ReplyError};
pub use measures::histogram::Percentiles;
pub use measures::live_objects::LiveObjects;
pub use measures::metrics::{
    EdgeMetrics, InputMetrics, NodeMetrics, SessionMetrics, StreamPosition, Waiting, WaitsFor,
};
pub use measures::progress::Progress;
pub use measures::trace::{Trace, TraceRecord};
pub use options::{Bell, BufferOptions, PipelineOptions, PortOptions, SessionClock, SessionOptions};
pub use outputs::completion::{Completion, Outcome, Output, RunError, SinkOutputs, SkipReport};
pub use outputs::session_outputs::{SessionOutput, TakeLimit};
pub use ports::event::{Batch, Event};
pub use ports::port::{Notifier, Port, WeakPort};
pub use queues::session_packet::{EntryPacket, SessionPacket};
pub use runtime::{Pipeline, Runtime, Submission, Submitted};
pub use session::{Control, Received, Sent, Session};
pub use workers::threads::{SpawnThread, ThreadBody};
