//! Sessions: fed and read while they run, bounded at both ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use remotemedia_core::exec::{
    Backpressure, BufferOptions, CallEntry, HostCall, HostOutput, Outcome, Percentiles, Received, Reply, Session,
    SessionError, SessionOptions, StreamPosition, TakeLimit, Waiting, WaitsFor,
};
use remotemedia_core::manifest::HostNodeType;
use remotemedia_core::value::{Audio, Buffer, ForeignMemory, Packet};

use super::*;

const ALL: TakeLimit = TakeLimit { packets: usize::MAX, bytes: usize::MAX };
const NONE: TakeLimit = TakeLimit { packets: 0, bytes: 0 };

fn open(pipeline: &Pipeline, port: &Port) -> Session {
    pipeline.session(port, 1, &SessionOptions::default()).expect("accepted")
}

fn packets(range: std::ops::Range<i64>) -> VecDeque<Packet> {
    range.map(|value| Packet::new(Value::Int(value))).collect()
}

fn budget(start: Start) -> Duration {
    match start {
        Start::Here => PATIENCE,
        Start::Workers => Duration::ZERO,
    }
}

/// The next event, which is about this one session.
fn next(port: &Port) -> Event {
    let mut batch = port.next(Some(PATIENCE));
    assert_eq!(batch.events.len(), 1, "{batch:?}");
    batch.events.remove(0)
}

