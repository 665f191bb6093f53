//! The scheduling state of the stages of a run, and the only transitions that there are between their states.
//!
//! ```text
//!             schedule              start
//!     Idle ------------> Scheduled ------> Running ---.
//!      ^                     ^                |       |
//!      |  park               | stop, if it    | finish|
//!      '---------------------+-- has a body --'       |
//!      |                                              v
//!      '--------- stop, if it has no body -------> Finished
//! ```

use std::ops::{Index, IndexMut};
use std::time::{Duration, Instant};

use super::body::{Body, Work};
use super::fan_in::InputState;
use super::follow_up::FollowUp;
use crate::exec::host::exchange::{Dropped, Exchange};
use crate::exec::host::host_call::{HostCall, Reply, ReplyError};

/// The stages of a run, with the counts of those that are at work and those that have not finished.
pub(in crate::exec::run) struct Stages {
    cells: Vec<StageCell>,
    /// Stages that are scheduled or running.
    active: usize,
    /// Stages that have not finished.
    open: usize,
}

/// One stage: its status, its body while no thread runs it, and the replies of the host.
#[derive(Default)]
pub(in crate::exec::run) struct StageCell {
    status: Status,
    body: Option<Box<Body>>,
    /// What a host stage and its host exchange.
    pub(in crate::exec::run) exchange: Exchange,
    pub(in crate::exec::run) follow_up: FollowUp,
    pub(in crate::exec::run) inputs: InputState,
    /// A timer event for the stage has fired, so that it runs once more.
    is_woken: bool,
    /// When the work began that a thread is at, or is to go on with, and how many items had ended then.
    works_since: Option<(Instant, u64)>,
    /// The error after which a node of the stage tries again, or did so last.
    failed_try: Option<FailedTry>,
}

/// An error after which a node tries again.
#[derive(Debug)]
pub(in crate::exec::run) struct FailedTry {
    pub(in crate::exec::run) node: usize,
    pub(in crate::exec::run) cause: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::exec::run) enum Status {
    #[default]
    Idle,
    Scheduled,
    Running,
    Finished,
}

impl Stages {
    /// So many stages, all idle.
    pub(super) fn new(count: usize) -> Self {
        Self { cells: std::iter::repeat_with(StageCell::default).take(count).collect(), active: 0, open: count }
    }

    /// Schedules a stage that is idle. Returns whether it was.
    pub(in crate::exec::run) fn schedule(&mut self, index: usize) -> bool {
        let is_idle = self.cells[index].status == Status::Idle;
        if is_idle {
            self.cells[index].status = Status::Scheduled;
            self.active += 1;
        }
        is_idle
    }

    /// Begins a time slice of a scheduled stage, at the time `now`, when so many items have `ended`. Returns its body; none if
    /// it has not run before.
    pub(in crate::exec::run) fn start(&mut self, index: usize, now: Instant, ended: u64) -> Option<Box<Body>> {
        let cell = &mut self.cells[index];
        debug_assert_eq!(cell.status, Status::Scheduled, "only a scheduled stage starts");
        cell.status = Status::Running;
        cell.is_woken = false;
        if cell.works_since.is_none_or(|(_, before)| before != ended) {
            cell.works_since = Some((now, ended));
        }
        cell.body.take()
    }

    /// Ends a time slice of a stage that has more to do later.
    pub(in crate::exec::run) fn park(&mut self, index: usize, body: Box<Body>) {
        let cell = &mut self.cells[index];
        debug_assert_eq!(cell.status, Status::Running, "only a running stage parks");
        if !(body.holds_packets() || cell.exchange.is_calling() || cell.exchange.has_output()) {
            cell.inputs.holds_since = None;
        }
        cell.body = Some(body);
        cell.status = Status::Idle;
        self.active -= 1;
    }

    /// Ends the work of a stage that has parked, unless it is scheduled to go on with it.
    pub(in crate::exec::run) fn rest(&mut self, index: usize) {
        let cell = &mut self.cells[index];
        if cell.status == Status::Idle {
            cell.works_since = None;
        }
    }

