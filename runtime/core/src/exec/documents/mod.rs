//! The documents of execution: completions, errors and events out, replies and packets in. `docs/abi.md` describes them.

mod completion;
mod error;
mod events;
mod fields;
mod session;

pub use completion::{add_released, write_completion, write_error, write_problems, write_returned_completion};
pub use error::DocumentError;
pub use events::{ReleaseToken, end_events, event_kind, read_reply, write_events, write_next_call};
pub use fields::StatusOf;
pub use session::{
    encoder_of_outputs, end_list, read_control, read_packets, write_metrics, write_progress, write_received,
    write_sent, write_trace,
};
