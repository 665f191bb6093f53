//! Sessions: fed and read while they run, bounded at both ends.

use std::collections::VecDeque;

use remotemedia_core::exec::{Most, Outcome, Received, Session, SessionError, SessionOptions};
use remotemedia_core::value::Packet;

use super::*;

const ALL: Most = Most { packets: usize::MAX, bytes: usize::MAX };
const NONE: Most = Most { packets: 0, bytes: 0 };

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
    (values, completion.unwrap_or_else(|| completion_of(port, 1)))
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
    assert_eq!(completion_of(&port, 1).outcome, Outcome::Finished);
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
        match next(&port) {
            Event::Outputs { token: 1 } => seen.0 += 1,
            Event::Room { token: 1 } => seen.1 += 1,
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(seen, (1, 1));
    assert!(session.cancel());
    assert_eq!(completion_of(&port, 1).outcome, Outcome::Cancelled);
    assert!(!session.cancel());
    assert!(matches!(session.receive(None, ALL), Received::End));
    assert_eq!(
        session.has_room().expect_err("refused"),
        SessionError::Ended { outcome: Outcome::Cancelled, cause: "the work was cancelled".to_owned() }
    );
    assert!(runtime.shut_down(PATIENCE));
}

#[test]
fn a_sink_that_is_none_is_refused_by_name() {
    let runtime = runtime();
    let graph =
        pipeline(&runtime, &[("a", "Pass", ""), ("b", "Pass", ""), ("c", "Pass", "")], &[("a", "b"), ("a", "c")]);
    let port = Port::new(None);
    let options = SessionOptions { sinks: vec!["c".to_owned(), "a".to_owned()], ..SessionOptions::default() };
    let refused = graph.session(&port, 1, &options).expect_err("refused");
    assert_eq!(refused.to_string(), "'a' is no sink of pipeline 'test'; its sinks are 'b', 'c'");
}
