//! What an error of a node means for the run: its end, the loss of the packet in work, or another try.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::failure::{Failure, Fault, native};
use crate::exec::chain::{Chain, ChainFailure};
use crate::exec::host::exchange::{Failed, Remedy};
use crate::exec::host::stage::HostStage;
use crate::exec::measures::metrics::NodeCounts;
use crate::exec::outputs::completion::RunError;
use crate::exec::ports::event::Event;
use crate::exec::queues::stream_item::StreamItem;
use crate::exec::run::Run;
use crate::exec::run::state::delivery::SkippedError;
use crate::exec::run::state::{Phase, State};
use crate::exec::run::timer_event::TimerEvent;
use crate::manifest::{OnError, Retry};
use crate::node::NodeError;

/// The errors of the nodes of a stage, for the thread that runs it.
#[derive(Clone, Copy)]
pub(super) struct Recovery<'run> {
    pub(super) run: &'run Arc<Run>,
    pub(super) stage: usize,
}

impl Recovery<'_> {
    /// Continues with a new instance after an error of a native node, unless the error ends the run.
    pub(super) fn chain(self, chain: &mut Chain, mut failure: ChainFailure) -> Result<(), Fault> {
        let node = failure.node;
        let (on_error, retries) = (self.run.graph.nodes[node].on_error, chain.retries(node));
        let action =
            if failure.is_panic { ErrorAction::Fail } else { ErrorAction::of(on_error, retries, &mut failure.error) };
        if let ErrorAction::Fail = action {
            return Err(native(failure));
        }
        chain.reinstantiate(node, &self.run.graph, &self.run.shared).map_err(|failure| {
            self.run.poison.fetch_or(failure.is_panic, Ordering::Release);
            native(failure)
        })?;
        if let ErrorAction::Retry(retry) = action {
            let backoff = retry.backoff(retries.unwrap_or(0));
            chain.schedule_retry(node, self.wake_after(backoff));
            self.run.meter.node(node).map(NodeCounts::retry);
            let mut state = self.run.lock();
            state.delivery.count_retry();
            state.stages[self.stage].try_again_after(node, failure.error.cause);
        } else {
            chain.give_up(node);
            let error = Failure::Native(failure).into_error(&self.run.graph, &self.run.items);
            // Dropped after the lock is released.
            let _unkept = self.note_skip(&mut self.run.lock(), node, error);
        }
        Ok(())
    }

    /// Requeues what has no reply after an error of the host's code, unless the error ends the run. Returns an error that is
    /// not kept: to be dropped where no lock is held.
    pub(super) fn host(
        self,
        state: &mut State,
        host: &mut HostStage,
        failed: Failed,
        inbox: &mut VecDeque<StreamItem>,
    ) -> Result<Option<RunError>, Fault> {
        let Failed { mut fault, call } = failed;
        let (node, retries) = (fault.node, call.attempt.retries);
        let on_error = match fault.remedy {
            Remedy::Nothing => OnError::Fail,
            Remedy::Any | Remedy::Skip => self.run.graph.nodes[node].on_error,
        };
        let retries = (fault.remedy == Remedy::Any).then_some(retries);
        match ErrorAction::of(on_error, retries, &mut fault.error) {
            ErrorAction::Fail => Err(Box::new(Failure::Host(fault))),
            ErrorAction::Skip => {
                host.skip(call, inbox, &mut state.stages[self.stage].exchange);
                Ok(self.note_skip(state, node, Failure::Host(fault).into_error(&self.run.graph, &self.run.items)))
            }
            ErrorAction::Retry(retry) => {
                host.retry_at(call, inbox, self.wake_after(retry.backoff(retries.unwrap_or(0))));
                self.run.meter.node(node).map(NodeCounts::retry);
                state.delivery.count_retry();
                state.stages[self.stage].try_again_after(node, fault.error.cause);
                Ok(None)
            }
        }
    }

    /// The time after a backoff; the stage is woken then.
    fn wake_after(self, backoff: Duration) -> Instant {
        let due = self.run.now() + backoff;
        if !backoff.is_zero() {
            self.run.set_timer(due, TimerEvent::Wake(self.stage));
        }
        due
    }

    /// Keeps an error for the completion and notifies the host of it, as long as there are not too many. Returns one that is
    /// not kept.
    fn note_skip(self, state: &mut State, node: usize, error: RunError) -> Option<RunError> {
        self.run.meter.node(node).map(NodeCounts::skip);
        if state.phase != Phase::Active {
            return Some(error);
        }
        match state.delivery.skip(node, error) {
            SkippedError::Reported { error, is_first } => {
                self.run.notify(state, Event::Skipped { token: self.run.token, error, is_first });
                None
            }
            SkippedError::Excess(error) => Some(error),
        }
    }
}

/// What the manifest wants done about an error.
enum ErrorAction {
    Fail,
    Skip,
    Retry(Retry),
}

impl ErrorAction {
    /// The action for an error of a node that has retried the packet in work so often; none if it can't retry. An error that
    /// ends the tries gets their number.
    fn of(on_error: OnError, retries: Option<u32>, error: &mut NodeError) -> Self {
        if let (OnError::Retry(retry), Some(retries)) = (on_error, retries) {
            if retries < retry.times {
                return Self::Retry(retry);
            }
            error.cause += &format!(" (tried {} times)", u64::from(retries) + 1);
        }
        if on_error.skips() { Self::Skip } else { Self::Fail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Then;

    /// What becomes of an error, and its cause then.
    fn action(on_error: OnError, retries: Option<u32>) -> (&'static str, String) {
        let mut error = NodeError::new("bad");
        let action = match ErrorAction::of(on_error, retries, &mut error) {
            ErrorAction::Fail => "fail",
            ErrorAction::Skip => "skip",
            ErrorAction::Retry(_) => "retry",
        };
        (action, error.cause)
    }

    fn retry(then: Then) -> OnError {
        OnError::Retry(Retry { times: 2, backoff_ms: 0, then })
    }

    #[test]
    fn the_last_error_has_the_number_of_tries_and_means_what_the_manifest_says() {
        for tried in [0, 1] {
            assert_eq!(action(retry(Then::Fail), Some(tried)), ("retry", "bad".to_owned()));
        }
        assert_eq!(action(retry(Then::Fail), Some(2)), ("fail", "bad (tried 3 times)".to_owned()));
        assert_eq!(action(retry(Then::Skip), Some(2)), ("skip", "bad (tried 3 times)".to_owned()));
    }

    #[test]
    fn an_error_of_a_node_that_can_not_retry_counts_no_tries() {
        let expected = [
            (retry(Then::Fail), "fail"),
            (retry(Then::Skip), "skip"),
            (OnError::Fail, "fail"),
            (OnError::Skip, "skip"),
        ];
        for (on_error, expected) in expected {
            assert_eq!(action(on_error, None), (expected, "bad".to_owned()));
        }
    }
}
