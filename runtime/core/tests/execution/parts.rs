//! Interruptions of a part of a graph: what is dropped, what continues, and that no end is lost where the two are joined.

use std::collections::VecDeque;
use std::time::Instant;

use remotemedia_core::exec::{
    CallEntry, HostCall, HostOutput, Outcome, Received, Reply, Session, SessionError, SessionOptions, TakeLimit,
};
use remotemedia_core::manifest::HostNodeType;
use remotemedia_core::value::Packet;

use super::*;

const ALL: TakeLimit = TakeLimit { packets: usize::MAX, bytes: usize::MAX };

/// A pipeline whose connections have a queue of their own, if `is_buffered`; nodes of type `mine` are the host's.
fn graph(runtime: &Runtime, nodes: &[(&str, &str, &str)], edges: &[(&str, &str)], is_buffered: bool) -> Pipeline {
    let node = |(id, kind, params): &(&str, &str, &str)| {
        format!(r#"{{"id": "{id}", "node_type": "{kind}", "params": {{{params}}}}}"#)
    };
    let nodes: Vec<String> = nodes.iter().map(node).collect();
    let buffer = if is_buffered { r#", "buffer": {"packets": 8}"# } else { "" };
    let edges: Vec<String> =
        edges.iter().map(|(from, to)| format!(r#"{{"from": "{from}", "to": "{to}"{buffer}}}"#)).collect();
    let (nodes, edges) = (nodes.join(", "), edges.join(", "));
    let manifest = format!(r#"{{"version": "v1", "nodes": [{nodes}], "connections": [{edges}]}}"#);
    let hosts = [("mine".to_owned(), HostNodeType::new(7, 4))].into();
    runtime.compile(manifest.as_bytes(), &hosts).unwrap_or_else(|error| panic!("{error}"))
}

fn open(pipeline: &Pipeline, port: &Port) -> Session {
    pipeline.session(port, 1, &SessionOptions::default()).expect("accepted")
}

fn send(session: &Session, values: std::ops::Range<i64>) {
    let mut packets: VecDeque<_> = values.map(|value| Packet::new(Value::Int(value))).collect();
    let sent = session.send(&mut packets, 0, Duration::ZERO, TakeLimit { packets: 0, bytes: 0 }).expect("taken");
    assert!(packets.is_empty() && sent.outputs.is_empty(), "there is room");
}

/// Waits until a node has taken so many packets.
fn wait_for(session: &Session, node: usize, packets: u64) {
    let until = Instant::now() + PATIENCE;
    while session.metrics().nodes[node].packets < packets {
        assert!(Instant::now() < until, "{:#?}", session.metrics());
        std::thread::yield_now();
    }
}

/// Waits until so many outputs wait at a sink.
fn wait_for_outputs(session: &Session, sink: usize, count: usize) {
    let until = Instant::now() + PATIENCE;
    while session.metrics().unread[sink] < count {
        assert!(Instant::now() < until, "{:#?}", session.metrics());
        std::thread::yield_now();
    }
}

fn next_call(port: &Port) -> HostCall {
    loop {
        for event in port.next(Some(PATIENCE)).events {
            match event {
                Event::Call(call) => return call,
                Event::Room { .. } | Event::Outputs { .. } => {}
                other => panic!("expected a call, got {other:?}"),
            }
        }
    }
}

/// Replies to all packets of a call with the same values.
fn echo(port: &Port, call: &HostCall) {
    let output = |(entry, each): (usize, &CallEntry)| match each {
        CallEntry::Packet { packet, .. } => {
            let value = packet.value.clone();
            Some(HostOutput { entry, value, pts: None, duration: None, port: 0 })
        }
        CallEntry::EndOfItem { .. } | CallEntry::EndOfStream => None,
    };
    let outputs = call.entries.iter().enumerate().filter_map(output).collect();
    port.reply(call.id, Reply { outputs, is_final: true, failure: None }).expect("it is out");
}

/// What comes until the end, as (sink, integer), while calls are echoed; and how the session ended.
fn rest(session: &Session, port: &Port) -> (Vec<(usize, i64)>, Outcome) {
    session.finish().expect("it goes on");
    let mut values = Vec::new();
    let mut outcome = None;
    loop {
        match session.receive(None, ALL) {
            Received::Outputs(outputs) => values.extend(outputs.iter().map(|output| match output.packet.value {
                Value::Int(value) => (output.place, value),
                ref other => panic!("expected an integer, got {other:?}"),
            })),
            Received::End if outcome.is_some() => break,
            Received::End | Received::WouldBlock => {
                let batch = port.next(Some(PATIENCE));
                assert!(!batch.events.is_empty(), "it hangs: {values:?}, {:#?}", session.metrics());
                for event in batch.events {
                    match event {
                        Event::Completed { completion, .. } => outcome = Some(completion.outcome),
                        Event::Call(call) => echo(port, &call),
                        _ => {}
                    }
                }
            }
        }
    }
    (values, outcome.expect("it has ended"))
}

fn of_sink(values: &[(usize, i64)], sink: usize) -> Vec<i64> {
    values.iter().filter(|value| value.0 == sink).map(|value| value.1).collect()
}

#[test]
fn nodes_before_the_part_keep_what_they_hold_and_those_in_it_begin_anew() {
    let runtime = runtime();
    let (front, back) = (("front", "Hoard", r#""packets": 2"#), ("back", "Hoard", r#""packets": 100"#));
    for is_buffered in [false, true] {
        let pipeline =
            graph(&runtime, &[front, back, ("last", "Pass", "")], &[("front", "back"), ("back", "last")], is_buffered);
        for _ in 0..20 {
            let port = Port::new(None);
            let session = open(&pipeline, &port);
            send(&session, 0..5);
            wait_for(&session, 1, 3);
            session.interrupt_at("back").expect("there is such a node");
            send(&session, 5..7);
            let (values, outcome) = rest(&session, &port);
            assert_eq!((of_sink(&values, 0), outcome), (vec![3, 4, 5, 6], Outcome::Finished));
        }
    }
}

#[test]
fn what_a_node_is_in_the_middle_of_is_dropped_in_the_part_and_reaches_it_from_before() {
    let runtime = runtime();
    for (gate, at, expected) in [(27, "gate", vec![]), (28, "next", vec![0]), (29, "last", vec![0])] {
        let gated = format!(r#""gate": {gate}"#);
        let nodes = [("first", "Pass", ""), ("gate", "Gate", &*gated), ("next", "Pass", ""), ("last", "Pass", "")];
        let pipeline = graph(&runtime, &nodes, &[("first", "gate"), ("gate", "next"), ("next", "last")], false);
        let port = Port::new(None);
        let session = open(&pipeline, &port);
        send(&session, 0..1);
        nodes::wait_until_reached(gate);
        session.interrupt_at(at).expect("there is such a node");
        session.interrupt_at(at).expect("there is such a node");
        nodes::open(gate);
        let (values, outcome) = rest(&session, &port);
        assert_eq!((of_sink(&values, 0), outcome), (expected, Outcome::Finished), "at {at}");
    }
}

#[test]
fn an_end_that_waits_for_a_join_outlasts_the_interruption_of_one_branch() {
    let runtime = runtime();
    let nodes = [("fork", "Pass", ""), ("a", "mine", ""), ("b", "Pass", ""), ("join", "Count", "")];
    let edges = [("fork", "a"), ("fork", "b"), ("a", "join"), ("b", "join")];
    for is_buffered in [false, true] {
        let pipeline = graph(&runtime, &nodes, &edges, is_buffered);
        let port = Port::new(None);
        let session = open(&pipeline, &port);
        send(&session, 0..2);
        session.flush().expect("it goes on");
        send(&session, 2..3);
        let old = next_call(&port);
        wait_for(&session, 3, 2);
        session.interrupt_at("a").expect("there is such a node");
        assert!(
            port.reply(old.id, Reply { outputs: Vec::new(), is_final: true, failure: None }).is_err(),
            "it is over"
        );
        send(&session, 3..5);
        let (values, outcome) = rest(&session, &port);
        // The end of the flush, for which nothing is left; then 3 and 4 by both ways, and 2 by those where it was not yet.
        let counts = of_sink(&values, 0);
        assert!(counts[0] == 0 && (1004..=1006).contains(&counts[1]) && counts.len() == 2, "{counts:?}");
        assert_eq!(outcome, Outcome::Finished);
    }
}

#[test]
fn the_end_of_the_session_outlasts_an_interruption_of_every_part() {
    let runtime = runtime();
    let nodes =
        [("a", "Hoard", r#""packets": 9"#), ("host", "mine", ""), ("b", "Repeat", r#""times": 3"#), ("c", "Count", "")];
    let edges = [("a", "host"), ("host", "b"), ("b", "c"), ("host", "c")];
    for at in ["a", "host", "b", "c"] {
        for is_buffered in [false, true] {
            let pipeline = graph(&runtime, &nodes, &edges, is_buffered);
            let port = Port::new(None);
            let session = open(&pipeline, &port);
            send(&session, 0..4);
            session.finish().expect("it goes on");
            let call = next_call(&port);
            session.interrupt_at(at).expect("there is such a node");
            let is_over = port.reply(call.id, Reply { outputs: Vec::new(), is_final: true, failure: None }).is_err();
            assert_eq!(is_over, at != "b" && at != "c", "the call of a node before the part goes on");
            let (values, outcome) = rest(&session, &port);
            // However many packets were past the part, there is one end, and it was not lost.
            assert_eq!((values.len(), outcome), (1, Outcome::Finished), "at {at}: {values:?}");
        }
    }
}

#[test]
fn outputs_of_sinks_outside_the_part_are_kept_and_calls_in_it_are_cancelled() {
    let runtime = runtime();
    let nodes =
        [("fork", "Pass", ""), ("left", "Pass", ""), ("stt", "mine", ""), ("pass", "Pass", ""), ("tts", "mine", "")];
    let edges = [("fork", "left"), ("fork", "stt"), ("stt", "pass"), ("pass", "tts")];
    let pipeline = graph(&runtime, &nodes, &edges, false);
    let port = Port::new(None);
    let session = open(&pipeline, &port);
    send(&session, 0..1);
    echo(&port, &next_call(&port));
    let spoken = next_call(&port);
    echo(&port, &spoken);
    wait_for_outputs(&session, 1, 1);
    send(&session, 1..2);
    echo(&port, &next_call(&port));
    let speaking = next_call(&port);
    send(&session, 2..3);
    let listening = next_call(&port);
    wait_for_outputs(&session, 0, 3);

    session.interrupt_at("tts").expect("there is such a node");
    let events = port.next(Some(PATIENCE)).events;
    assert!(matches!(events[..], [Event::CallCancelled { call }] if call == speaking.id), "{events:?}");
    assert_eq!(session.metrics().unread, [3, 0]);
    echo(&port, &listening);
    let after = next_call(&port);
    assert_eq!((speaking.epoch, listening.epoch, after.epoch), (0, 0, 1));
    echo(&port, &after);
    let (values, outcome) = rest(&session, &port);
    assert_eq!((of_sink(&values, 0), of_sink(&values, 1), outcome), (vec![0, 1, 2], vec![2], Outcome::Finished));
    session.interrupt_at("tts").expect("it has ended, and no output is left to drop");
}

#[test]
fn outputs_that_nobody_took_are_dropped_after_the_end_for_the_part_alone() {
    let runtime = runtime();
    let nodes = [("fork", "Pass", ""), ("left", "Pass", ""), ("right", "Pass", "")];
    let pipeline = graph(&runtime, &nodes, &[("fork", "left"), ("fork", "right")], false);
    let port = Port::new(None);
    let session = open(&pipeline, &port);
    send(&session, 0..2);
    session.finish().expect("it goes on");
    while !port.next(Some(PATIENCE)).events.iter().any(|event| matches!(event, Event::Completed { .. })) {}
    session.interrupt_at("right").expect("there is such a node");
    assert_eq!(session.metrics().unread, [2, 0]);
    session.interrupt_at("fork").expect("there is such a node");
    assert_eq!(session.metrics().unread, [0, 0]);
}

#[test]
fn a_node_that_is_not_there_or_shares_a_call_is_named_with_the_cure() {
    let runtime = runtime();
    let nodes = [("think", "mine", ""), ("speak", "mine", ""), ("play", "Pass", "")];
    let edges = [("think", "speak"), ("speak", "play")];
    let port = Port::new(None);
    let pipeline = graph(&runtime, &nodes, &edges, false);
    let session = open(&pipeline, &port);
    send(&session, 0..1);
    let call = next_call(&port);
    let unknown = session.interrupt_at("spaek").expect_err("there is no such node").to_string();
    assert_eq!(unknown, "there is no node 'spaek'; did you mean 'speak'?");
    let shared = session.interrupt_at("speak").expect_err("it shares a call");
    assert!(matches!(shared, SessionError::SharedCall { .. }), "{shared:?}");
    assert_eq!(
        shared.to_string(),
        "'speak' runs in one call with 'think' before it, so they can only be interrupted together: interrupt at 'think', \
         or give the connection between the two a buffer"
    );
    echo(&port, &call);
    assert_eq!(rest(&session, &port).0, [(0, 0)], "nothing was dropped");

    let port = Port::new(None);
    let pipeline = graph(&runtime, &nodes, &edges, true);
    open(&pipeline, &port).interrupt_at("speak").expect("it has a call of its own");
}
