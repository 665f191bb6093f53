//! A run that the host feeds and reads while it goes on: packets come in as far as the entry queues have room, outputs
//! wait in bounded outlets, and whoever found no room or no output is told once when that changes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::entry::open_queues;
use super::{Alarm, Budget, Delivery, FollowUp, Phase, Ready, Run, Sinks, State};
use crate::exec::changes::Changes;
use crate::exec::completion::{Outcome, RunError};
use crate::exec::durations::{Noted, Percentiles};
use crate::exec::exchange::Dropped;
use crate::exec::items::Items;
use crate::exec::live::Counted;
use crate::exec::metrics::Counts;
use crate::exec::outlet::{Outlets, SessionOutput, TakeLimit};
use crate::exec::port::{Event, Port};
use crate::exec::queue::{Bounds, Routed, Travel};
use crate::exec::runtime::{Presence, SubmitError};
use crate::graph::Graph;
use crate::lock::Lock;
use crate::node::{CancelFlag, PreparedNode};
use crate::value::Packet;

/// What a session begins with.
pub(in crate::exec) struct Opening {
    pub(in crate::exec) id: u64,
    pub(in crate::exec) token: u64,
    pub(in crate::exec) graph: Arc<Graph>,
    pub(in crate::exec) poison: Arc<AtomicBool>,
    pub(in crate::exec) runtime: Presence,
    /// The sinks of the graph that are handed out.
    pub(in crate::exec) sinks: Vec<usize>,
    /// What may wait at each entry and at each sink.
    pub(in crate::exec) bounds: Bounds,
    /// Whether time is what has arrived, rather than that of the machine.
    pub(in crate::exec) is_virtual: bool,
    /// How long a packet that is sent may take to its sinks.
    pub(in crate::exec) packet_deadline: Option<Duration>,
    pub(in crate::exec) rest: Arc<Lock<Rest>>,
    pub(in crate::exec) counts: Option<Arc<Counts>>,
    /// What had waited at the port before.
    pub(in crate::exec) lag_before: Noted,
}

/// What a run leaves to its session when it ends: the outputs that nobody has taken yet, and how it ended.
#[derive(Debug, Default)]
pub(in crate::exec) struct Rest {
    pub(in crate::exec) outlets: Outlets,
    pub(in crate::exec) ended: Option<(Outcome, String)>,
    /// How many packets were sent.
    pub(in crate::exec) sent: u64,
    /// How many packets each edge dropped.
    pub(in crate::exec) dropped: Vec<u64>,
    pub(in crate::exec) lag: Percentiles,
}

/// How packets come in.
pub(super) struct Feed {
    /// The entry queues that take them.
    takers: Vec<usize>,
    /// The number of the next packet.
    pub(super) next_item: u64,
    /// Something was sent, or nothing ever, since the last END.
    has_open_stream: bool,
    is_finished: bool,
    /// Somebody found no room and is to be told.
    is_awaited: bool,
    /// How long what comes of a packet is worth something.
    patience: Option<Duration>,
    rest: Arc<Lock<Rest>>,
    pub(super) lag_before: Noted,
}

/// Why a run takes no packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exec) enum Refusal {
    Finished,
    Ended,
    NoTaker,
}

impl Feed {
    /// Whether nothing more will come.
    pub(super) fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// Whether somebody found no room and is to be told.
    pub(super) fn is_awaited(&self) -> bool {
        self.is_awaited
    }
}

