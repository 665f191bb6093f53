//! Connections with a buffer of their own: how much waits there, and what is dropped where there is no room.

use std::collections::VecDeque;
use std::time::Instant;

use remotemedia_core::exec::{
    CallEntry, EdgeMetrics, HostOutput, Outcome, Received, Reply, Session, SessionOptions, TakeLimit, WaitsFor,
};
use remotemedia_core::manifest::HostNodeType;
use remotemedia_core::value::Packet;

use super::*;

const ALL: TakeLimit = TakeLimit { packets: usize::MAX, bytes: usize::MAX };

/// A `Pass` called `p` that feeds, through this buffer, what `nodes` are connected to each other.
fn behind(runtime: &Runtime, buffer: &str, nodes: &[(&str, &str, &str)], hosts: &HostNodes) -> Pipeline {
    let mut entries = r#"{"id": "p", "node_type": "Pass"}"#.to_owned();
    let mut connections = String::new();
    let mut before = "p";
    for (index, (id, node_type, params)) in nodes.iter().enumerate() {
        entries += &format!(r#", {{"id": "{id}", "node_type": "{node_type}", "params": {{{params}}}}}"#);
        match index {
            0 => connections += &format!(r#"{{"from": "p", "to": "{id}", "buffer": {{{buffer}}}}}"#),
            _ => connections += &format!(r#", {{"from": "{before}", "to": "{id}"}}"#),
        }
        before = id;
    }
    let manifest = format!(r#"{{"version": "v1", "nodes": [{entries}], "connections": [{connections}]}}"#);
    runtime.compile(manifest.as_bytes(), hosts).unwrap_or_else(|error| panic!("{error}"))
}

fn send(session: &Session, range: std::ops::Range<i64>) {
    let mut packets: VecDeque<Packet> = range.map(|value| Packet::new(Value::Int(value))).collect();
    session.send(&mut packets, 0, PATIENCE, TakeLimit { packets: 0, bytes: 0 }).expect("taken");
    assert!(packets.is_empty(), "there is room at the entry");
}

/// What comes out until the end.
fn final_state(session: &Session, port: &Port) -> Vec<i64> {
    session.finish().expect("it goes on");
    let (mut values, mut outcome) = (Vec::new(), None);
    loop {
        match session.receive(None, ALL) {
            Received::Outputs(outputs) => values.extend(outputs.iter().map(|output| match output.packet.value {
                Value::Int(value) => value,
                ref other => panic!("expected an integer, got {other:?}"),
            })),
            Received::End if outcome.is_some() => break,
            Received::End | Received::WouldBlock => {
                let events = port.next(Some(PATIENCE)).events;
                assert!(!events.is_empty(), "it hangs with {values:?}");
                outcome = outcome.or(events.into_iter().find_map(|event| match event {
                    Event::Completed { completion, .. } => Some(completion.outcome),
                    _ => None,
                }));
            }
        }
    }
    assert_eq!(outcome, Some(Outcome::Finished));
    values
}

#[test]
fn a_full_edge_waits_or_drops_as_its_policy_says_and_counts() {
    let runtime = runtime();
    let cases = [
        ("drop_oldest", 10, vec![0, 7, 8, 9], 6, WaitsFor::Input),
        ("drop_newest", 11, vec![0, 1, 2, 3], 6, WaitsFor::Input),
        ("block", 12, (0..10).collect(), 0, WaitsFor::Room { node: "gate".into() }),
    ];
    for (policy, gate, expected, dropped, waits_for) in cases {
        let buffer = format!(r#""packets": 3, "policy": "{policy}""#);
        let graph = behind(&runtime, &buffer, &[("gate", "Gate", &format!(r#""gate": {gate}"#))], &HostNodes::new());
        let port = Port::new(None);
        let session = graph.session(&port, 1, &SessionOptions::default()).expect("accepted");
        send(&session, 0..1);
        nodes::wait_until_reached(gate);
        send(&session, 1..10);
        let metrics = session.metrics();
        let edge = |waiting| EdgeMetrics { from: "p.out".to_owned(), to: "gate.in".to_owned(), waiting, dropped };
        assert_eq!(metrics.edges, [edge(3)], "{policy}");
        assert_eq!(metrics.nodes[0].waits_for, waits_for, "{policy}");
        nodes::open(gate);
        assert_eq!(final_state(&session, &port), expected, "{policy}");
        assert_eq!(session.metrics().edges, [edge(0)], "{policy}");
    }
}

#[test]
fn boundaries_between_streams_are_never_dropped() {
    let runtime = runtime();
    let nodes = [("gate", "Gate", r#""gate": 13"#), ("count", "Count", "")];
    let graph = behind(&runtime, r#""packets": 1, "policy": "drop_oldest""#, &nodes, &HostNodes::new());
    let port = Port::new(None);
    let session = graph.session(&port, 1, &SessionOptions::default()).expect("accepted");
    send(&session, 0..1);
    nodes::wait_until_reached(13);
    send(&session, 1..4);
    session.flush().expect("it goes on");
    send(&session, 4..6);
    // Behind the flush, which a worker takes, packets are a worker's too: all but the last are dropped in the end.
    while session.metrics().edges.iter().map(|edge| edge.dropped).sum::<u64>() < 4 {
        std::thread::yield_now();
    }
    nodes::open(13);
    // The first stream keeps the packet that was at work, the second one its last.
    assert_eq!(final_state(&session, &port), [1, 1001]);
}

#[test]
fn work_whose_inputs_are_all_there_loses_nothing() {
    let runtime = runtime();
    let graph = behind(&runtime, r#""packets": 1, "policy": "drop_newest""#, &[("w", "Worker", "")], &HostNodes::new());
    for start in STARTS {
        assert_eq!(integers_of(&run(&graph, start, integers(0..500))), (0..500).collect::<Vec<_>>());
    }
}

#[test]
fn the_host_gets_what_the_policy_keeps_and_no_more_waits_than_the_edge_allows() {
    let runtime = runtime();
    let hosts = [("mine".to_owned(), HostNodeType::new(7, 1))].into();
    for (policy, expected, waiting) in [("drop_oldest", [0, 7, 17, 27], 3), ("block", [0, 1, 2, 3], 4)] {
        let buffer = format!(r#""packets": 4, "policy": "{policy}""#);
        let graph = behind(&runtime, &buffer, &[("host", "mine", "")], &hosts);
        let port = Port::new(None);
        let session = graph.session(&port, 1, &SessionOptions::default()).expect("accepted");
        send(&session, 0..1);
        for (round, expected) in (0..).zip(expected) {
            let mut batch = port.next(Some(PATIENCE));
            let Some(Event::Call(mut call)) = batch.events.pop() else { panic!("expected a call") };
            let entry = call.entries.pop().expect("a call has an entry");
            assert!(call.entries.is_empty());
            let CallEntry::Packet { packet, .. } = entry else { panic!("expected a packet, got {entry:?}") };
            assert!(matches!(packet.value, Value::Int(value) if value == expected), "{policy}: {packet:?}");
            if round > 0 {
                // The stage before the edge fills it again on a worker, if it waits for room.
                while policy == "block" && !matches!(session.metrics().nodes[0].waits_for, WaitsFor::Room { .. }) {
                    std::thread::yield_now();
                }
                assert_eq!(session.metrics().nodes[1].waiting.packets, waiting, "{policy}");
            }
            send(&session, round * 10 + 1..round * 10 + 11);
            let outputs = vec![HostOutput { entry: 0, value: packet.value, pts: None, duration: None, port: 0 }];
            port.reply(call.id, Reply { outputs, is_final: true, failure: None }).expect("taken");
        }
        session.cancel();
    }
}

#[test]
fn what_comes_too_late_is_dropped_where_it_is_and_counted() {
    let runtime = runtime();
    let hosts = [("mine".to_owned(), HostNodeType::new(7, 4))].into();
    let graphs = [
        pipeline(&runtime, &[("a", "Pass", ""), ("b", "Worker", "")], &[("a", "b")]),
        compile(&runtime, &[("host", "mine", "")], &[], &hosts),
    ];
    for graph in graphs {
        let port = Port::new(None);
        // Over before anything can look at it.
        let options = SessionOptions { packet_deadline: Some(Duration::from_nanos(1)), ..SessionOptions::default() };
        let session = graph.session(&port, 1, &options).expect("accepted");
        send(&session, 0..20);
        assert!(final_state(&session, &port).is_empty());
        let late: Vec<u64> = session.metrics().nodes.iter().map(|node| node.late).collect();
        assert_eq!((late[0], late.iter().sum::<u64>()), (20, 20));
    }
}

/// A session whose first packet was held up at a gate for longer than the deadline of its packets, all of which were sent
/// before. Where the machine is so busy that a packet is late before it comes to the gate, another session gives twice the time.
fn held_up(graph: &Pipeline, port: &Port, gate: usize, sent: i64) -> Session {
    let mut deadline = Duration::from_millis(30);
    loop {
        let options = SessionOptions { packet_deadline: Some(deadline), ..SessionOptions::default() };
        let session = graph.session(port, 1, &options).expect("accepted");
        send(&session, 0..sent);
        if comes_to_the_gate(gate, &session) {
            let over = Instant::now() + deadline + Duration::from_millis(1);
            while Instant::now() < over {
                std::thread::sleep(Duration::from_millis(1));
            }
            nodes::open(gate);
            return session;
        }
        assert!(final_state(&session, port).is_empty());
        deadline *= 2;
        assert!(deadline < PATIENCE, "nobody came to gate {gate}");
    }
}

fn comes_to_the_gate(gate: usize, session: &Session) -> bool {
    loop {
        if nodes::is_reached(gate) {
            return true;
        }
        if session.metrics().nodes.iter().any(|node| node.late > 0) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What comes out of a session whose first packet is held up at a gate for longer than the deadline, and what each of these
/// nodes has counted as late. All packets were sent before the gate was reached.
fn late_at(
    gate: usize,
    buffer: &str,
    nodes: &[(&str, &str, &str)],
    hosts: &HostNodes,
    sent: i64,
) -> (Vec<i64>, Vec<u64>) {
    let runtime = runtime();
    let graph = behind(&runtime, buffer, nodes, hosts);
    let port = Port::new(None);
    let session = held_up(&graph, &port, gate, sent);
    let values = final_state(&session, &port);
    (values, session.metrics().nodes.iter().map(|node| node.late).collect())
}

#[test]
fn a_packet_that_is_late_behind_a_node_is_dropped_at_the_sink() {
    let gate = r#""gate": 32"#;
    assert_eq!(late_at(32, "", &[("gate", "Gate", gate)], &HostNodes::new(), 1), (vec![], vec![0, 1]));
}

#[test]
fn a_packet_that_is_late_in_a_queue_is_dropped_before_the_next_node_takes_it() {
    let gate = r#""gate": 33"#;
    // The one that is held up, at the sink; the others, before the node that holds it up.
    assert_eq!(late_at(33, "", &[("gate", "Gate", gate)], &HostNodes::new(), 4), (vec![], vec![0, 4]));
}

#[test]
fn a_packet_that_is_late_on_its_way_is_dropped_before_the_native_node_and_the_host_node_behind() {
    let hosts: HostNodes = [("mine".to_owned(), HostNodeType::new(7, 4))].into();
    for (gate, kind) in [(34, "Worker"), (35, "mine")] {
        let params = format!(r#""gate": {gate}"#);
        // Two edges lead to the last node, so that it is a stage of its own.
        let nodes = [("gate", "Gate", &*params), ("last", kind, "")];
        let runtime = runtime();
        let manifest = format!(
            r#"{{"version": "v1", "nodes": [{}], "connections": [{{"from": "gate", "to": "last", "buffer": {{}}}}]}}"#,
            nodes
                .map(|(id, kind, params)| format!(r#"{{"id": "{id}", "node_type": "{kind}", "params": {{{params}}}}}"#))
                .join(", ")
        );
        let graph = runtime.compile(manifest.as_bytes(), &hosts).unwrap_or_else(|error| panic!("{error}"));
        let port = Port::new(None);
        let session = held_up(&graph, &port, gate, 1);
        assert!(final_state(&session, &port).is_empty(), "no call is made");
        let late: Vec<u64> = session.metrics().nodes.iter().map(|node| node.late).collect();
        assert_eq!(late, [0, 1], "{kind}");
    }
}

#[test]
fn a_packet_that_is_late_while_a_call_waits_to_be_full_is_not_part_of_it() {
    let runtime = runtime();
    let patient = HostNodeType { max_wait: Some(Duration::from_millis(60)), ..HostNodeType::new(7, 3) };
    let graph = compile(&runtime, &[("host", "mine", "")], &[], &[("mine".to_owned(), patient)].into());
    let port = Port::new(None);
    let options = SessionOptions { packet_deadline: Some(Duration::from_millis(20)), ..SessionOptions::default() };
    let session = graph.session(&port, 1, &options).expect("accepted");
    send(&session, 0..2);
    let until = Instant::now() + PATIENCE;
    while session.metrics().nodes[0].late < 2 {
        assert!(Instant::now() < until, "{:?}", session.metrics());
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(final_state(&session, &port).is_empty());
}

/// Sends packets, marked as the first ones behind a jump or not.
fn send_marked(session: &Session, marks: &[bool]) {
    let packet = |&discontinuity: &bool| Packet { discontinuity, ..Packet::new(Value::Int(0)) };
    let mut packets: VecDeque<Packet> = marks.iter().map(packet).collect();
    session.send(&mut packets, 0, PATIENCE, TakeLimit { packets: 0, bytes: 0 }).expect("taken");
}

/// Whether each packet that comes out until the end is marked.
fn marks(session: &Session, port: &Port) -> Vec<bool> {
    session.finish().expect("it goes on");
    let mut marks = Vec::new();
    loop {
        match session.receive(None, ALL) {
            Received::Outputs(outputs) => marks.extend(outputs.iter().map(|output| output.packet.discontinuity)),
            Received::WouldBlock => assert!(!port.next(Some(PATIENCE)).events.is_empty(), "it hangs with {marks:?}"),
            Received::End => return marks,
        }
    }
}

#[test]
fn the_mark_of_a_packet_that_is_late_before_a_native_node_goes_to_the_next_one() {
    const GATE: usize = 38;
    let deadline = Duration::from_millis(400);
    let runtime = runtime();
    let graph = pipeline(&runtime, &[("gate", "Gate", r#""gate": 38"#)], &[]);
    let port = Port::new(None);
    let options = SessionOptions { packet_deadline: Some(deadline), ..SessionOptions::default() };
    let session = graph.session(&port, 1, &options).expect("accepted");
    send_marked(&session, &[false, true]);
    let over = Instant::now() + deadline + Duration::from_millis(1);
    assert!(comes_to_the_gate(GATE, &session), "the machine is too busy");
    std::thread::sleep(over.saturating_duration_since(Instant::now()));
    // These are in time. The first one that was sent is late at the sink, the second one before the node.
    send_marked(&session, &[false, false]);
    nodes::open(GATE);
    assert_eq!(marks(&session, &port), [true, false]);
    assert_eq!(session.metrics().nodes[0].late, 2);
}

#[test]
fn the_mark_of_a_packet_that_is_late_before_a_host_node_goes_to_the_next_one() {
    let runtime = runtime();
    let patient = HostNodeType { max_wait: Some(PATIENCE), ..HostNodeType::new(7, 2) };
    let graph = compile(&runtime, &[("host", "mine", "")], &[], &[("mine".to_owned(), patient)].into());
    let port = Port::new(None);
    let deadline = Duration::from_millis(400);
    let options = SessionOptions { packet_deadline: Some(deadline), ..SessionOptions::default() };
    let session = graph.session(&port, 1, &options).expect("accepted");
    send_marked(&session, &[true]);
    // It waits for a call that is full.
    std::thread::sleep(deadline + Duration::from_millis(1));
    send_marked(&session, &[false, false]);
    let call = loop {
        let found = port.next(Some(PATIENCE)).events.into_iter().find_map(|event| match event {
            Event::Call(call) => Some(call),
            _ => None,
        });
        if let Some(call) = found {
            break call;
        }
    };
    let outputs = (0..2).map(|entry| HostOutput { entry, value: Value::Int(0), pts: None, duration: None, port: 0 });
    port.reply(call.id, Reply { outputs: outputs.collect(), is_final: true, failure: None }).expect("taken");
    assert_eq!(marks(&session, &port), [true, false]);
}

#[test]
fn with_a_deadline_a_call_takes_one_packet_unless_the_host_takes_them_together() {
    let together = HostNodeType { max_wait: Some(Duration::ZERO), ..HostNodeType::new(7, 4) };
    let deadline = Some(PATIENCE * 60);
    for (kind, packet_deadline, expected) in
        [(HostNodeType::new(7, 4), deadline, 1), (together, deadline, 4), (HostNodeType::new(7, 4), None, 4)]
    {
        let runtime = runtime();
        let graph = compile(&runtime, &[("host", "mine", "")], &[], &[("mine".to_owned(), kind)].into());
        let port = Port::new(None);
        let options = SessionOptions { packet_deadline, ..SessionOptions::default() };
        let session = graph.session(&port, 1, &options).expect("accepted");
        send(&session, 0..8);
        for _ in 0..8 / expected {
            let mut batch = port.next(Some(PATIENCE));
            let Some(Event::Call(call)) = batch.events.pop() else { panic!("expected a call") };
            assert_eq!(call.packets(), expected);
            port.reply(call.id, Reply { outputs: Vec::new(), is_final: true, failure: None }).expect("taken");
        }
        assert!(final_state(&session, &port).is_empty());
    }
}

#[test]
fn what_comes_in_time_is_not_dropped_and_neither_is_what_was_held_back() {
    let runtime = runtime();
    let graph = pipeline(&runtime, &[("a", "Worker", ""), ("n", "Hoard", r#""packets": 5"#)], &[("a", "n")]);
    let port = Port::new(None);
    let options = SessionOptions { packet_deadline: Some(PATIENCE * 60), ..SessionOptions::default() };
    let session = graph.session(&port, 1, &options).expect("accepted");
    send(&session, 0..20);
    assert_eq!(final_state(&session, &port), (0..20).collect::<Vec<_>>());
    assert!(session.metrics().nodes.iter().all(|node| node.late == 0));
    // A tail has no deadline: it belongs to the stream.
    let graph = pipeline(&runtime, &[("n", "Count", "")], &[]);
    let options = SessionOptions { packet_deadline: Some(Duration::from_nanos(1)), ..SessionOptions::default() };
    let session = graph.session(&port, 2, &options).expect("accepted");
    send(&session, 0..20);
    assert_eq!(final_state(&session, &port), [0]);
}

#[test]
fn an_edge_with_a_buffer_ends_as_a_session_ends() {
    let runtime = runtime();
    let graph = behind(&runtime, "", &[("w", "Worker", ""), ("b", "Pass", "")], &HostNodes::new());
    let port = Port::new(None);
    let session = graph.session(&port, 1, &SessionOptions::default()).expect("accepted");
    send(&session, 0..50);
    assert_eq!(final_state(&session, &port), (0..50).collect::<Vec<_>>());
}
