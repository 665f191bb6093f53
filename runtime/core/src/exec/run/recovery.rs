//! What an error of a node means for the run: its end, or the loss of what the node was working on, or another try.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::failure::{Failure, Fault, native};
use super::{Alarm, Phase, Run};
use crate::exec::chain::{Chain, ChainFailure};
use crate::exec::completion::Passed;
use crate::exec::host::{HostFault, HostStage};
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
            self.note_retry(node);
        } else {
            chain.give_up(node);
            self.note_skip(node, Failure::Native(failure));
        }
        Ok(())
    }

    /// After an error of the host's code: puts what has no answer back in line, unless it is the end.
    pub(super) fn recover_host(
        self: &Arc<Self>,
        index: usize,
        host: &mut HostStage,
        mut fault: HostFault,
        inbox: &mut VecDeque<Travel>,
    ) -> Result<(), Fault> {
        let node = fault.node;
        let tried = host.tried();
        match self.judge(node, Some(tried), &mut fault.error) {
            Verdict::Fail => return Err(Box::new(Failure::Host(fault))),
            Verdict::Skip => {
                host.skip(inbox);
                self.note_skip(node, Failure::Host(fault));
            }
            Verdict::Again(retry) => {
                host.try_again(inbox, self.wake_after(index, retry.backoff(tried)));
                self.note_retry(node);
            }
        }
        Ok(())
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

    fn note_retry(&self, node: usize) {
        if let Some(counts) = &self.counts {
            counts[node].retry();
        }
        self.hold().passed.retries += 1;
    }

    /// Keeps an error for the completion and tells the host of it, as long as there are not too many.
    fn note_skip(&self, node: usize, failure: Failure) {
        if let Some(counts) = &self.counts {
            counts[node].skip();
        }
        let error = self.describe(failure);
        let mut state = self.hold();
        if state.phase != Phase::Active {
            return;
        }
        state.passed.skips += 1;
        let is_first = !state.skipping.contains(&node);
        if is_first {
            state.skipping.push(node);
        }
        // One that is not kept is dropped behind the lock: an exception of the host rings a bell when it goes.
        if is_first || state.passed.skipped.len() < Passed::MOST {
            self.tell(&mut state, Event::Skipped { token: self.token, error: error.clone(), is_first });
            state.passed.skipped.push(error);
        }
    }
}
