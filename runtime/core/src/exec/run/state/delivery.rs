//! The completion of a run: what it will report, and who gets it.

use crate::exec::outputs::completion::{Completion, Outcome, RunError, SinkOutputs, SkipReport};

/// The errors of a run so far, and the destination of its one completion.
pub(in crate::exec::run) struct Delivery {
    errors: Vec<RunError>,
    skip_report: SkipReport,
    /// The nodes that have skipped something.
    skipping: Vec<usize>,
    destination: Destination,
}

enum Destination {
    /// The submitting thread still works on the run and takes the completion itself.
    Submitter(Option<Completion>),
    Port,
}

/// Where the error goes after which a packet was skipped.
#[derive(Debug)]
pub(in crate::exec::run) enum SkippedError {
    /// Into the completion; the host is notified with this copy.
    Reported { error: RunError, is_first: bool },
    /// There are too many: it is only counted.
    Excess(RunError),
}

impl Delivery {
    /// The completion is for the submitting thread, until [`Self::hand_to_port`].
    pub(in crate::exec::run) fn to_submitter() -> Self {
        Self::to(Destination::Submitter(None))
    }

    /// The completion is for the port.
    pub(in crate::exec::run) fn to_port() -> Self {
        Self::to(Destination::Port)
    }

    fn to(destination: Destination) -> Self {
        Self { errors: Vec::new(), skip_report: SkipReport::default(), skipping: Vec::new(), destination }
    }

    /// Adds an error that ends the run.
    pub(in crate::exec::run) fn fail(&mut self, error: RunError) {
        self.errors.push(error);
    }

    /// The error that ended the run.
    pub(in crate::exec::run) fn first_error(&self) -> Option<&RunError> {
        self.errors.first()
    }

    /// Counts a retry.
    pub(in crate::exec::run) fn count_retry(&mut self) {
        self.skip_report.retries += 1;
    }

    /// Counts a skipped packet, and keeps its error as long as there are not too many.
    pub(in crate::exec::run) fn skip(&mut self, node: usize, error: RunError) -> SkippedError {
        self.skip_report.skips += 1;
        let is_first = !self.skipping.contains(&node);
        if is_first {
            self.skipping.push(node);
        }
        if !is_first && self.skip_report.skipped.len() >= SkipReport::MOST {
            return SkippedError::Excess(error);
        }
        self.skip_report.skipped.push(error.clone());
        SkippedError::Reported { error, is_first }
    }

    /// Makes the completion. Returns it if it is for the port; else it waits for the submitting thread.
    pub(in crate::exec::run) fn complete(&mut self, outcome: Outcome, sinks: Vec<SinkOutputs>) -> Option<Completion> {
        let errors = std::mem::take(&mut self.errors);
        let completion = Completion { outcome, sinks, errors, skip_report: std::mem::take(&mut self.skip_report) };
        match &mut self.destination {
            Destination::Submitter(waiting) => {
                *waiting = Some(completion);
                None
            }
            Destination::Port => Some(completion),
        }
    }

    /// The submitting thread leaves. Returns the completion if it is there already; else the port gets it.
    pub(in crate::exec::run) fn hand_to_port(&mut self) -> Option<Completion> {
        match std::mem::replace(&mut self.destination, Destination::Port) {
            Destination::Submitter(completion) => completion,
            Destination::Port => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(cause: &str) -> RunError {
        RunError::of_run(Outcome::Failed, cause, "")
    }

    #[test]
    fn a_completion_goes_to_the_submitter_while_that_works_and_to_the_port_afterwards() {
        let mut early = Delivery::to_submitter();
        early.fail(error("first"));
        early.fail(error("second"));
        assert_eq!(early.first_error().map(|error| error.cause.as_str()), Some("first"));
        assert!(early.complete(Outcome::Failed, Vec::new()).is_none());
        let completion = early.hand_to_port().expect("it is there");
        assert_eq!((completion.outcome, completion.errors.len()), (Outcome::Failed, 2));
        assert!(early.hand_to_port().is_none(), "there is one completion");

        let mut late = Delivery::to_submitter();
        assert!(late.hand_to_port().is_none());
        assert!(late.complete(Outcome::Finished, Vec::new()).is_some());
        assert!(Delivery::to_port().complete(Outcome::Finished, Vec::new()).is_some());
    }

    #[test]
    fn errors_after_skips_are_kept_up_to_a_limit_and_the_first_one_of_each_node_always() {
        let mut delivery = Delivery::to_port();
        let mut skip = |node| match delivery.skip(node, error("bad")) {
            SkippedError::Reported { is_first, .. } => Some(is_first),
            SkippedError::Excess(_) => None,
        };
        assert_eq!([skip(0), skip(0), skip(1)], [Some(true), Some(false), Some(true)]);
        let kept = (0..SkipReport::MOST).filter(|_| skip(0).is_some()).count();
        assert_eq!(kept, SkipReport::MOST - 3);
        assert_eq!([skip(1), skip(2), skip(2)], [None, Some(true), None]);
        delivery.count_retry();
        let report = delivery.complete(Outcome::Finished, Vec::new()).expect("for the port").skip_report;
        let expected = (SkipReport::MOST + 1, SkipReport::MOST as u64 + 6, 1);
        assert_eq!((report.skipped.len(), report.skips, report.retries), expected);
    }
}
