//! Params that change while a session runs: from which packet on they hold, and which changes are refused.

use std::collections::VecDeque;

use remotemedia_core::exec::{Control, Received, Session, SessionOptions, TakeLimit};
use remotemedia_core::value::{Map, Packet};
use remotemedia_core::wire::{Limits, json};
use serde_json::json;

use super::*;

const ALL: TakeLimit = TakeLimit { packets: usize::MAX, bytes: usize::MAX };

fn open(pipeline: &Pipeline, port: &Port) -> Session {
    pipeline.session(port, 1, &SessionOptions::default()).expect("accepted")
}

fn send(session: &Session, budget: Duration, range: std::ops::Range<i64>) {
    let mut packets: VecDeque<Packet> = range.map(|value| Packet::new(Value::Int(value))).collect();
    session.send(&mut packets, 0, budget, TakeLimit { packets: 0, bytes: 0 }).expect("taken");
    assert!(packets.is_empty(), "there is room at the entry");
}

fn set(session: &Session, node: &str, params: serde_json::Value) -> Result<(), String> {
    let params = json::from_json(&params.to_string(), &Limits::default()).expect("params are JSON");
    let Value::Map(params) = params else { panic!("params are an object") };
    change(session, node, Map::clone(&params))
}

fn change(session: &Session, node: &str, params: Map) -> Result<(), String> {
    session.control(Control::Set { node: node.to_owned(), params }).map_err(|error| error.to_string())
}

fn received(session: &Session) -> Option<Vec<i64>> {
    match session.receive(None, ALL) {
        Received::Outputs(outputs) => Some(
            outputs
                .iter()
                .map(|output| match output.packet.value {
                    Value::Int(value) => value,
                    ref other => panic!("expected an integer, got {other:?}"),
                })
                .collect(),
        ),
        Received::WouldBlock => Some(Vec::new()),
        Received::End => None,
    }
}

/// What comes out until the end.
fn final_state(session: &Session, port: &Port) -> Vec<i64> {
    session.finish().expect("it goes on");
    let mut values = Vec::new();
    while let Some(more) = received(session) {
        if more.is_empty() {
            drop(port.next(Some(PATIENCE)));
        }
        values.extend(more);
    }
    values
}

#[test]
fn what_was_sent_before_keeps_the_old_value_wherever_it_waits() {
    let runtime = runtime();
    let graph = pipeline(
        &runtime,
        &[("p", "Pass", ""), ("gate", "Gate", r#""gate": 14"#), ("o", "Offset", r#""by": 100"#), ("q", "Pass", "")],
        &[("p", "gate"), ("gate", "o"), ("p", "q")],
    );
    let port = Port::new(None);
    let options = SessionOptions { outputs: vec!["o".to_owned()], ..SessionOptions::default() };
    let session = graph.session(&port, 1, &options).expect("accepted");
    send(&session, PATIENCE, 0..3);
    nodes::wait_until_reached(14);
    set(&session, "o", json!({ "by": 200 })).expect("it is live");
    set(&session, "o", json!({ "by": 300 })).expect("it is live");
    send(&session, PATIENCE, 3..6);
    set(&session, "o", json!({ "by": 400 })).expect("it is live");
    send(&session, PATIENCE, 6..7);
    // Nothing is sent behind it.
    set(&session, "o", json!({ "by": 500 })).expect("it is live");
    nodes::open(14);
    assert_eq!(final_state(&session, &port), [100, 101, 102, 303, 304, 305, 406]);
}

#[test]
fn a_change_outlasts_an_interruption() {
    let runtime = runtime();
    let graph = pipeline(&runtime, &[("o", "Offset", r#""by": 1"#)], &[]);
    for start in STARTS {
        let budget = submission(1, start, Vec::new()).budget;
        let port = Port::new(None);
        let session = open(&graph, &port);
        send(&session, budget, 0..2);
        set(&session, "o", json!({ "by": 10 })).expect("it is live");
        send(&session, budget, 0..2);
        session.interrupt();
        send(&session, budget, 5..6);
        assert_eq!(final_state(&session, &port), [15]);
    }
}

#[test]
fn a_node_that_no_packet_reaches_that_is_sent_changes_at_once() {
    let runtime = runtime();
    let graph =
        pipeline(&runtime, &[("s", "Source", r#""count": 1000000000"#), ("o", "Offset", r#""by": 0"#)], &[("s", "o")]);
    let port = Port::new(None);
    let session = open(&graph, &port);
    let mut values = Vec::new();
    while values.is_empty() {
        values = received(&session).expect("it goes on");
    }
    set(&session, "o", json!({ "by": 1_000_000_000_000i64 })).expect("it is live");
    while !received(&session).expect("it goes on").iter().any(|value| *value >= 1_000_000_000_000) {}
    session.cancel();
}

#[test]
fn what_can_not_be_changed_is_refused_by_name_and_changes_nothing() {
    let runtime = runtime();
    let hosts = [("mine".to_owned(), remotemedia_core::manifest::HostNodeType::new(7, 4))].into();
    let graph = compile(
        &runtime,
        &[("offset", "Offset", r#""by": 1"#), ("pass", "Pass", ""), ("host", "mine", "")],
        &[("pass", "host")],
        &hosts,
    );
    let port = Port::new(None);
    let session = open(&graph, &port);
    let cases = [
        ("ofset", json!({ "by": 2 }), "there is no node 'ofset'; did you mean 'offset'?"),
        ("x", json!({ "by": 2 }), "there is no node 'x'; there are 'offset', 'pass' and 'host'"),
        (
            "offset",
            json!({ "by": 2, "fixed": true }),
            "'offset' (Offset) has 'fixed' from its start to its end; what may change while it runs: 'by'",
        ),
        ("offset", json!({ "bi": 2 }), "offset.params.bi: Offset has no param 'bi'; did you mean 'by'?"),
        (
            "offset",
            json!({ "by": "2" }),
            "offset.params.by: expected an integer, got the text \"2\"; remove the quotes: 2",
        ),
        ("pass", json!({ "by": 2 }), "pass.params.by: Pass has no param 'by'; remove it: there are none"),
        (
            "host",
            json!({ "by": 2 }),
            "'host' is run by the host, which alone could change its params; only those of built-in nodes are live",
        ),
    ];
    for (node, params, message) in cases {
        assert_eq!(set(&session, node, params), Err(message.to_owned()));
    }
    let no_json = [
        (Value::Float(f64::NAN), "offset.params.by: expected a finite number, got NaN"),
        (
            Value::list(vec![Value::Null, Value::bytes(vec![1])]),
            "offset.params.by[1]: expected a number, text, true, false, null, a list or a map, got bytes; pass media and \
             bytes as inputs",
        ),
        (Value::map([("$rm", Value::Int(1))]), "offset.params.by: expected an integer, got a map"),
    ];
    for (value, message) in no_json {
        let params = [("by".into(), value)].into_iter().collect();
        assert_eq!(change(&session, "offset", params), Err(message.to_owned()));
    }
    session.cancel();
    let late = set(&session, "offset", json!({ "by": 2 }));
    assert_eq!(late, Err("the session has ended: the work was cancelled".to_owned()));
}