    /// Ends the last time slice of a stage.
    pub(in crate::exec::run) fn finish(&mut self, index: usize) {
        let cell = &mut self.cells[index];
        debug_assert_eq!(cell.status, Status::Running, "only a running stage finishes");
        cell.works_since = None;
        cell.status = Status::Finished;
        self.active -= 1;
        self.open -= 1;
    }

    /// Brings all idle stages to their end: those with a body are scheduled once more, to clean up; `schedule` gets them.
    pub(in crate::exec::run) fn stop(&mut self, mut schedule: impl FnMut(usize)) {
        for (index, cell) in self.cells.iter_mut().enumerate() {
            if cell.status != Status::Idle {
                continue;
            }
            if cell.body.is_some() {
                cell.status = Status::Scheduled;
                self.active += 1;
                schedule(index);
            } else {
                cell.status = Status::Finished;
                self.open -= 1;
            }
        }
    }

    /// Whether no stage is scheduled or running.
    pub(in crate::exec::run) fn are_idle(&self) -> bool {
        self.active == 0
    }

    /// Whether all stages have finished.
    pub(in crate::exec::run) fn have_finished(&self) -> bool {
        self.open == 0
    }

    /// Whether a call of any stage is out.
    pub(super) fn any_calls(&self) -> bool {
        self.cells.iter().any(|cell| cell.exchange.is_calling())
    }

    /// Takes the bodies of the stages that no thread runs, to clean them up.
    pub(in crate::exec::run) fn take_bodies(&mut self) -> impl Iterator<Item = Box<Body>> {
        self.cells.iter_mut().filter_map(|cell| cell.body.take())
    }
}

impl StageCell {
    pub(in crate::exec::run) fn status(&self) -> Status {
        self.status
    }

    /// When the stage began what it is at, over however many time slices, or when the item before ended; `None` if it rests.
    pub(in crate::exec::run) fn works_since(&self) -> Option<Instant> {
        self.works_since.map(|(since, _)| since)
    }

    pub(in crate::exec::run) fn is_idle(&self) -> bool {
        self.status == Status::Idle
    }

    /// Notes the error after which a node tries again.
    pub(in crate::exec::run) fn try_again_after(&mut self, node: usize, cause: String) {
        self.failed_try = Some(FailedTry { node, cause });
    }

    /// For how long the stage still waits to try again, and after which error; `None` if it waits for something else.
    pub(in crate::exec::run) fn next_try(&self, now: Instant) -> Option<(Duration, &FailedTry)> {
        let due = self.body.as_deref()?.work.due()?;
        Some((due.checked_duration_since(now)?, self.failed_try.as_ref()?))
    }

    /// Has the stage run once more, whatever it waits for.
    pub(in crate::exec::run) fn wake(&mut self) {
        self.is_woken = true;
    }

    pub(in crate::exec::run) fn is_woken(&self) -> bool {
        self.is_woken
    }

    /// How many items it has taken and not processed; 0 while a thread runs it.
    pub(in crate::exec::run) fn inbox_len(&self) -> usize {
        self.body.as_ref().map_or(0, |body| body.inbox.len())
    }

    /// Whether the stage has something to do, apart from credit: in the `epoch` of its last node, at the time `now`.
    pub(in crate::exec::run) fn has_work(
        &self,
        epoch: u32,
        now: impl Fn() -> Instant,
        has_input: impl Fn() -> bool,
    ) -> bool {
        let Some(body) = self.body.as_deref() else { return has_input() };
        let (exchange, is_interrupted) = (&self.exchange, body.epoch.last != epoch);
        if body.work.due().is_some_and(|due| now() < due) {
            // It waits to retry, unless what it would retry was dropped.
            return is_interrupted || exchange.has_output();
        }
        match &body.work {
            // An interrupted node ends at once what it does: it may be one that can be heard.
            Work::Native(chain) => chain.has_work() || !body.inbox.is_empty() || is_interrupted || has_input(),
            Work::Host(host) => {
                let has_packets = || has_input() || !(body.inbox.is_empty() || host.is_waiting(now()));
                exchange.has_output()
                    || exchange.waits_for_room()
                    || (!exchange.is_calling() && has_packets())
                    || is_interrupted
            }
        }
    }