impl Run {
    /// A run without inputs: they come by [`Run::offer`].
    pub(in crate::exec) fn open(opening: Opening, port: &Port) -> Arc<Self> {
        let Opening {
            id,
            token,
            graph,
            poison,
            runtime,
            sinks,
            bounds,
            is_virtual,
            packet_deadline: patience,
            rest,
            counts,
            lag_before,
        } = opening;
        let (queues, takers) = open_queues(&graph, bounds);
        let items = Items::begun(&graph);
        let is_finished = takers.is_empty();
        let feed = Feed {
            takers,
            next_item: 0,
            has_open_stream: true,
            is_finished,
            is_awaited: false,
            patience,
            rest,
            lag_before,
        };
        let outlets = Outlets::new(graph.sinks.len(), &sinks, bounds);
        let changes = Arc::new(Changes::of(graph.stages.len()));
        let state = State::new(&graph, queues, Sinks::Live(outlets), Some(Box::new(feed)), Delivery::Port);
        Arc::new(Self {
            id,
            token,
            graph,
            poison,
            items: Arc::new(items),
            output_bytes: usize::MAX,
            port: port.downgrade(),
            cancel: CancelFlag::default(),
            clock: if is_virtual { Clock::still() } else { Clock::Real },
            is_session: true,
            ended: AtomicU64::new(0),
            epoch: AtomicU32::new(0),
            counts,
            changes: Some(changes),
            state: Lock::new(state),
            _counted: Counted::run(),
            runtime,
        })
    }

    /// Lists it with runtime and port, and lets its sources begin.
    pub(in crate::exec) fn begin(self: &Arc<Self>, port: &Port, time: Option<Duration>) -> Result<(), SubmitError> {
        if !self.runtime.enlist(self.id, self) {
            return Err(SubmitError::ShutDown);
        }
        if !port.enlist(self.token, self) {
            self.runtime.delist(self.id);
            port.admit(self.token)?;
            return Err(SubmitError::PortClosed);
        }
        let mut ready = Ready::new();
        let mut state = self.hold();
        for stage in 0..self.graph.stages.len() {
            self.schedule_if_runnable(&mut state, stage, &mut ready);
        }
        drop(state);
        self.dispatch(&mut ready);
        if let Some(deadline) = time.and_then(|time| self.now().checked_add(time)) {
            self.set_alarm(deadline, Alarm::TimeOut);
        }
        Ok(())
    }

    /// Takes packets as far as there is room, and works on this thread within the budget. Adds the outputs that are there
    /// to `outputs`, at most `most`. Whoever has packets left is told once when there is room again. Answers how many
    /// packets were taken.
    pub(in crate::exec) fn offer(
        self: &Arc<Self>,
        packets: &mut VecDeque<Packet>,
        budget: Option<Budget>,
        most: TakeLimit,
        outputs: &mut Vec<SessionOutput>,
    ) -> Result<usize, Refusal> {
        let offered = packets.len();
        let mut ready = Ready::new();
        let mut state = self.hold();
        self.admits(&state)?;
        state.seen(budget.map_or_else(Instant::now, |budget| budget.from));
        let mut is_fresh = true;
        loop {
            let before = (packets.len(), outputs.len());
            self.push(&mut state, packets, &mut ready);
            self.hand_out(&mut state, None, most, outputs, &mut ready);
            if ready.is_empty() && self.is_at_rest(&state) && before != (packets.len(), outputs.len()) {
                // Virtual time may pass now, and nobody else would see to it.
                continue;
            }
            let has_time = |budget: &Budget| is_fresh || !budget.is_used_up();
            let Some(budget) = budget.filter(|budget| !ready.is_empty() && has_time(budget)) else { break };
            is_fresh = false;
            drop(state);
            self.run_here(budget, std::mem::take(&mut ready));
            state = self.hold();
            if state.phase != Phase::Active {
                // What was taken is lost with the rest; the completion says why, and the next try is refused.
                if !packets.is_empty() {
                    self.tell(&mut state, Event::Room { token: self.token });
                }
                return Ok(offered - packets.len());
            }
        }
        if let Some(feed) = state.feed.as_deref_mut().filter(|_| !packets.is_empty()) {
            feed.is_awaited = true;
        }
        drop(state);
        self.dispatch(&mut ready);
        Ok(offered - packets.len())
    }

