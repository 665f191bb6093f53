//! The completion of a piece of work: its outcome, outputs and errors.

use std::fmt;
use std::sync::Arc;

use crate::node::HostToken;
use crate::outside::{message, named_in_full, shown};
use crate::value::Value;

/// How a piece of work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All work was done.
    Finished,
    /// A node failed.
    Failed,
    /// A node panicked; the pipeline can't be used again.
    Panicked,
    /// The host cancelled it.
    Cancelled,
    /// It took longer than the host allowed.
    TimedOut,
    /// The runtime was shut down.
    ShutDown,
    /// The results grew past the limit.
    LimitExceeded,
}

/// The one completion of an accepted piece of work.
#[derive(Debug)]
pub struct Completion {
    /// How it ended.
    pub outcome: Outcome,
    /// What has come out of each output of the graph, in their order.
    pub sinks: Vec<SinkOutputs>,
    /// The errors that ended the work; empty if it finished.
    pub errors: Vec<RunError>,
    /// The errors after which the run went on.
    pub skip_report: SkipReport,
}

/// Errors after which a run went on, because the manifest's `on_error` says so.
#[derive(Debug, Default)]
pub struct SkipReport {
    /// Errors after which a packet was dropped: the first [`SkipReport::MOST`], and the first one of each node.
    pub skipped: Vec<RunError>,
    /// How many times a packet was dropped.
    pub skips: u64,
    /// How many times a packet was tried again.
    pub retries: u64,
}

/// What has come out of one output of a graph, in the order of item, path and emission.
#[derive(Debug)]
pub struct SinkOutputs {
    /// The name of the output: of the manifest, or the id of the node.
    pub sink: Arc<str>,
    /// Its outputs.
    pub outputs: Vec<Output>,
}

/// One output.
#[derive(Debug)]
pub struct Output {
    /// The input that it comes from, counted from 0.
    pub item: u64,
    /// The value.
    pub value: Value,
    /// The begin in nanoseconds, if it has a time.
    pub pts: Option<i64>,
    /// The duration in nanoseconds, if it has one.
    pub duration: Option<i64>,
    /// Its number among the packets that the port has emitted in this run.
    pub seq: u64,
}

/// A failure with the place where it happened.
#[derive(Clone, Debug)]
pub struct RunError {
    /// The outcome of the work because of it.
    pub outcome: Outcome,
    /// The node's id in the manifest, if one failed.
    pub node_id: Option<Arc<str>>,
    /// The node's type.
    pub node_type: Option<Arc<str>>,
    /// The number of the input in work, counted from 0.
    pub item: Option<u64>,
    /// The name of the input, if it is a file.
    pub input_name: Option<Arc<str>>,
    /// The position in the input's media time, in nanoseconds.
    pub position: Option<i64>,
    /// The cause.
    pub cause: String,
    /// What to do about it; empty if there is no advice.
    pub cure: String,
    /// The causes behind it, nearest first.
    pub chain: Vec<String>,
    /// The host's number for an exception of its own.
    pub host_token: Option<Arc<HostToken>>,
}

impl Completion {
    /// Takes the host's numbers for its exceptions out of the errors. Adds those to `ended` that nothing else refers to: the
    /// caller reports them as released.
    pub fn end_tokens(&mut self, ended: &mut Vec<u64>) {
        for error in self.errors.iter_mut().chain(&mut self.skip_report.skipped) {
            error.end_token(ended);
        }
    }
}

impl SkipReport {
    /// So many errors are kept; beyond them only the first one of each node, and the count.
    pub const MOST: usize = 100;
}

impl RunError {
    /// Takes the host's number for its exception out, and adds it to `ended` if nothing else refers to it.
    pub(in crate::exec) fn end_token(&mut self, ended: &mut Vec<u64>) {
        ended.extend(self.host_token.take().and_then(HostToken::end));
    }

    /// How many bytes of a document it takes, at most.
    pub(in crate::exec) fn weight(&self) -> usize {
        const FIELDS: usize = 200;
        let texts = [&self.node_id, &self.node_type, &self.input_name].into_iter().flatten().map(|text| text.len());
        let chain: usize = self.chain.iter().map(|link| link.len() + 5).sum();
        // The message repeats the cause, the cure and the names.
        FIELDS + 2 * (texts.sum::<usize>() + self.cause.len() + self.cure.len()) + chain
    }

    /// An error of the run as a whole.
    pub(in crate::exec) fn of_run(outcome: Outcome, cause: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            outcome,
            node_id: None,
            node_type: None,
            item: None,
            input_name: None,
            position: None,
            cause: message(cause),
            cure: message(cure),
            chain: Vec::new(),
            host_token: None,
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(node_id) = &self.node_id {
            write!(formatter, "node {}", named_in_full(node_id))?;
            if let Some(node_type) = &self.node_type {
                write!(formatter, " ({})", shown(node_type))?;
            }
            if let Some(item) = self.item {
                write!(formatter, ", input {item}")?;
            }
            if let Some(name) = &self.input_name {
                write!(formatter, " {}", named_in_full(name))?;
            }
            if let Some(position) = self.position {
                write!(formatter, " at {}", Clock(position))?;
            }
            formatter.write_str(": ")?;
        }
        formatter.write_str(&self.cause)?;
        if !self.cure.is_empty() {
            write!(formatter, ". {}", self.cure)?;
        }
        Ok(())
    }
}

/// A position as `hh:mm:ss.mmm`.
struct Clock(i64);

impl fmt::Display for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let milliseconds = self.0.unsigned_abs() / 1_000_000;
        let (seconds, milliseconds) = (milliseconds / 1000, milliseconds % 1000);
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        let (hours, minutes) = (minutes / 60, minutes % 60);
        write!(formatter, "{sign}{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> RunError {
        RunError {
            node_id: Some("decode".into()),
            node_type: Some("AudioDecode".into()),
            item: Some(17),
            input_name: Some("bad.mp3".into()),
            position: Some(192_400_000_000),
            ..RunError::of_run(Outcome::Failed, "the frame is corrupt", "Encode the file again.")
        }
    }

    #[test]
    fn names_node_type_item_input_position_cause_and_cure() {
        assert_eq!(
            error().to_string(),
            "node 'decode' (AudioDecode), input 17 'bad.mp3' at 00:03:12.400: the frame is corrupt. Encode the file again."
        );
    }

    #[test]
    fn leaves_out_what_is_not_known() {
        let error = RunError { input_name: None, position: None, cure: String::new(), ..error() };
        assert_eq!(error.to_string(), "node 'decode' (AudioDecode), input 17: the frame is corrupt");
    }

    #[test]
    fn shows_positions_past_a_day_and_before_zero() {
        assert_eq!(Clock(90_061_001_000_000).to_string(), "25:01:01.001");
        assert_eq!(Clock(-1_500_000_000).to_string(), "-00:00:01.500");
    }
}