    /// Takes a reply to the call that is out; `node_of` maps a node of the call to its index in the graph. Returns how long
    /// the call was out if this was its last reply.
    ///
    /// # Errors
    /// If the call is over.
    pub(in crate::exec::run) fn take_reply(
        &mut self,
        call: u64,
        reply: Reply,
        node_of: impl Fn(usize) -> usize,
    ) -> Result<Option<Duration>, ReplyError> {
        if !self.exchange.expects(call) {
            return Err(ReplyError::Gone { call });
        }
        Ok(self.exchange.take(reply, node_of))
    }

    /// Ends the call that is out and drops what has come of it. Also returns the call if a replying thread was to take it
    /// and has not.
    pub(in crate::exec::run) fn interrupt(&mut self, whole: bool) -> (Dropped, Option<HostCall>) {
        (self.exchange.interrupt(whole), self.follow_up.interrupt())
    }
}

impl Index<usize> for Stages {
    type Output = StageCell;

    fn index(&self, index: usize) -> &StageCell {
        &self.cells[index]
    }
}

impl IndexMut<usize> for Stages {
    fn index_mut(&mut self, index: usize) -> &mut StageCell {
        &mut self.cells[index]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::exec::epochs::StageEpoch;
    use crate::exec::host::stage::HostStage;
    use crate::exec::queues::stream_item::{QueuedPacket, StreamItem};
    use crate::exec::test_graph::test_graph;
    use crate::value::{Packet, Value};

    fn body() -> Box<Body> {
        let graph = test_graph(&["n"], &[]);
        let host = HostStage::new(1, &graph, &graph.stages[0]);
        Box::new(Body { inbox: VecDeque::new(), work: Work::Host(host), epoch: StageEpoch::default() })
    }

    fn packet() -> StreamItem {
        let packet = Packet::new(Value::Null);
        StreamItem::Packet(QueuedPacket { packet, item: 0, path: 0, deadline: None }, 0)
    }

    /// Gives the stage's host one packet. Returns the number of the call.
    fn call(stages: &mut Stages, body: &mut Body) -> u64 {
        body.inbox.push_back(packet());
        let Work::Host(host) = &mut body.work else { unreachable!("it is the body of a host stage") };
        host.call(&mut body.inbox, &mut stages[0].exchange, 1, 0).expect("there is a packet").id
    }

    fn reply(is_final: bool) -> Reply {
        Reply { outputs: Vec::new(), is_final, failure: None }
    }

    #[test]
    fn a_stage_is_scheduled_once_until_it_has_run() {
        let mut stages = Stages::new(2);
        assert!(stages.schedule(0) && !stages.schedule(0), "it is scheduled already");
        assert!(stages.start(0, Instant::now(), 0).is_none(), "it has not run before");
        assert!(!stages.schedule(0), "never on two threads at a time");
        assert!(!stages.are_idle());
        stages.park(0, body());
        assert!(stages.are_idle() && !stages.have_finished());
        assert!(stages.schedule(0) && stages.start(0, Instant::now(), 0).is_some());
        stages.finish(0);
        assert!(!stages.schedule(0) && stages.are_idle() && stages[0].status() == Status::Finished);
        assert!(!stages.have_finished(), "the other one has not");
    }

    #[test]
    fn a_stop_schedules_idle_stages_that_have_to_clean_up_and_finishes_the_others() {
        let mut stages = Stages::new(4);
        for index in [1, 2, 3] {
            stages.schedule(index);
        }
        for index in [2, 3] {
            stages.start(index, Instant::now(), 0);
        }
        stages.park(3, body());
        let mut scheduled = Vec::new();
        stages.stop(|index| scheduled.push(index));
        assert_eq!(scheduled, [3]);
        let status = [0, 1, 2, 3].map(|index| stages[index].status());
        assert_eq!(status, [Status::Finished, Status::Scheduled, Status::Running, Status::Scheduled]);
        stages.start(1, Instant::now(), 0);
        assert!(stages.start(3, Instant::now(), 0).is_some());
        [1, 2, 3].into_iter().for_each(|index| stages.finish(index));
        assert!(stages.are_idle() && stages.have_finished());
    }

    #[test]
    #[cfg_attr(debug_assertions, should_panic(expected = "only a running stage parks"))]
    #[cfg_attr(not(debug_assertions), ignore = "needs debug assertions")]
    fn a_stage_that_does_not_run_can_not_park() {
        Stages::new(1).park(0, body());
    }

    #[test]
    fn a_stage_without_a_body_has_work_if_it_has_input() {
        let stages = Stages::new(1);
        assert!(stages[0].has_work(0, Instant::now, || true) && !stages[0].has_work(0, Instant::now, || false));
    }

    #[test]
    fn a_host_stage_has_no_work_while_its_call_is_out_and_gets_work_by_a_reply_or_an_interruption() {
        let mut stages = Stages::new(1);
        let has_work = |stages: &Stages, epoch| stages[0].has_work(epoch, Instant::now, || true);
        stages.schedule(0);
        stages.start(0, Instant::now(), 0);
        let mut body = body();
        let id = call(&mut stages, &mut body);
        stages.park(0, body);
        assert!(!has_work(&stages, 0) && has_work(&stages, 1));
        assert!(stages[0].take_reply(id + 1, reply(true), |node| node).is_err(), "that is another call");
        assert!(stages[0].take_reply(id, reply(false), |node| node).expect("it is out").is_none());
        assert!(!has_work(&stages, 0), "more is to come");
        assert!(stages[0].take_reply(id, reply(true), |node| node).expect("it is out").is_some());
        assert!(has_work(&stages, 0) && stages[0].take_reply(id, reply(true), |node| node).is_err());
    }

    #[test]
    fn an_interruption_ends_the_call_so_that_a_late_reply_is_refused() {
        let mut stages = Stages::new(1);
        stages.schedule(0);
        stages.start(0, Instant::now(), 0);
        let mut body = body();
        let id = call(&mut stages, &mut body);
        stages.park(0, body);
        stages[0].follow_up.want(id);
        let (dropped, untaken) = stages[0].interrupt(true);
        assert_eq!((dropped.call(), untaken.is_none()), (Some(id), true));
        assert_eq!(stages[0].take_reply(id, reply(true), |node| node), Err(ReplyError::Gone { call: id }));
        assert!(!stages.any_calls());
    }

    #[test]
    fn a_stage_works_over_time_slices_until_it_rests_or_an_item_has_ended() {
        let mut stages = Stages::new(1);
        let first = Instant::now();
        let mut slice = |ms: u64, ended: u64, goes_on: bool| {
            stages.schedule(0);
            stages.start(0, first + Duration::from_millis(ms), ended);
            stages.park(0, body());
            if goes_on {
                stages.schedule(0);
            }
            stages.rest(0);
            stages[0].works_since().map(|since| since - first)
        };
        assert_eq!(slice(0, 0, true), Some(Duration::ZERO));
        assert_eq!(slice(10, 0, true), Some(Duration::ZERO), "it is the same work");
        assert_eq!(slice(20, 1, true), Some(Duration::from_millis(20)), "it is the next item");
        assert_eq!(slice(30, 1, false), None);
        assert_eq!(slice(40, 1, true), Some(Duration::from_millis(40)));
    }

    #[test]
    fn a_stage_holds_its_oldest_packet_until_nothing_is_in_work() {
        let mut stages = Stages::new(1);
        stages.schedule(0);
        stages.start(0, Instant::now(), 0);
        stages[0].inputs.holds_since = Some(Instant::now());
        let mut held = body();
        held.inbox.push_back(packet());
        stages.park(0, held);
        assert!(stages[0].inputs.holds_since.is_some() && stages[0].inbox_len() == 1);
        stages.schedule(0);
        let mut held = stages.start(0, Instant::now(), 0).expect("it has run");
        held.inbox.clear();
        stages.park(0, held);
        assert!(stages[0].inputs.holds_since.is_none());
    }
}
