//! Random graphs under random use, against an oracle: sessions and one-shots with native nodes and nodes of the host, small
//! buffers, replies in parts, late and failing replies, loops, flushes, interruptions of all and of parts, cancels and timeouts.
//!
//! A few seconds of it are a test. `REMOTEMEDIA_STORM_SECONDS=3600` makes it an hour, `REMOTEMEDIA_STORM_SEED` begins with
//! the seed of a round that failed, and `REMOTEMEDIA_DELAYS=<seed>` lets threads meet in odd orders.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use remotemedia_core::exec::{
    Backpressure, BufferOptions, CallEntry, HostCall, HostFailure, HostOutput, Outcome, Received, Reply, ReplyError,
    Session, SessionError, SessionOptions, SessionPacket, TakeLimit,
};
use remotemedia_core::manifest::HostNodeType;
use remotemedia_core::value::Packet;

use super::*;

/// So many seconds without an event are a hang. Only those count in which this thread was given a processor when it asked
/// for one: on a machine that is busy with other work, everything else comes late as well.
const STILL_SECONDS: u32 = 30;
const ON_TIME: Duration = Duration::from_millis(1100);

/// Values count from this in each epoch, so that a value shows in which one it was sent.
const EPOCH: i64 = 10_000_000;

/// The distance of values, which is more than all offsets of a graph add up to.
const STEP: i64 = 1000;

struct Random(u64);

impl Random {
    /// SplitMix64 (Steele, Lea and Flood, 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Pass,
    Worker,
    Repeat(usize),
    Offset(i64),
    Hoard(usize),
    /// Of the host, as the others below: emits what it gets.
    Same,
    Twice,
    /// Fails at some values for good; `on_error: skip`.
    Skips,
    /// Fails at some values once; `on_error: retry`.
    Tries,
    /// Drops what comes back to it by a connection that goes backwards; native.
    Ear,
    /// The same, of the host.
    Listens,
}

impl Kind {
    fn random(random: &mut Random) -> Self {
        match random.below(12) {
            0 => Self::Pass,
            1 => Self::Worker,
            2 => Self::Repeat(1 + random.below(4)),
            3 => Self::Offset(random.below(50) as i64),
            4 => Self::Hoard(random.below(5)),
            5 => Self::Skips,
            6 => Self::Tries,
            7 => Self::Twice,
            8 => Self::Ear,
            9 => Self::Listens,
            _ => Self::Same,
        }
    }