/// Waits for the completion of the only session of a port, past its other events.
fn ended(port: &Port) -> Completion {
    loop {
        let batch = port.next(Some(PATIENCE));
        assert!(!batch.events.is_empty(), "nothing came");
        for event in batch.events {
            match event {
                Event::Completed { token: 1, completion } => return completion,
                Event::Room { token: 1 } | Event::Outputs { token: 1 } | Event::CallCancelled { .. } => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }
}

/// So many outputs, waited for.
fn received(session: &Session, port: &Port, count: usize) -> Vec<i64> {
    let mut values = Vec::new();
    while values.len() < count {
        match session.receive(None, TakeLimit { packets: count - values.len(), ..ALL }) {
            Received::Outputs(outputs) => values.extend(outputs.iter().map(integer)),
            Received::WouldBlock => assert!(matches!(next(port), Event::Outputs { .. })),
            Received::End => panic!("it ended with {values:?}"),
        }
    }
    values
}

/// A reply to the first entry of a call.
fn answer(value: i64, is_final: bool) -> Reply {
    let value = Value::Int(value);
    Reply { outputs: vec![HostOutput { entry: 0, value, pts: None, duration: None, port: 0 }], is_final, failure: None }
}

/// Sends all, reading outputs as they come, and finishes; the integers that came out, and the completion.
fn stream(session: &Session, port: &Port, start: Start, mut left: VecDeque<Packet>) -> (Vec<i64>, Completion) {
    let mut values = Vec::new();
    let mut completion = None;
    let mut is_finished = false;
    loop {
        if !left.is_empty() {
            let sent = session.send(&mut left, 0, budget(start), ALL).expect("taken");
            values.extend(sent.outputs.iter().map(integer));
        } else if !is_finished {
            session.finish().expect("it goes on");
            is_finished = true;
        }
        match session.receive(None, ALL) {
            Received::Outputs(outputs) => values.extend(outputs.iter().map(integer)),
            Received::End => break,
            Received::WouldBlock if left.is_empty() && !is_finished => {}
            Received::WouldBlock => {
                for event in port.next(Some(PATIENCE)).events {
                    match event {
                        Event::Completed { token: 1, completion: ended } => completion = Some(ended),
                        Event::Room { token: 1 } | Event::Outputs { token: 1 } => {}
                        other => panic!("unexpected {other:?}"),
                    }
                }
            }
        }
    }
    (values, completion.unwrap_or_else(|| ended(port)))
}

fn integer(output: &remotemedia_core::exec::SessionOutput) -> i64 {
    match output.packet.value {
        Value::Int(value) => value,
        ref other => panic!("expected an integer, got {other:?}"),
    }
}

#[test]
fn what_is_sent_comes_out_in_order_and_nothing_is_lost_at_the_end() {
    let runtime = runtime();
    let graph = pipeline(
        &runtime,
        &[("a", "Pass", ""), ("b", "Worker", ""), ("keep", "Hoard", r#""packets": 7"#)],
        &[("a", "b"), ("b", "keep")],
    );
    for start in STARTS {
        let port = Port::new(None);
        let session = open(&graph, &port);
        let (values, completion) = stream(&session, &port, start, packets(0..1000));
        assert_eq!(values, (0..1000).collect::<Vec<_>>());
        assert_eq!(completion.outcome, Outcome::Finished);
        assert!(completion.sinks.is_empty() && completion.errors.is_empty(), "{completion:?}");
    }
    assert!(runtime.shut_down(PATIENCE));
}

#[test]
fn one_packet_in_and_its_result_out_is_one_call() {
    let runtime = runtime();
    let graph = pipeline(&runtime, &[("a", "Pass", ""), ("n", "Repeat", r#""times": 2"#)], &[("a", "n")]);
    let port = Port::new(None);
    let session = open(&graph, &port);
    for value in 0..100 {
        let sent = session.send(&mut packets(value..value + 1), 0, PATIENCE, ALL).expect("taken");
        assert_eq!(sent.taken, 1);
        assert_eq!(sent.outputs.iter().map(integer).collect::<Vec<_>>(), [value, value]);
        assert_eq!(sent.outputs.iter().map(|output| output.item).collect::<Vec<_>>(), [value as u64; 2]);
    }
    session.finish().expect("it goes on");
    assert_eq!(ended(&port).outcome, Outcome::Finished);
    assert!(matches!(session.receive(None, ALL), Received::End));
    let late = session.send(&mut packets(0..1), 0, PATIENCE, ALL).expect_err("refused");
    assert_eq!(late.to_string(), "the session has ended");
}

#[test]
fn whoever_finds_no_room_or_no_output_is_told_once() {
    let runtime = runtime();
    let graph = pipeline(&runtime, &[("gate", "Gate", r#""gate": 9"#)], &[]);
    let port = Port::new(None);
    let session = open(&graph, &port);
    assert!(matches!(session.receive(None, ALL), Received::WouldBlock));
    let mut left = packets(0..1000);
    let sent = session.send(&mut left, 0, Duration::ZERO, NONE).expect("taken");
    // The first stage takes some at once, before it is stopped by its gate.
    nodes::wait_until_reached(9);
    assert!(matches!(next(&port), Event::Room { token: 1 }));
    let more = session.send(&mut left, 0, Duration::ZERO, NONE).expect("taken");
    let taken = sent.taken + more.taken;
    assert!((64..=64 + 32).contains(&taken), "{taken} were taken");
    assert!(!session.has_room().expect("it goes on"));
    assert!(port.next(Some(Duration::ZERO)).events.is_empty());
    nodes::open(9);
    let mut seen = (0, 0);
    while seen.0 + seen.1 < 2 {
        for event in port.next(Some(PATIENCE)).events {
            match event {
                Event::Outputs { token: 1 } => seen.0 += 1,
                Event::Room { token: 1 } => seen.1 += 1,
                other => panic!("unexpected {other:?}"),
            }
        }
    }
    assert_eq!(seen, (1, 1));
    assert!(session.cancel());
    assert_eq!(ended(&port).outcome, Outcome::Cancelled);
    assert!(!session.cancel());
    assert!(matches!(session.receive(None, ALL), Received::End));
    assert_eq!(
        session.has_room().expect_err("refused"),
        SessionError::Ended { outcome: Outcome::Cancelled, cause: "the work was cancelled".to_owned() }
    );
    assert!(runtime.shut_down(PATIENCE));
}

#[test]
fn an_output_that_does_not_exist_is_refused_by_name() {
    let runtime = runtime();
    let graph =
        pipeline(&runtime, &[("a", "Pass", ""), ("b", "Pass", ""), ("c", "Pass", "")], &[("a", "b"), ("a", "c")]);
    let port = Port::new(None);
    let options = SessionOptions { outputs: vec!["c".to_owned(), "a".to_owned()], ..SessionOptions::default() };
    let refused = graph.session(&port, 1, &options).expect_err("refused");
    assert_eq!(refused.to_string(), "'a' is no output of pipeline 'test'; its outputs are 'b' and 'c'");
    let twice = ["b", "b", "c"].map(str::to_owned).to_vec();
    let refused = graph.session(&port, 1, &SessionOptions { outputs: twice, ..SessionOptions::default() });
    let expected = "options: outputs[1]: the output 'b' stands there twice; name each once";
    assert_eq!(refused.expect_err("places would shift").to_string(), expected);
}

/// Memory that is counted while anybody holds it.
struct LiveCount(Arc<AtomicUsize>);

impl ForeignMemory for LiveCount {
    fn bytes(&self) -> &[u8] {
        &[0; 100]
    }

    fn token(&self) -> u64 {
        1
    }

    fn end(self: Box<Self>) -> u64 {
        1
    }
}

impl Drop for LiveCount {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn counted(alive: &Arc<AtomicUsize>) -> Packet {
    alive.fetch_add(1, Ordering::SeqCst);
    let memory = LiveCount(Arc::clone(alive));
    Packet::new(Value::Bytes(Box::new(Buffer::from_foreign(Box::new(memory)))))
}

fn with_buffer(packets: usize) -> SessionOptions {
    let buffer = BufferOptions { packets: Some(packets), ..BufferOptions::default() };
    SessionOptions { buffer, ..SessionOptions::default() }
}

#[test]
fn a_reader_who_does_not_read_stops_the_host_within_the_bounds() {
    let runtime = runtime();
    let graph =
        pipeline(&runtime, &[("a", "Pass", ""), ("w", "Worker", ""), ("b", "Pass", "")], &[("a", "w"), ("w", "b")]);
    let alive = Arc::new(AtomicUsize::new(0));
    for start in STARTS {
        let port = Port::new(None);
        let session = graph.session(&port, 1, &with_buffer(4)).expect("accepted");
        let (mut sent, mut most) = (0, 0);
        loop {
            let mut packets = VecDeque::from([counted(&alive)]);
            let taken = session.send(&mut packets, 0, budget(start), NONE).expect("taken").taken;
            drop(packets);
            sent += taken;
            most = most.max(alive.load(Ordering::SeqCst));
            if taken == 0 {
                // The workers may not have come to it yet: no more is taken once they have nothing left to do.
                let metrics = session.metrics();
                if metrics.nodes.iter().all(|node| node.waits_for == WaitsFor::Reader) {
                    assert_eq!((metrics.sent, metrics.unread[0] >= 4), (sent as u64, true), "{metrics:?}");
                    break;
                }
                std::thread::yield_now();
            }
        }
        // Four before the graph, four behind it, four on their way between them, and one that was refused.
        assert!(most <= 13, "{most} packets were alive");
        assert_eq!(sent, alive.load(Ordering::SeqCst));
        drop(session);
        assert!(port.cancel(1));
        assert_eq!(ended(&port).outcome, Outcome::Cancelled);
        while alive.load(Ordering::SeqCst) > 0 {
            std::thread::yield_now();
        }
    }
    assert!(runtime.shut_down(PATIENCE));
}

#[test]
fn a_large_packet_is_taken_alone() {
    let runtime = runtime();
    let graph = pipeline(&runtime, &[("a", "Pass", "")], &[]);
    let buffer = BufferOptions { bytes: Some(1000), ..BufferOptions::default() };
    let port = Port::new(None);
    let session = graph.session(&port, 1, &SessionOptions { buffer, ..SessionOptions::default() }).expect("accepted");
    let wide = || Packet::new(Value::bytes(vec![0; 5000]));
    for _ in 0..3 {
        let sent = session.send(&mut [wide()].into(), 0, PATIENCE, TakeLimit { packets: 5, bytes: 10 }).expect("taken");
        assert_eq!((sent.taken, sent.outputs.len()), (1, 1));
    }
    // However often stages run within one call, it brings no more than asked for.
    let sent = session.send(&mut [wide(), wide(), wide()].into(), 0, PATIENCE, TakeLimit { packets: 5, bytes: 10 });
    assert_eq!(sent.expect("taken").outputs.len(), 1);
    session.cancel();
    assert_eq!(ended(&port).outcome, Outcome::Cancelled);
}

#[test]
fn a_failure_in_any_method_ends_it_after_what_was_done_and_every_node_is_cleaned_up() {
    let runtime = runtime();
    let cases = [
        ("initialize", false, vec![]),
        ("process", false, vec![0, 1, 2]),
        ("process", true, vec![0, 1, 2]),
        ("flush", false, vec![0, 1, 2, 3, 4]),
        ("cleanup", true, vec![0, 1, 2, 3, 4]),
    ];
    for (index, (at, panics, expected)) in cases.into_iter().enumerate() {
        for start in STARTS {
            let ledger = 32 + index;
            let params = format!(r#""at": "{at}", "panics": {panics}, "ledger": {ledger}"#);
            let graph = pipeline(&runtime, &[("a", "Pass", ""), ("bad", "Fail", &params)], &[("a", "bad")]);
            let port = Port::new(None);
            let session = open(&graph, &port);
            let mut left = packets(0..5);
            // It may have failed before all is sent.
            let sent = session.send(&mut left, 0, budget(start), NONE);
            let is_over = session.finish().is_err();
            assert!(sent.is_ok() || is_over || at == "initialize");
            let mut values = Vec::new();
            let mut completion = None;
            loop {
                match session.receive(None, ALL) {
                    Received::Outputs(outputs) => values.extend(outputs.iter().map(integer)),
                    Received::End => break,
                    Received::WouldBlock => {
                        for event in port.next(Some(PATIENCE)).events {
                            if let Event::Completed { completion: ended, .. } = event {
                                completion = Some(ended);
                            }
                        }
                    }
                }
            }
            let completion = completion.unwrap_or_else(|| ended(&port));
            assert_eq!(values, expected, "{at}");
            let outcome = if panics { Outcome::Panicked } else { Outcome::Failed };
            assert_eq!(completion.outcome, outcome, "{completion:?}");
            assert!(message_of(&completion).contains("node 'bad' (Fail), input"), "{}", message_of(&completion));
            let refused = session.send(&mut packets(0..1), 0, Duration::ZERO, NONE).expect_err("refused").to_string();
            assert!(refused.starts_with("the session has ended: node 'bad'"), "{refused}");
            let ledger = &nodes::LEDGERS[ledger];
            assert_eq!(ledger.initialized.load(Ordering::SeqCst), ledger.cleaned.load(Ordering::SeqCst), "{at}");
        }
    }
    assert!(runtime.shut_down(PATIENCE));
}

#[test]
fn cancel_stops_within_one_step_and_drops_what_nobody_read() {
    let runtime = runtime();
    let graph =
        pipeline(&runtime, &[("many", "Repeat", r#""times": 1000000000"#), ("w", "Worker", "")], &[("many", "w")]);
    let port = Port::new(None);
    let session = open(&graph, &port);
    session.send(&mut packets(1..2), 0, Duration::ZERO, NONE).expect("taken");
    while session.metrics().unread[0] < 64 {
        std::thread::yield_now();
    }
    assert!(session.cancel());
    assert!(matches!(session.receive(None, ALL), Received::End));
    assert_eq!(ended(&port).outcome, Outcome::Cancelled);
    assert!(runtime.shut_down(PATIENCE));
}

#[test]
fn a_shutdown_ends_open_sessions_although_they_are_not_dropped() {
    let runtime = runtime();
    let graph = pipeline(&runtime, &[("a", "Worker", "")], &[]);
    let port = Port::new(None);
    let session = open(&graph, &port);
    session.send(&mut packets(0..3), 0, Duration::ZERO, NONE).expect("taken");
    assert!(runtime.shut_down(PATIENCE), "no session keeps the runtime busy");
    let mut completion = ended(&port);
    assert_eq!(completion.outcome, Outcome::ShutDown);
    assert_eq!(completion.errors.remove(0).cause, "the runtime was shut down while the work was going on");
    assert!(session.finish().is_err());
    let refused = graph.session(&port, 2, &SessionOptions::default()).expect_err("refused");
    assert_eq!(refused.to_string(), "the runtime is shut down; make a new one");
}

#[test]
fn a_session_whose_port_is_closed_is_cancelled() {
    let runtime = runtime();
    let graph = pipeline(&runtime, &[("a", "Worker", "")], &[]);
    let port = Port::new(None);
    let session = open(&graph, &port);
    port.close();
    assert!(session.finish().is_err());
    assert!(runtime.shut_down(PATIENCE));
}

#[test]
fn a_flush_ends_the_stream_behind_what_was_sent_and_another_one_begins() {
    let runtime = runtime();
    let graph = pipeline(
        &runtime,
        &[("source", "Source", r#""count": 2"#), ("p", "Pass", ""), ("n", "Count", "")],
        &[("source", "n"), ("p", "n")],
    );
    let port = Port::new(None);
    let session = open(&graph, &port);
    session.flush().expect("it goes on");
    for _ in 0..2 {
        session.send(&mut packets(0..3), 0, Duration::ZERO, NONE).expect("taken");
        session.flush().expect("it goes on");
        session.flush().expect("it goes on");
    }
    session.send(&mut packets(0..1), 0, Duration::ZERO, NONE).expect("taken");
    let (values, completion) = stream(&session, &port, Start::Workers, VecDeque::new());
    assert_eq!(completion.outcome, Outcome::Finished);
    // What the source gave counts for whatever stream it came in.
    assert_eq!(values.len(), 3);
    assert_eq!(values.iter().map(|value| value % 1000).sum::<i64>(), 2 + 3 + 3 + 1);
    assert!(session.flush().is_err());
}

#[test]
fn an_interruption_drops_what_is_on_its_way_and_nothing_that_is_sent_afterwards() {
    let runtime = runtime();
    let graph = pipeline(
        &runtime,
        &[("p", "Pass", ""), ("w", "Worker", ""), ("keep", "Hoard", r#""packets": 5"#), ("n", "Pass", "")],
        &[("p", "w"), ("w", "keep"), ("keep", "n"), ("p", "n")],
    );
    for start in STARTS {
        for round in 0..50 {
            let port = Port::new(None);
            let session = open(&graph, &port);
            session.send(&mut packets(0..40), 0, budget(start), NONE).expect("taken");
            if round % 2 == 0 {
                session.flush().expect("it goes on");
            }
            session.interrupt();
            let (mut values, completion) = stream(&session, &port, start, packets(100..150));
            assert_eq!(completion.outcome, Outcome::Finished);
            values.sort_unstable();
            assert_eq!(values, (100..150).flat_map(|value| [value, value]).collect::<Vec<_>>());
        }
    }
}

#[test]
fn an_answer_in_parts_waits_while_what_comes_behind_it_is_full() {
    let runtime = runtime();
    let hosts = [("mine".to_owned(), HostNodeType::new(7, 4))].into();
    let graph = compile(&runtime, &[("host", "mine", "")], &[], &hosts);
    let port = Port::new(None);
    let session = graph.session(&port, 1, &with_buffer(2)).expect("accepted");
    session.send(&mut packets(0..1), 0, PATIENCE, NONE).expect("taken");
    let Event::Call(call) = next(&port) else { panic!("expected a call") };
    let flow = |value| port.reply(call.id, answer(value, false)).expect("taken");
    assert_eq!([flow(0), flow(1)], [Backpressure::Ready, Backpressure::Full], "there is room for two outputs");
    assert!(port.next(Some(Duration::ZERO)).events.is_empty(), "nobody has read");
    assert_eq!(received(&session, &port, 1), [0]);
    assert!(matches!(next(&port), Event::Resume { call: its } if its == call.id));
    // What was not asked for is taken all the same: the host decides what it keeps.
    assert_eq!([flow(2), flow(3)], [Backpressure::Full, Backpressure::Full]);
    assert_eq!(port.reply(call.id, answer(4, true)), Ok(Backpressure::Ready), "nothing comes behind the last part");
    let (values, completion) = stream(&session, &port, Start::Here, VecDeque::new());
    assert_eq!(values, [1, 2, 3, 4]);
    assert_eq!(completion.outcome, Outcome::Finished, "there is no call to go on with");
}

fn next_call(port: &Port) -> HostCall {
    match next(port) {
        Event::Call(call) => call,
        other => panic!("expected a call, got {other:?}"),
    }
}

#[test]
fn a_reader_is_not_told_of_what_the_sender_takes_along() {
    let runtime = runtime();
    let graph = compile(&runtime, &[("n", "Pass", "")], &[], &Default::default());
    let port = Port::new(None);
    let session = open(&graph, &port);
    let send = |most| session.send(&mut packets(0..2), 0, PATIENCE, TakeLimit { packets: most, ..ALL }).expect("taken");
    let events = || port.next(Some(Duration::ZERO)).events.len();
    assert!(matches!(session.receive(None, ALL), Received::WouldBlock));
    assert_eq!(send(2).outputs.len(), 2);
    assert_eq!(events(), 0);
    // It waits still: for what is left, and for what nobody takes along.
    assert_eq!(send(1).outputs.len(), 1);
    assert!(matches!(next(&port), Event::Outputs { token: 1 }));
    assert_eq!(received(&session, &port, 1), [1]);
    assert!(matches!(session.receive(None, ALL), Received::WouldBlock));
    assert_eq!(send(0).outputs.len(), 0);
    assert!(matches!(next(&port), Event::Outputs { token: 1 }));
    assert_eq!(received(&session, &port, 2), [0, 1]);
    assert_eq!(send(0).outputs.len() + events(), 0, "once");
    assert!(session.cancel());
    ended(&port);
}

#[test]
fn a_host_that_asks_for_ends_hears_of_each_and_of_the_last_and_may_answer_them() {
    let runtime = runtime();
    let hosts = [("mine".to_owned(), HostNodeType { ends: true, ..HostNodeType::new(7, 4) })].into();
    let graph = compile(&runtime, &[("host", "mine", ""), ("n", "Pass", "")], &[("host", "n")], &hosts);
    let port = Port::new(None);
    graph.submit(&port, submission(1, Start::Here, vec![Value::Int(5), Value::Int(6)])).expect("accepted");
    let call = next_call(&port);
    let [first, CallEntry::EndOfItem { item: 0 }, second, CallEntry::EndOfItem { item: 1 }] = &call.entries[..] else {
        panic!("unexpected {call:?}")
    };
    assert!(matches!(first, CallEntry::Packet { item: 0, .. }) && matches!(second, CallEntry::Packet { item: 1, .. }));
    assert_eq!(call.packets(), 2);
    let tail = |entry| HostOutput { entry, value: Value::Int(0), pts: None, duration: None, port: 0 };
    let reply = Reply { outputs: vec![tail(1), tail(1), tail(2), tail(3)], is_final: true, failure: None };
    port.reply(call.id, reply).expect("taken");
    let last = next_call(&port);
    assert!(matches!(last.entries[..], [CallEntry::EndOfStream]), "{last:?}");
    port.reply(last.id, Reply { outputs: Vec::new(), is_final: true, failure: None }).expect("taken");
    let Event::Completed { completion, .. } = next(&port) else { panic!("expected the completion") };
    let outputs = &completion.sinks[0].outputs;
    assert_eq!(outputs.iter().map(|output| output.item).collect::<Vec<_>>(), [0, 0, 1, 1], "as the ENDs say");
}

/// The time of what a function got is that of what it returns, and so is a jump found there; another time of its own is none, and
/// a second answer at a port follows on the first.
#[test]
fn a_jump_that_a_node_has_found_goes_through_a_host() {
    let runtime = runtime();
    let hosts = [("mine".to_owned(), HostNodeType::new(7, 5))].into();
    let graph = compile(&runtime, &[("host", "mine", "")], &[], &hosts);
    let port = Port::new(None);
    let session = open(&graph, &port);
    // The last ones in Unix time, some of which nanoseconds float64 has no number of seconds for.
    let today = 1_790_000_000_123_456_789;
    let sent = [(0, false), (1, true), (2, true), (today, true), (today, true)]
        .map(|(pts, discontinuity)| Packet { discontinuity, ..Packet::new(Value::Int(0)).at(Some(pts), None) });
    session.send(&mut sent.into(), 0, PATIENCE, NONE).expect("taken");
    let call = next_call(&port);
    let empty = Audio::from_planar(Vec::new(), 1, 8_000).expect("valid audio");
    let output = |(entry, pts)| {
        let value = if (entry, pts) == (2, None) { empty.clone().into() } else { Value::Int(0) };
        HostOutput { entry, value, pts, duration: None, port: 0 }
    };
    let in_seconds = ((today as f64 / 1e9) * 1e9).round() as i64;
    assert_ne!(in_seconds, today);
    let first = [(0, None), (1, None), (1, Some(1)), (1, Some(2)), (2, Some(3)), (2, None), (2, Some(2))];
    let outputs = first.into_iter().chain([(3, Some(in_seconds)), (4, Some(today + 1_000))]).map(output).collect();
    port.reply(call.id, Reply { outputs, is_final: true, failure: None }).expect("taken");
    session.finish().expect("it goes on");
    let mut jumps = Vec::new();
    loop {
        match session.receive(None, ALL) {
            Received::Outputs(outputs) => jumps.extend(outputs.iter().map(|output| output.packet.discontinuity)),
            Received::WouldBlock => drop(port.next(Some(PATIENCE))),
            Received::End => break,
        }
    }
    assert_eq!(jumps, [false, true, false, false, false, false, true, true, false]);
}

#[test]
fn a_call_waits_for_a_full_batch_but_not_for_ever() {
    let runtime = runtime();
    let kind = |max_wait| HostNodeType { max_wait: Some(max_wait), ..HostNodeType::new(7, 3) };
    let graph = |max_wait| {
        let hosts = [("mine".to_owned(), kind(max_wait))].into();
        compile(&runtime, &[("host", "mine", "")], &[], &hosts)
    };
    let port = Port::new(None);
    let patient = graph(PATIENCE);
    for graph in [&patient, &graph(Duration::MAX)] {
        let session = open(graph, &port);
        for packet in 0..4 {
            session.send(&mut packets(packet..packet + 1), 0, PATIENCE, NONE).expect("taken");
        }
        assert_eq!(next_call(&port).packets(), 3, "as soon as it is full");
        assert!(session.cancel());
        ended(&port);
    }

    let port = Port::new(None);
    let hasty = graph(Duration::from_millis(1));
    let session = open(&hasty, &port);
    session.send(&mut packets(0..1), 0, PATIENCE, NONE).expect("taken");
    assert_eq!(next_call(&port).packets(), 1, "when its time is up");
    assert!(session.cancel());
    ended(&port);

    // Nothing more will come: there is nothing to wait for.
    let port = Port::new(None);
    patient.submit(&port, submission(1, Start::Here, vec![Value::Int(5), Value::Int(6)])).expect("accepted");
    let call = next_call(&port);
    assert_eq!(call.packets(), 2);
    assert!(port.cancel(1));
    ended(&port);
}

#[test]
fn an_interruption_forgets_the_call_that_is_out() {
    let runtime = runtime();
    let hosts = [("mine".to_owned(), HostNodeType::new(7, 4))].into();
    let graph = compile(&runtime, &[("host", "mine", "")], &[], &hosts);
    let port = Port::new(None);
    let session = open(&graph, &port);
    session.send(&mut packets(0..4), 0, PATIENCE, NONE).expect("taken");
    let Event::Call(old) = next(&port) else { panic!("expected a call") };
    session.interrupt();
    assert!(matches!(next(&port), Event::CallCancelled { call } if call == old.id), "the host has begun with it");
    session.send(&mut packets(4..5), 0, PATIENCE, NONE).expect("taken");
    session.finish().expect("it goes on");
    let Event::Call(new) = next(&port) else { panic!("expected a call") };
    assert!(matches!(new.entries[..], [CallEntry::Packet { item: 4, .. }]), "{new:?}");
    assert_eq!((old.epoch, new.epoch), (0, 1));
    assert!(port.reply(old.id, answer(1, true)).is_err(), "the answer comes too late");
    port.reply(new.id, answer(2, true)).expect("taken");
    let (values, completion) = stream(&session, &port, Start::Workers, VecDeque::new());
    assert_eq!((values, completion.outcome), (vec![2], Outcome::Finished));
    assert_eq!(session.metrics().nodes[0].packets, 5);
}

#[test]
fn metrics_count_packets_and_failures_and_name_what_a_node_waits_for() {
    let runtime = runtime();
    let params = r#""at": "process", "ledger": 37"#;
    let graph = pipeline(
        &runtime,
        &[("a", "Pass", ""), ("w", "Pass", ""), ("bad", "Fail", params)],
        &[("a", "w"), ("w", "bad")],
    );
    let port = Port::new(None);
    let session = open(&graph, &port);
    session.send(&mut packets(0..3), 0, PATIENCE, NONE).expect("taken");
    let metrics = session.metrics();
    assert_eq!((metrics.sent, &metrics.unread[..]), (3, &[3][..]), "{metrics:?}");
    assert!(metrics.nodes.iter().all(|node| node.packets == 3 && node.steps.median.is_some()), "{metrics:?}");
    assert!(metrics.nodes.iter().all(|node| node.waits_for == WaitsFor::Input), "{metrics:?}");
    session.send(&mut packets(3..4), 0, PATIENCE, NONE).expect("taken");
    ended(&port);
    let metrics = session.metrics();
    assert_eq!(metrics.nodes.iter().map(|node| node.errors).collect::<Vec<_>>(), [0, 0, 1]);
    assert!(metrics.nodes.iter().all(|node| node.waits_for == WaitsFor::End), "{metrics:?}");
    assert_eq!(metrics.unread, [3]);
}

#[test]
fn a_deadline_ends_a_session() {
    let runtime = runtime();
    let graph = pipeline(&runtime, &[("a", "Pass", "")], &[]);
    let port = Port::new(None);
    let options = SessionOptions { deadline: Some(Duration::from_millis(1)), ..SessionOptions::default() };
    let session = graph.session(&port, 1, &options).expect("accepted");
    let completion = ended(&port);
    assert_eq!(completion.outcome, Outcome::TimedOut);
    let waits = "timed out after 0.001 s: it waits for more packets, or for its finish.";
    assert!(message_of(&completion).starts_with(waits), "{}", message_of(&completion));
    assert!(matches!(session.receive(None, ALL), Received::End));
}

#[test]
fn metrics_tell_what_waits_before_a_node_and_where_it_is() {
    let hosts: HostNodes = [("outside".to_owned(), HostNodeType::new(1, 1))].into();
    let runtime = runtime();
    let graph = compile(&runtime, &[("a", "outside", "")], &[], &hosts);
    let port = Port::new(None);
    let buffer = BufferOptions { packets: Some(4), ..BufferOptions::default() };
    let session = graph.session(&port, 1, &SessionOptions { buffer, ..SessionOptions::default() }).expect("accepted");
    let fresh = session.metrics();
    assert_eq!((fresh.nodes[0].last, fresh.nodes[0].waiting), (None, Waiting::default()));
    assert_eq!((fresh.nodes[0].steps, fresh.lag), (Percentiles::default(), Percentiles::default()));
    session.send(&mut [Packet::new(Value::Int(1)).at(Some(20), None)].into(), 0, PATIENCE, NONE).expect("taken");
    let Event::Call(call) = next(&port) else { panic!("expected a call") };
    session.send(&mut packets(0..2), 0, PATIENCE, NONE).expect("taken");
    let metrics = session.metrics();
    let node = &metrics.nodes[0];
    assert_eq!((node.packets, node.last), (1, Some(StreamPosition { item: 0, pts: Some(20) })));
    // One packet is with the host, and counts until that replies.
    assert_eq!((node.waiting.packets, node.waiting.fill), (2, 0.5));
    assert!(node.waiting.oldest.is_some() && metrics.lag.longest.is_some(), "{metrics:?}");
    assert_eq!((node.steps, &node.waits_for), (Percentiles::default(), &WaitsFor::Host));
    let answer = || Reply { outputs: vec![], is_final: true, failure: None };
    port.reply(call.id, answer()).expect("taken");
    for item in 1..3 {
        let Event::Call(call) = next(&port) else { panic!("expected a call") };
        assert_eq!(call.first().map(|(item, _)| item), Some(item));
        port.reply(call.id, answer()).expect("taken");
    }
    session.finish().expect("it goes on");
    ended(&port);
    let node = &session.metrics().nodes[0];
    assert_eq!((node.packets, node.last), (3, Some(StreamPosition { item: 2, pts: None })));
    assert!(node.steps.longest.is_some() && node.waiting == Waiting::default(), "{node:?}");
}
