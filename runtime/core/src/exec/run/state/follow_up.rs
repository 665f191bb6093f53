//! The next call of a host stage, for the thread that has just replied to one: it takes the call along, so that no event has
//! to announce it.

use crate::exec::host::host_call::HostCall;

/// Whether a replying thread wants the next call, and the call once it is there.
///
/// It names the call that was replied to: a thread that replied to an earlier one and has not returned yet must not take
/// what another thread waits for.
#[derive(Default)]
pub(in crate::exec::run) enum FollowUp {
    #[default]
    Unwanted,
    Wanted {
        by: u64,
    },
    Call {
        by: u64,
        call: HostCall,
    },
}

impl FollowUp {
    /// The thread that has replied to call `by` wants the next one.
    pub(in crate::exec::run) fn want(&mut self, by: u64) {
        *self = Self::Wanted { by };
    }

    /// Gives a call to the thread that wants one. Returns it if there is no such thread.
    pub(in crate::exec::run) fn offer(&mut self, call: HostCall) -> Option<HostCall> {
        match *self {
            Self::Wanted { by } => {
                *self = Self::Call { by, call };
                None
            }
            _ => Some(call),
        }
    }

    /// Takes the call for the thread that has replied to call `by`; it wants none afterwards.
    pub(in crate::exec::run) fn take(&mut self, by: u64) -> Option<HostCall> {
        match std::mem::take(self) {
            Self::Call { by: theirs, call } if theirs == by => Some(call),
            Self::Wanted { by: theirs } if theirs == by => None,
            others => {
                *self = others;
                None
            }
        }
    }

    /// Takes back a call that no thread has taken yet.
    pub(in crate::exec::run) fn interrupt(&mut self) -> Option<HostCall> {
        match std::mem::take(self) {
            Self::Call { call, .. } => Some(call),
            other => {
                *self = other;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: u64) -> HostCall {
        HostCall { id, job: 0, nodes: Vec::new(), entries: Vec::new(), ports: 1, epoch: 0, taken_before: 0 }
    }

    fn id(call: Option<HostCall>) -> Option<u64> {
        call.map(|call| call.id)
    }

    #[test]
    fn a_call_goes_to_the_thread_that_wants_it_and_to_no_other() {
        let mut follow_up = FollowUp::default();
        assert_eq!(id(follow_up.offer(call(1))), Some(1), "no thread wants it");
        follow_up.want(1);
        assert_eq!(id(follow_up.offer(call(2))), None);
        assert_eq!(id(follow_up.offer(call(3))), Some(3), "one at a time");
        assert_eq!(id(follow_up.take(0)), None, "that thread replied to another call");
        assert_eq!([id(follow_up.take(1)), id(follow_up.take(1))], [Some(2), None]);
    }

    #[test]
    fn a_thread_that_leaves_without_a_call_wants_none_any_more() {
        let mut follow_up = FollowUp::default();
        follow_up.want(1);
        assert_eq!(id(follow_up.take(1)), None);
        assert_eq!(id(follow_up.offer(call(2))), Some(2));
    }

    #[test]
    fn an_interruption_takes_the_call_back_but_not_the_wish() {
        let mut follow_up = FollowUp::default();
        follow_up.want(1);
        assert_eq!(id(follow_up.interrupt()), None);
        assert_eq!(id(follow_up.offer(call(2))), None);
        assert_eq!(id(follow_up.interrupt()), Some(2));
        assert_eq!(id(follow_up.take(1)), None);
    }
}