    fn text(self) -> (&'static str, String) {
        match self {
            Self::Pass => ("Pass", String::new()),
            Self::Worker => ("Worker", String::new()),
            Self::Repeat(times) => ("Repeat", format!(r#""times": {times}"#)),
            Self::Offset(by) => ("Offset", format!(r#""by": {by}"#)),
            Self::Hoard(packets) => ("Hoard", format!(r#""packets": {packets}"#)),
            Self::Same => ("same", String::new()),
            Self::Twice => ("twice", String::new()),
            Self::Skips => ("skips", String::new()),
            Self::Tries => ("tries", String::new()),
            Self::Ear => ("Ear", String::new()),
            Self::Listens => ("listens", String::new()),
        }
    }

    fn on_error(self) -> &'static str {
        match self {
            Self::Skips => r#""skip""#,
            Self::Tries => r#"{"retry": {"times": 1, "backoff_ms": 0}}"#,
            _ => r#""fail""#,
        }
    }

    /// What it makes of one value.
    fn apply(self, value: i64) -> Vec<i64> {
        match self {
            Self::Repeat(times) => vec![value; times],
            Self::Offset(by) => vec![value + by],
            Self::Twice => vec![value; 2],
            Self::Skips if trips(value) => Vec::new(),
            _ => vec![value],
        }
    }
}

/// The number of a value among those sent in its epoch.
fn number_of(value: i64) -> usize {
    (value % EPOCH / STEP) as usize
}

/// Whether nodes that fail do so at this value, whatever was added to it on its way.
fn trips(value: i64) -> bool {
    value / STEP % 7 == 3
}

#[derive(Debug)]
struct Plan {
    nodes: Vec<Kind>,
    /// From, to, and how many packets may wait on the way.
    edges: Vec<(usize, usize, Option<usize>)>,
    /// From, to, the delay in milliseconds and how many packets may be on the way, of those that go backwards.
    feedback: Vec<(usize, usize, usize, usize)>,
    /// The nodes at which each input comes in, if the manifest names them.
    inputs: Option<Vec<Vec<usize>>>,
    /// The nodes from which each output comes, if the manifest names them.
    outputs: Option<Vec<usize>>,
}

impl Plan {
    fn random(random: &mut Random) -> Self {
        let count = 1 + random.below(6);
        let nodes: Vec<Kind> = (0..count).map(|_| Kind::random(random)).collect();
        let mut edges = Vec::new();
        for to in 1..count {
            let mut from = random.below(to);
            for _ in 0..1 + usize::from(random.one_in(4)) {
                let buffer = random.one_in(2).then(|| 1 + random.below(4));
                if !edges.iter().any(|&(known, end, _)| (known, end) == (from, to)) {
                    edges.push((from, to, buffer));
                }
                from = random.below(to);
            }
        }
        let mut plan = Self { nodes, edges, feedback: Vec::new(), inputs: None, outputs: None };
        plan.feedback = plan.random_feedback(random);
        if random.one_in(2) {
            plan.inputs = Some(plan.random_inputs(random));
        }
        if random.one_in(2) {
            plan.outputs = Some((0..1 + random.below(3)).map(|_| random.below(count)).collect());
        }
        plan
    }

    /// Ways back to nodes that can listen, from nodes that they lead to or from themselves.
    fn random_feedback(&self, random: &mut Random) -> Vec<(usize, usize, usize, usize)> {
        let mut feedback = Vec::new();
        for to in 0..self.nodes.len() {
            if !matches!(self.nodes[to], Kind::Ear | Kind::Listens) {
                continue;
            }
            for (from, is_behind) in self.part(to).into_iter().enumerate() {
                if is_behind && random.one_in(2) {
                    feedback.push((from, to, 1 + random.below(4), 1 + random.below(4)));
                }
            }
        }
        feedback
    }

    /// One to three inputs that reach all nodes; some come in at several, or in the middle of the graph.
    fn random_inputs(&self, random: &mut Random) -> Vec<Vec<usize>> {
        let mut inputs = vec![Vec::new(); 1 + random.below(3)];
        for node in self.roots() {
            let input = random.below(inputs.len());
            inputs[input].push(node);
        }
        for ends in &mut inputs {
            if ends.is_empty() || random.one_in(3) {
                let node = random.below(self.nodes.len());
                if !ends.contains(&node) {
                    ends.push(node);
                }
            }
        }
        inputs
    }

    fn roots(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|node| !self.edges.iter().any(|edge| edge.1 == *node)).collect()
    }

    /// The nodes at which each input comes in.
    fn entries(&self) -> Vec<Vec<usize>> {
        self.inputs.clone().unwrap_or_else(|| vec![self.roots()])
    }

    /// The nodes from which each output comes.
    fn exits(&self) -> Vec<usize> {
        let is_sink = |node: &usize| !self.edges.iter().any(|edge| edge.0 == *node);
        self.outputs.clone().unwrap_or_else(|| (0..self.nodes.len()).filter(is_sink).collect())
    }

    fn manifest(&self) -> String {
        let mut nodes = Vec::new();
        for (index, kind) in self.nodes.iter().enumerate() {
            let ((name, params), on_error) = (kind.text(), kind.on_error());
            nodes.push(format!(
                r#"{{"id": "n{index}", "node_type": "{name}", "params": {{{params}}}, "on_error": {on_error}}}"#
            ));
        }
        let mut edges = Vec::new();
        for (from, to, buffer) in &self.edges {
            let mut edge = format!(r#"{{"from": "n{from}", "to": "n{to}""#);
            if let Some(packets) = buffer {
                let _ = write!(edge, r#", "buffer": {{"packets": {packets}}}"#);
            }
            edges.push(edge + "}");
        }
        for (from, to, delay, packets) in &self.feedback {
            edges.push(format!(
                r#"{{"from": "n{from}", "to": "n{to}.back", "delay_ms": {delay}, "buffer": {{"packets": {packets}}}}}"#
            ));
        }
        let mut ends = String::new();
        if let Some(inputs) = &self.inputs {
            let list = |nodes: &Vec<usize>| nodes.iter().map(|node| format!(r#""n{node}""#)).collect::<Vec<_>>();
            let inputs = inputs.iter().enumerate();
            let inputs = inputs.map(|(index, nodes)| format!(r#""i{index}": [{}]"#, list(nodes).join(", ")));
            let _ = write!(ends, r#", "inputs": {{{}}}"#, inputs.collect::<Vec<_>>().join(", "));
        }
        if let Some(outputs) = &self.outputs {
            let outputs = outputs.iter().enumerate().map(|(index, node)| format!(r#""o{index}": "n{node}""#));
            let _ = write!(ends, r#", "outputs": {{{}}}"#, outputs.collect::<Vec<_>>().join(", "));
        }
        format!(
            r#"{{"version": "v1", "metadata": {{"name": "storm"}}, "nodes": [{}], "connections": [{}]{ends}}}"#,
            nodes.join(", "),
            edges.join(", ")
        )
    }

    /// The nodes from one on that are interrupted with it.
    fn part(&self, at: usize) -> Vec<bool> {
        let mut is_in = vec![false; self.nodes.len()];
        is_in[at] = true;
        for node in at + 1..self.nodes.len() {
            is_in[node] = self.edges.iter().any(|&(from, to, _)| to == node && is_in[from]);
        }
        is_in
    }

    /// What comes out of each output, sorted, of what is sent to each input.
    fn expected(&self, sent: &[Vec<i64>]) -> Vec<Vec<i64>> {
        let mut given: Vec<Vec<i64>> = Vec::new();
        for (index, kind) in self.nodes.iter().enumerate() {
            let mut taken = Vec::new();
            for (from, _, _) in self.edges.iter().filter(|edge| edge.1 == index) {
                taken.extend(&given[*from]);
            }
            for (ends, sent) in self.entries().iter().zip(sent) {
                if ends.contains(&index) {
                    taken.extend(sent);
                }
            }
            given.push(taken.into_iter().flat_map(|value| kind.apply(value)).collect());
        }
        let mut outputs: Vec<_> = self.exits().iter().map(|node| given[*node].clone()).collect();
        outputs.iter_mut().for_each(|values| values.sort_unstable());
        outputs
    }
}

fn hosts(random: &mut Random) -> HostNodes {
    let mut of = |token| HostNodeType::new(token, 1 + random.below(5));
    let mut hosts: HostNodes = [("same", 1), ("twice", 2), ("skips", 3), ("tries", 4)]
        .map(|(name, token)| (name.to_owned(), of(token)))
        .into();
    hosts.insert("listens".to_owned(), HostNodeType { inputs: nodes::EAR_INPUTS, ..of(5) });
    hosts
}

/// The threads of a host, which reply to calls.
struct Host<'a> {
    port: &'a Port,
    seed: u64,
    queue: Mutex<VecDeque<Option<Answering>>>,
    filled: Condvar,
    calls: Mutex<Calls>,
    /// The values at which `tries` has failed, by the id of the node.
    tried: Mutex<HashSet<(String, i64)>>,
}

#[derive(Default)]
struct Calls {
    /// Answers that wait for room.
    parked: HashMap<u64, Answering>,
    /// Calls whose room was reported before their next part was stored.
    resumed: HashSet<u64>,
}

/// A call, and how many of its entries have had their replies.
struct Answering {
    call: HostCall,
    /// What is to be emitted, by entry, in all.
    outputs: VecDeque<(usize, i64)>,
    /// The entry, node and message of what went wrong, behind the outputs.
    failure: Option<(usize, usize)>,
}

impl Host<'_> {
    fn begin(&self, call: HostCall) -> Answering {
        let mut random = Random(self.seed ^ call.id);
        let mut answering = Answering { outputs: VecDeque::new(), failure: None, call };
        for (entry, each) in answering.call.entries.iter().enumerate() {
            let CallEntry::Packet { packet: Packet { value: Value::Int(value), .. }, port, .. } = each else {
                panic!("unexpected {each:?}")
            };
            if *port > 0 {
                // It came back, and was seen before.
                continue;
            }
            let mut values = vec![*value];
            let mut failing = None;
            for (node, (token, id)) in answering.call.nodes.iter().enumerate() {
                if *token == 2 {
                    values = [values.clone(), values].concat();
                }
                let fails = match token {
                    3 => trips(*value),
                    4 => trips(*value) && self.tried.lock().unwrap().insert((id.to_string(), *value)),
                    _ => false,
                };
                failing = failing.or(fails.then_some(node));
                if failing.is_some() {
                    // What comes before an error counts if it is the last one, so only a new try may begin with some.
                    let given = if *token == 4 && answering.call.nodes.len() == node + 1 { random.below(2) } else { 0 };
                    values.truncate(given);
                    break;
                }
            }
            answering.outputs.extend(values.into_iter().map(|value| (entry, value)));
            if let Some(node) = failing {
                answering.failure = Some((entry, node));
                break;
            }
        }
        answering
    }

    fn push(&self, work: Option<Answering>) {
        self.queue.lock().unwrap().push_back(work);
        self.filled.notify_one();
    }

    /// Replies to calls until it is stopped.
    fn serve(&self) {
        loop {
            let mut queue = self.queue.lock().unwrap();
            while queue.is_empty() {
                queue = self.filled.wait(queue).unwrap();
            }
            let work = queue.pop_front().unwrap();
            drop(queue);
            let Some(mut work) = work else { return };
            while let Some(next) = self.answer(work) {
                work = next;
            }
        }
    }

    /// Answers a call as far as there is room; the next one, if it came along.
    fn answer(&self, mut work: Answering) -> Option<Answering> {
        let id = work.call.id;
        let mut random = Random(self.seed ^ id ^ ((work.outputs.len() as u64) << 32));
        loop {
            match random.below(12) {
                0 => std::thread::sleep(Duration::from_micros(random.next() % 300)),
                1..4 => std::thread::yield_now(),
                _ => {}
            }
            let count = if random.one_in(3) { work.outputs.len() } else { work.outputs.len().min(random.below(3)) };
            let outputs: Vec<_> = work.outputs.drain(..count).collect();
            let is_all = work.outputs.is_empty() && !random.one_in(4);
            let output =
                |(entry, value)| HostOutput { entry, value: Value::Int(value), pts: None, duration: None, port: 0 };
            let failure = |(entry, node)| HostFailure {
                entry,
                node,
                pts: None,
                message: "it tripped".to_owned(),
                chain: Vec::new(),
                token: None,
                ends_run: false,
            };
            let reply = Reply {
                outputs: outputs.into_iter().map(output).collect(),
                is_final: is_all && work.failure.is_none(),
                failure: work.failure.filter(|_| is_all).map(failure),
            };
            let wants_next = is_all && random.one_in(2);
            let taken = match wants_next {
                true => self.port.reply_for_next(id, reply),
                false => self.port.reply(id, reply).map(|flow| (flow, None)),
            };
            match taken {
                Err(ReplyError::Gone { .. }) => return None,
                Err(error) => panic!("{error}"),
                Ok((_, next)) if is_all => return next.map(|call| self.begin(call)),
                Ok((Backpressure::Ready, _)) => {}
                Ok((Backpressure::Full, _)) => {
                    // A few don't wait, which is not refused.
                    let mut calls = self.calls.lock().unwrap();
                    if !calls.resumed.remove(&id) && !random.one_in(16) {
                        calls.parked.insert(id, work);
                        return None;
                    }
                }
            }
        }
    }

    /// There is room for the next part of a reply.
    fn resume(&self, call: u64) {
        let mut calls = self.calls.lock().unwrap();
        match calls.parked.remove(&call) {
            Some(work) => {
                drop(calls);
                self.push(Some(work));
            }
            None => {
                calls.resumed.insert(call);
            }
        }
    }

    /// The next events; none if it hangs.
    fn wait(&self) -> Vec<Event> {
        let mut still = 0;
        while still < STILL_SECONDS {
            let begun = Instant::now();
            let events = self.port.next(Some(Duration::from_secs(1))).events;
            if !events.is_empty() {
                return events;
            }
            still += u32::from(begun.elapsed() < ON_TIME);
        }
        Vec::new()
    }

    fn cancel_call(&self, call: u64) {
        let mut calls = self.calls.lock().unwrap();
        calls.parked.remove(&call);
        calls.resumed.remove(&call);
    }
}

/// One piece of work, from its beginning to its completion.
struct Round<'a> {
    host: &'a Host<'a>,
    plan: &'a Plan,
    random: Random,
    /// What was sent to each input since the last interruption.
    sent: Vec<Vec<i64>>,
    epoch: i64,
    /// What has come out of each output since then.
    got: Vec<Vec<i64>>,
    /// How many values had been sent when each output was last interrupted: of those before, any may be missing.
    certain_from: Vec<usize>,
    /// How many values had been sent when all of the graph was last interrupted as a part: they come out no more.
    void_until: usize,
    completion: Option<Completion>,
    /// There was room or an output since it last waited.
    was_notified: bool,
    session: Option<Arc<Session>>,
}

impl Round<'_> {
    /// Takes what the port has; waits for an event if `waits`, unless room or outputs were reported meanwhile or there
    /// is nothing to come.
    fn pump(&mut self, waits: bool) {
        let was_notified = std::mem::take(&mut self.was_notified) || self.completion.is_some();
        let waits = waits && !was_notified;
        let events = if waits { self.host.wait() } else { self.host.port.next(Some(Duration::ZERO)).events };
        if waits && events.is_empty() {
            let calls = self.host.calls.lock().unwrap();
            let parked: Vec<_> = calls.parked.values().map(|work| (work.call.id, &work.outputs)).collect();
            let queued = self.host.queue.lock().unwrap().len();
            let (port, metrics) = (self.host.port, self.session.as_ref().map(|session| session.metrics()));
            let (sent, got) = (&self.sent, &self.got);
            panic!("it hangs: sent {sent:?}, got {got:?}, {port:?}, parked {parked:?}, queued {queued}, {metrics:#?}");
        }
        for event in events {
            match event {
                Event::Call(call) => self.host.push(Some(self.host.begin(call))),
                Event::Resume { call } => self.host.resume(call),
                Event::CallCancelled { call } => self.host.cancel_call(call),
                Event::Completed { completion, .. } => {
                    assert!(self.completion.replace(completion).is_none(), "one completion each");
                }
                Event::Room { .. } | Event::Outputs { .. } => self.was_notified = true,
                Event::Skipped { .. } => {}
            }
        }
    }

    fn one_shot(&mut self, pipeline: &Pipeline) {
        let (items, columns) = (self.random.below(60), self.plan.entries().len());
        let value = |item: usize, column: usize| (item * columns + column) as i64 * STEP;
        let inputs: Vec<Vec<i64>> =
            (0..columns).map(|column| (0..items).map(|item| value(item, column)).collect()).collect();
        let list = |values: &Vec<i64>| values.iter().copied().map(Value::Int).collect();
        let timeout = self.random.one_in(8).then(|| Duration::from_micros(self.random.next() % 2000));
        let budget = if self.random.one_in(2) { Duration::ZERO } else { Duration::from_micros(300) };
        let submission = Submission {
            token: 1,
            inputs: match &self.plan.inputs {
                None => Inputs::List(list(&inputs[0])),
                Some(_) => Inputs::Named(
                    inputs
                        .iter()
                        .enumerate()
                        .map(|(index, values)| (format!("i{index}").into(), list(values)))
                        .collect(),
                ),
            },
            input_bytes: 0,
            timeout,
            budget,
        };
        if let Submitted::Finished(completion) = pipeline.submit(self.host.port, submission).expect("accepted") {
            self.completion = Some(completion);
        }
        let is_cancelled = self.random.one_in(6);
        for _ in 0..self.random.below(20) {
            self.pump(false);
        }
        if is_cancelled {
            self.host.port.cancel(1);
        }
        while self.completion.is_none() {
            self.pump(true);
        }
        let completion = self.completion.as_ref().expect("it is there");
        match completion.outcome {
            Outcome::Finished => {
                let mut got: Vec<_> = (0..completion.sinks.len()).map(|sink| values_of(completion, sink)).collect();
                got.iter_mut().for_each(|values| values.sort_unstable());
                assert_eq!(got, self.plan.expected(&inputs));
            }
            Outcome::Cancelled => assert!(is_cancelled),
            Outcome::TimedOut => assert!(timeout.is_some()),
            other => panic!("{other:?}: {}", message_of(completion)),
        }
    }

    fn session(&mut self, pipeline: &Pipeline) {
        let packets = 1 + self.random.below(6);
        let buffer = BufferOptions { packets: Some(packets), ..BufferOptions::default() };
        let options = SessionOptions { buffer, ..SessionOptions::default() };
        let session = Arc::new(pipeline.session(self.host.port, 1, &options).expect("accepted"));
        self.session = Some(Arc::clone(&session));
        self.got = vec![Vec::new(); session.outputs().len()];
        self.certain_from = vec![0; session.outputs().len()];
        let mut left = VecDeque::new();
        let mut steps = 5 + self.random.below(40);
        while steps > 0 {
            steps -= 1;
            match self.random.below(14) {
                0 => self.interrupt(&session, &mut left),
                12 | 13 => self.interrupt_part(&session, left.len()),
                1 => session.flush().expect("it goes on"),
                2..8 if left.is_empty() => {
                    let first = self.epoch * EPOCH + (self.sent.iter().map(Vec::len).sum::<usize>() as i64) * STEP;
                    for index in 0..1 + self.random.below(8) as i64 {
                        let (input, value) = (self.random.below(self.sent.len()), first + index * STEP);
                        left.push_back(SessionPacket { packet: Packet::new(Value::Int(value)), input });
                        self.sent[input].push(value);
                    }
                }
                _ => {}
            }
            let was_taken = self.send(&session, &mut left);
            self.pump(false);
            let was_read = self.random.one_in(3) || self.read(&session);
            if !was_taken && !left.is_empty() && !was_read && !self.read(&session) {
                self.pump(true);
            }
        }
        if self.random.one_in(5) {
            session.cancel();
            while self.completion.is_none() {
                self.pump(true);
            }
            assert_eq!(self.completion.as_ref().map(|completion| completion.outcome), Some(Outcome::Cancelled));
            session.interrupt();
            return;
        }
        while !left.is_empty() {
            let was_taken = self.send(&session, &mut left);
            if !self.read(&session) && !was_taken {
                self.pump(true);
            }
        }
        session.finish().expect("it goes on");
        while !self.drain(&session) {
            self.pump(true);
        }
        while self.completion.is_none() {
            self.pump(true);
        }
        let completion = self.completion.as_ref().expect("it is there");
        assert_eq!(completion.outcome, Outcome::Finished, "{}", message_of(completion));
        self.got.iter_mut().for_each(|values| values.sort_unstable());
        for (output, (got, mut expected)) in self.got.iter().zip(self.plan.expected(&self.sent)).enumerate() {
            let certain = self.certain_from[output];
            // Each may be missing once for each way that it takes, but nothing may come twice.
            let mut left = got.iter().peekable();
            expected.retain(|value| {
                let is_there = left.next_if_eq(&value).is_some();
                is_there || number_of(*value) >= certain
            });
            assert_eq!(got, &expected, "output {output}, certain from {certain}");
        }
        session.interrupt();
    }

    /// Sends what is left as far as there is room. Returns whether anything was taken.
    fn send(&mut self, session: &Session, left: &mut VecDeque<SessionPacket>) -> bool {
        if left.is_empty() {
            return false;
        }
        let budget = if self.random.one_in(2) { Duration::ZERO } else { Duration::from_micros(200) };
        let sent = session.send(left, 0, budget, TakeLimit { packets: self.random.below(3), bytes: 1 << 20 });
        let sent = sent.expect("it goes on");
        let has_read = !sent.outputs.is_empty();
        self.note(sent.outputs);
        sent.taken > 0 || has_read
    }

    /// Reads some of what is there. Returns whether anything was.
    fn read(&mut self, session: &Session) -> bool {
        let most = TakeLimit { packets: 1 + self.random.below(9), bytes: 1 << 20 };
        match session.receive(None, most) {
            Received::Outputs(outputs) => {
                self.note(outputs);
                true
            }
            Received::WouldBlock => false,
            Received::End => panic!("it ended: {:?}", self.completion),
        }
    }

    /// Reads what is there. Returns whether that was all.
    fn drain(&mut self, session: &Session) -> bool {
        loop {
            match session.receive(None, TakeLimit { packets: 100, bytes: 1 << 20 }) {
                Received::Outputs(outputs) => self.note(outputs),
                Received::WouldBlock => return false,
                Received::End => return true,
            }
        }
    }

    fn note(&mut self, outputs: Vec<remotemedia_core::exec::SessionOutput>) {
        for output in outputs {
            let Value::Int(value) = output.packet.value else { panic!("unexpected {output:?}") };
            assert_eq!(value / EPOCH, self.epoch, "sent before an interruption, and came out after it");
            assert!(number_of(value) >= self.void_until, "sent before an interruption of every node, and came out");
            self.got[output.place].push(value);
        }
    }

    fn interrupt(&mut self, session: &Session, left: &mut VecDeque<SessionPacket>) {
        session.interrupt();
        left.clear();
        self.epoch += 1;
        self.sent.iter_mut().for_each(Vec::clear);
        self.got.iter_mut().for_each(Vec::clear);
        self.certain_from.fill(0);
        self.void_until = 0;
    }

    /// Interrupts a node and those behind it, while so many values have not been taken.
    fn interrupt_part(&mut self, session: &Session, left: usize) {
        let at = self.random.below(self.plan.nodes.len());
        match session.interrupt_at(&format!("n{at}")) {
            Ok(()) => {}
            Err(SessionError::SharedCall { .. }) => return,
            Err(error) => panic!("{error}"),
        }
        let (taken, is_in) = (self.sent.iter().map(Vec::len).sum::<usize>() - left, self.plan.part(at));
        for (output, node) in self.plan.exits().into_iter().enumerate() {
            if is_in[node] {
                self.certain_from[output] = taken;
            }
        }
        if is_in.iter().all(|is_in| *is_in) {
            self.void_until = taken;
        }
    }
}

fn round(runtime: &Runtime, seed: u64) {
    let mut random = Random(seed);
    let plan = Plan::random(&mut random);
    let pipeline = runtime.compile(plan.manifest().as_bytes(), &hosts(&mut random));
    let pipeline = pipeline.unwrap_or_else(|error| panic!("{error}"));
    let port = Port::new(None);
    let host = Host {
        port: &port,
        seed: random.next(),
        queue: Mutex::default(),
        filled: Condvar::new(),
        calls: Mutex::default(),
        tried: Mutex::default(),
    };
    let is_session = !random.one_in(4);
    let mut round = Round {
        host: &host,
        plan: &plan,
        random,
        sent: vec![Vec::new(); plan.entries().len()],
        epoch: 0,
        got: Vec::new(),
        certain_from: Vec::new(),
        void_until: 0,
        completion: None,
        was_notified: false,
        session: None,
    };
    /// Lets the threads of the host end, also after a panic.
    struct Stop<'a>(&'a Host<'a>);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            (0..2).for_each(|_| self.0.push(None));
        }
    }
    std::thread::scope(|scope| {
        (0..2).for_each(|_| drop(scope.spawn(|| host.serve())));
        let _stop = Stop(&host);
        match is_session {
            true => round.session(&pipeline),
            false => round.one_shot(&pipeline),
        }
    });
}

#[test]
#[allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool too: it says how much it tried, and with what it failed"
)]
fn random_graphs_under_random_use_give_what_the_oracle_says() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = number("REMOTEMEDIA_STORM_SECONDS").unwrap_or(2);
    let first = number("REMOTEMEDIA_STORM_SEED").unwrap_or(1);
    let until = Instant::now() + Duration::from_secs(seconds);
    let runtime = runtime();
    let next = AtomicU64::new(first);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while Instant::now() < until {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| round(&runtime, seed)));
                    if let Err(payload) = played {
                        let plan = Plan::random(&mut Random(seed));
                        eprintln!("REMOTEMEDIA_STORM_SEED={seed} failed: {plan:?}");
                        std::panic::resume_unwind(payload);
                    }
                }
            });
        }
    });
    let rounds = next.load(Ordering::Relaxed) - first;
    println!("{rounds} rounds in {seconds} s");
    assert!(rounds >= 4 && runtime.shut_down(PATIENCE));
}