    /// Whether a packet would be taken now; if not, the next room is told.
    pub(in crate::exec) fn has_room(self: &Arc<Self>) -> Result<bool, Refusal> {
        let mut state = self.hold();
        self.admits(&state)?;
        let has_room = self.has_entry_credit(&state);
        if !has_room {
            if let Some(feed) = state.feed.as_deref_mut() {
                feed.is_awaited = true;
            }
            let mut ready = Ready::new();
            self.keep_time(&mut state, &mut ready);
            drop(state);
            self.dispatch(&mut ready);
        }
        Ok(has_room)
    }

    /// No more packets will come.
    pub(in crate::exec) fn finish_feed(self: &Arc<Self>) {
        let mut ready = Ready::new();
        let mut guard = self.hold();
        let state = &mut *guard;
        let Some(feed) = state.feed.as_deref_mut().filter(|feed| !feed.is_finished) else { return };
        if state.phase != Phase::Active {
            return;
        }
        feed.is_finished = true;
        let takers = std::mem::take(&mut feed.takers);
        let end = feed.has_open_stream.then(|| feed.next_item.saturating_sub(1));
        for &taker in &takers {
            if let Some(item) = end {
                state.queues[taker].push(Travel::End(item));
            }
            state.queues[taker].push(Travel::Finish);
            self.schedule_if_runnable(state, self.graph.edges[taker].to, &mut ready);
        }
        self.keep_time(state, &mut ready);
        drop(guard);
        self.dispatch(&mut ready);
    }

    /// Ends the stream behind what was sent, so that everything held back comes out; another one may begin.
    pub(in crate::exec) fn flush(self: &Arc<Self>) -> Result<(), Refusal> {
        let mut ready = Ready::new();
        let mut guard = self.hold();
        self.admits(&guard)?;
        let state = &mut *guard;
        if let Some(feed) = state.feed.as_deref_mut().filter(|feed| feed.has_open_stream && feed.next_item > 0) {
            feed.has_open_stream = false;
            let item = feed.next_item - 1;
            for &taker in &feed.takers {
                state.queues[taker].push(Travel::End(item));
            }
            for edge in self.graph.edges.iter().filter(|edge| edge.from.is_none()) {
                self.schedule_if_runnable(state, edge.to, &mut ready);
            }
        }
        drop(guard);
        self.dispatch(&mut ready);
        Ok(())
    }

    /// Gives a native node the live params of `prepared`: from the packet on that is sent next, and at once if no packet
    /// that is sent can reach it.
    pub(in crate::exec) fn set_params(&self, node: usize, prepared: PreparedNode) -> Result<(), Refusal> {
        let state = self.hold();
        let (Phase::Active, Some(feed), Some(changes)) = (state.phase, state.feed.as_deref(), &self.changes) else {
            return Err(Refusal::Ended);
        };
        let stages = &self.graph.stages;
        let Some(stage) = stages.iter().position(|stage| stage.links.iter().any(|link| link.node == node)) else {
            return Ok(());
        };
        let from = if self.is_fed(feed, stage) { feed.next_item } else { 0 };
        changes.add(stage, node, from, prepared);
        Ok(())
    }

    /// Whether packets that are sent can come to a stage.
    fn is_fed(&self, feed: &Feed, stage: usize) -> bool {
        let mut is_fed = vec![false; stage + 1];
        // Stages come after those that feed them.
        for before in 0..=stage {
            is_fed[before] = self.graph.stages[before].inputs.iter().any(|input| match self.graph.edges[*input].from {
                Some(from) => is_fed[from],
                None => feed.takers.contains(input),
            });
        }
        is_fed[stage]
    }

