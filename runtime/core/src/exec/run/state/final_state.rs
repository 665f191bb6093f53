//! What a run hands over to its session when it ends, so that an open session does not keep a run alive.

use crate::exec::measures::histogram::Percentiles;
use crate::exec::outputs::completion::Outcome;
use crate::exec::outputs::session_outputs::SessionOutputs;

/// The outputs that no reader has taken yet, how the run ended, and its last counts.
#[derive(Debug, Default)]
pub(in crate::exec) struct FinalState {
    pub(in crate::exec) outputs: SessionOutputs,
    /// The outcome and its cause; `None` while the run goes on.
    pub(in crate::exec) ended: Option<(Outcome, String)>,
    /// How many packets were sent to each input.
    pub(in crate::exec) sent: Vec<u64>,
    /// How many packets each edge dropped.
    pub(in crate::exec) dropped: Vec<u64>,
    pub(in crate::exec) lag: Percentiles,
}
