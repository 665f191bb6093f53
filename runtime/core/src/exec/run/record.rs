//! What a run records for a picture of it, if it is traced.

use std::time::Instant;

use super::{Run, State};
use crate::exec::trace::{Recorder, TraceRecord};

impl Run {
    /// Whether it records what it does.
    pub(super) fn is_traced(&self) -> bool {
        self.recorder().is_some()
    }

    /// Records something, if anything is recorded.
    pub(super) fn record(&self, made: impl FnOnce(&Recorder) -> TraceRecord) {
        if let Some(recorder) = self.recorder() {
            recorder.note(made(recorder));
        }
    }

    /// Records how much waits before a stage.
    pub(super) fn record_fill(&self, state: &State, index: usize) {
        self.record(|recorder| {
            let inputs = self.graph.stages[index].inputs.iter();
            TraceRecord::Fill {
                node: self.first_node(index),
                at: recorder.at(Instant::now()),
                packets: inputs.map(|&input| state.queues[input].packets()).sum(),
            }
        });
    }

    fn recorder(&self) -> Option<&Recorder> {
        self.counts.as_ref()?.recorder.as_ref()
    }
}