    /// Drops everything that is on its way and lets all nodes begin anew; sources go on. Returns whether it has not ended.
    pub(in crate::exec) fn interrupt(self: &Arc<Self>) -> bool {
        let mut ready = Ready::new();
        let mut guard = self.hold();
        let state = &mut *guard;
        match (state.phase, &mut state.sinks) {
            (Phase::Active, _) => {}
            (Phase::Stopping(_), Sinks::Live(outlets)) => {
                outlets.clear();
                return true;
            }
            _ => return false,
        }
        self.epoch.fetch_add(1, Ordering::Release);
        for (edge, queue) in self.graph.edges.iter().zip(&mut state.queues) {
            if edge.from.is_some() || !self.graph.begins_with_source(edge.to) {
                queue.interrupt();
            }
        }
        if let Sinks::Live(outlets) = &mut state.sinks {
            outlets.clear();
        }
        if let Some(feed) = state.feed.as_deref_mut() {
            feed.has_open_stream = true;
        }
        let mut dropped = Vec::new();
        for stage in 0..self.graph.stages.len() {
            dropped.push(self.end_call(state, stage));
            self.schedule_if_runnable(state, stage, &mut ready);
        }
        self.tell_of_room(state);
        drop(guard);
        drop(dropped);
        self.dispatch(&mut ready);
        true
    }

    /// Ends the call that a stage has out and drops what came of it; a host that has begun with it is told so before it hears
    /// of another call.
    fn end_call(&self, state: &mut State, stage: usize) -> (Dropped, Option<Event>) {
        let dropped = state.stages[stage].exchange.interrupt();
        let follow_up = &mut state.stages[stage].follow_up;
        let mut unheard = match std::mem::take(follow_up) {
            FollowUp::Call { call, .. } => Some(Event::Call(call)),
            other => {
                *follow_up = other;
                None
            }
        };
        if let (Some(call), Some(port)) = (dropped.call(), self.port.upgrade()) {
            let (was_open, event) = port.forget_call(call);
            let is_heard = was_open && event.is_none() && unheard.is_none();
            unheard = unheard.or(event);
            if is_heard {
                self.tell(state, Event::CallCancelled { call });
            }
        }
        (dropped, unheard)
    }

    /// Takes outputs that are there. Answers whether more can come, or `None` if the run has left everything to its
    /// session. Whoever gets nothing is told once when there is something.
    pub(in crate::exec) fn read(
        self: &Arc<Self>,
        only: Option<usize>,
        most: TakeLimit,
        outputs: &mut Vec<SessionOutput>,
    ) -> Option<()> {
        let mut ready = Ready::new();
        let mut state = self.hold();
        if state.phase == Phase::Completed {
            return None;
        }
        self.hand_out(&mut state, only, most, outputs, &mut ready);
        if let (true, Sinks::Live(outlets)) = (outputs.is_empty(), &mut state.sinks) {
            outlets.wait(only);
        }
        drop(state);
        self.dispatch(&mut ready);
        Some(())
    }

    /// Tells whoever found no room, once there is some.
    pub(super) fn tell_of_room(&self, state: &mut State) {
        if state.feed.as_deref().is_some_and(|feed| feed.is_awaited) && self.has_entry_credit(state) {
            if let Some(feed) = state.feed.as_deref_mut() {
                feed.is_awaited = false;
            }
            self.tell(state, Event::Room { token: self.token });
        }
    }

    /// Leaves what nobody has taken to the session. Answers what is to be told to those who wait.
    pub(super) fn leave_behind(
        &self,
        feed: Option<&mut Feed>,
        mut outlets: Outlets,
        dropped: Vec<u64>,
        outcome: Outcome,
        error: Option<&RunError>,
    ) -> impl Iterator<Item = Event> + use<> {
        let token = self.token;
        let is_read = outlets.stop_waiting() && feed.is_some();
        let mut is_fed = false;
        if let Some(feed) = feed {
            is_fed = std::mem::take(&mut feed.is_awaited);
            let cause = error.map_or_else(String::new, ToString::to_string);
            let lag = self.lag(&feed.lag_before);
            *feed.rest.lock() = Rest { outlets, ended: Some((outcome, cause)), sent: feed.next_item, dropped, lag };
        }
        is_fed.then_some(Event::Room { token }).into_iter().chain(is_read.then_some(Event::Outputs { token }))
    }

