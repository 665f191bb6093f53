//! What an error of a node means for the run: its end, or the loss of what the node was working on, or another try.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::failure::{Failure, Fault, native};
use super::{Alarm, Phase, Run, State};
use crate::exec::chain::{Chain, ChainFailure};
use crate::exec::completion::{RunError, SkipReport};
use crate::exec::exchange::Failed;
use crate::exec::host::HostStage;
use crate::exec::port::Event;
use crate::exec::queue::Travel;
use crate::manifest::{OnError, Retry};
use crate::node::NodeError;

/// What comes of an error.
enum Verdict {
    Fail,
    Skip,
    Again(Retry),
}

impl Run {
    /// After an error of a native node: lets a new instance go on, unless it is the end.
    pub(super) fn recover_chain(
        self: &Arc<Self>,
        index: usize,
        chain: &mut Chain,
        mut failure: ChainFailure,
    ) -> Result<(), Fault> {
        let node = failure.node;
        let tried = chain.tried(node);
        let verdict = if failure.is_panic { Verdict::Fail } else { self.judge(node, tried, &mut failure.error) };
        if let Verdict::Fail = verdict {
            return Err(native(failure));
        }
        chain.begin_anew(node, &self.graph, &self.cancel).map_err(|failure| {
            self.poison.fetch_or(failure.is_panic, Ordering::Release);
            native(failure)
        })?;
        if let Verdict::Again(retry) = verdict {
            let backoff = retry.backoff(tried.unwrap_or(0));
            chain.try_again(node, self.wake_after(index, backoff));
            self.note_retry(&mut self.hold(), node);
        } else {
            chain.give_up(node);
            let error = self.describe(Failure::Native(failure));
            // Dropped behind the lock.
            let _told = self.note_skip(&mut self.hold(), node, error);
        }
        Ok(())
    }

    /// After an error of the host's code: puts what has no answer back in line, unless it is the end.
    /// Returns an error that nobody keeps.
    pub(super) fn recover_host(
        self: &Arc<Self>,
        state: &mut State,
        index: usize,
        host: &mut HostStage,
        failed: Failed,
        inbox: &mut VecDeque<Travel>,
    ) -> Result<Option<RunError>, Fault> {
        let Failed { mut fault, call } = failed;
        let (node, tried) = (fault.node, call.attempt.tried);
        match self.judge(node, Some(tried), &mut fault.error) {
            Verdict::Fail => Err(Box::new(Failure::Host(fault))),
            Verdict::Skip => {
                host.skip(call, inbox, &mut state.stages[index].exchange);
                Ok(self.note_skip(state, node, self.describe(Failure::Host(fault))))
            }
            Verdict::Again(retry) => {
                host.try_again(call, inbox, self.wake_after(index, retry.backoff(tried)));
                self.note_retry(state, node);
                Ok(None)
            }
        }
    }

    /// What the manifest says of an error of a node that has `tried` so often, if it can try again. The error that ends
    /// the tries says how many there were.
    fn judge(&self, node: usize, tried: Option<u32>, error: &mut NodeError) -> Verdict {
        let on_error = self.graph.nodes[node].on_error;
        if let (OnError::Retry(retry), Some(tried)) = (on_error, tried) {
            if tried < retry.times {
                return Verdict::Again(retry);
            }
            error.cause += &format!(" (tried {} times)", u64::from(tried) + 1);
        }
        if on_error.skips() { Verdict::Skip } else { Verdict::Fail }
    }

    /// The moment that is so far ahead; the stage is woken then.
    fn wake_after(self: &Arc<Self>, index: usize, backoff: std::time::Duration) -> std::time::Instant {
        let due = self.now() + backoff;
        if !backoff.is_zero() {
            self.set_alarm(due, Alarm::Wake(index));
        }
        due
    }

    fn note_retry(&self, state: &mut State, node: usize) {
        if let Some(counts) = &self.counts {
            counts[node].retry();
        }
        state.skip_report.retries += 1;
    }

    /// Keeps an error for the completion and tells the host of it, as long as there are not too many. Returns one that is
    /// not kept.
    fn note_skip(&self, state: &mut State, node: usize, error: RunError) -> Option<RunError> {
        if let Some(counts) = &self.counts {
            counts[node].skip();
        }
        if state.phase != Phase::Active {
            return Some(error);
        }
        state.skip_report.skips += 1;
        let is_first = !state.skipping.contains(&node);
        if is_first {
            state.skipping.push(node);
        }
        if !is_first && state.skip_report.skipped.len() >= SkipReport::MOST {
            return Some(error);
        }
        self.tell(state, Event::Skipped { token: self.token, error: error.clone(), is_first });
        state.skip_report.skipped.push(error);
        None
    }
}