    fn admits(&self, state: &State) -> Result<(), Refusal> {
        match state.feed.as_deref() {
            _ if state.phase != Phase::Active => Err(Refusal::Ended),
            Some(feed) if !feed.is_finished => Ok(()),
            Some(feed) if feed.next_item == 0 && feed.takers.is_empty() && !self.takes_packets() => {
                Err(Refusal::NoTaker)
            }
            _ => Err(Refusal::Finished),
        }
    }

    fn takes_packets(&self) -> bool {
        let mut entries = self
            .graph
            .stages
            .iter()
            .filter(|stage| stage.inputs.iter().any(|&input| self.graph.edges[input].from.is_none()));
        entries.any(|stage| !self.graph.nodes[stage.links[0].node].work.inputs().is_empty())
    }

    pub(super) fn first_node(&self, stage: usize) -> usize {
        self.graph.stages[stage].links[0].node
    }

    /// Whether a packet would be let in now.
    fn has_entry_credit(&self, state: &State) -> bool {
        self.is_timely(state) && self.has_entry_room(state)
    }

    /// Whether the entry queues have room for a packet.
    pub(super) fn has_entry_room(&self, state: &State) -> bool {
        state.feed.as_deref().is_some_and(|feed| feed.takers.iter().all(|&taker| state.queues[taker].has_credit()))
    }

    /// Moves packets into the entry queues while there is room in all of them, and it is their time.
    fn push(self: &Arc<Self>, state: &mut State, packets: &mut VecDeque<Packet>, ready: &mut Ready) {
        let since = state.now_about;
        while let Some(packet) = packets.front() {
            if !self.await_arrival(state, packet, ready) {
                break;
            }
            if !self.has_entry_room(state) {
                self.make_room(state, ready);
                if !self.has_entry_credit(state) {
                    break;
                }
            }
            let (Some(feed), Some(packet)) = (state.feed.as_deref_mut(), packets.pop_front()) else { break };
            let deadline = feed.patience.and_then(|patience| self.now().checked_add(patience));
            if feed.next_item == 0 || !feed.has_open_stream {
                self.items.begin_stream(feed.next_item, &packet.value);
            }
            let routed = Routed { packet, item: feed.next_item, path: 0, deadline };
            feed.next_item += 1;
            feed.has_open_stream = true;
            if let Some((&last, others)) = feed.takers.split_last() {
                for &taker in others {
                    state.queues[taker].push_at(Travel::Packet(routed.share(), 0), since);
                }
                state.queues[last].push_at(Travel::Packet(routed, 0), since);
            }
            for taker in state.feed.as_deref().map_or(&[][..], |feed| &feed.takers) {
                self.record_fill(state, self.graph.edges[*taker].to);
            }
            if !matches!(self.clock, Clock::Real) {
                self.schedule_entries(state, ready);
            }
        }
        self.schedule_entries(state, ready);
    }

    fn schedule_entries(&self, state: &mut State, ready: &mut Ready) {
        for edge in self.graph.edges.iter().filter(|edge| edge.from.is_none()) {
            self.schedule_if_runnable(state, edge.to, ready);
        }
    }

    /// Takes outputs, and schedules the stages that waited for their place.
    fn hand_out(
        self: &Arc<Self>,
        state: &mut State,
        only: Option<usize>,
        most: TakeLimit,
        outputs: &mut Vec<SessionOutput>,
        ready: &mut Ready,
    ) {
        let Sinks::Live(outlets) = &mut state.sinks else { return };
        let before = outputs.len();
        outlets.take(only, most, outputs);
        if outputs.len() > before {
            for stage in 0..self.graph.stages.len() {
                if self.graph.stages[stage].sink.is_some() {
                    self.schedule_if_runnable(state, stage, ready);
                }
            }
            self.keep_time(state, ready);
        }
    }
}
