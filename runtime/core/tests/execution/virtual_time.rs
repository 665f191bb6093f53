//! Sessions whose time is what has arrived: it stands still while anything is at work, and nothing waits for a machine.

use std::collections::VecDeque;

use remotemedia_core::exec::{
    BufferOptions, HostCall, Outcome, Received, Reply, Session, SessionClock, SessionOptions, TakeLimit,
};
use remotemedia_core::manifest::HostNodeType;
use remotemedia_core::value::Packet;

use super::*;

const ALL: TakeLimit = TakeLimit { packets: usize::MAX, bytes: usize::MAX };
const SECOND: i64 = 1_000_000_000;

fn options() -> SessionOptions {
    SessionOptions { clock: SessionClock::Virtual, ..SessionOptions::default() }
}

/// Packets of a second each, one behind the other.
fn seconds(range: std::ops::Range<i64>) -> VecDeque<Packet> {
    range.map(|value| Packet::new(Value::Int(value)).at(Some(value * SECOND), Some(SECOND))).collect()
}

fn hosted(runtime: &Runtime) -> Pipeline {
    let hosts: HostNodes = [("outside".to_owned(), HostNodeType::new(1, 32))].into();
    compile(runtime, &[("a", "outside", "")], &[], &hosts)
}

fn next(port: &Port) -> Event {
    let mut batch = port.next(Some(PATIENCE));
    assert_eq!(batch.events.len(), 1, "{batch:?}");
    batch.events.remove(0)
}

fn call(port: &Port) -> HostCall {
    match next(port) {
        Event::Call(call) => call,
        other => panic!("expected a call, got {other:?}"),
    }
}

fn answer(port: &Port, call: &HostCall) {
    let reply = Reply { outputs: Vec::new(), is_final: true, failure: None };
    port.reply(call.id, reply).expect("taken");
}

/// Sends all packets, waiting for room where there is none, and returns how the session ended.
fn play(session: &Session, port: &Port, start: Start, mut left: VecDeque<Packet>) -> (Vec<i64>, Outcome) {
    let budget = match start {
        Start::Here => PATIENCE,
        Start::Workers => Duration::ZERO,
    };
    let mut values = Vec::new();
    let mut take = |outputs: Vec<remotemedia_core::exec::SessionOutput>| {
        values.extend(outputs.iter().map(|output| match output.packet.value {
            Value::Int(value) => value,
            ref other => panic!("expected an integer, got {other:?}"),
        }));
    };
    let mut is_finished = false;
    loop {
        match session.send(&mut left, 0, budget, ALL) {
            Ok(sent) => take(sent.outputs),
            Err(_) => left.clear(),
        }
        if left.is_empty() && !std::mem::replace(&mut is_finished, true) {
            let _ = session.finish();
        }
        while let Received::Outputs(outputs) = session.receive(None, ALL) {
            take(outputs);
        }
        let batch = port.next(Some(PATIENCE));
        assert!(!batch.events.is_empty(), "nothing came");
        for event in batch.events {
            if let Event::Completed { completion, .. } = event {
                while let Received::Outputs(outputs) = session.receive(None, ALL) {
                    take(outputs);
                }
                return (values, completion.outcome);
            }
        }
    }
}

#[test]
fn an_hour_passes_in_no_time_and_nothing_is_lost() {
    for start in STARTS {
        let runtime = runtime();
        let graph = pipeline(&runtime, &[("a", "Pass", ""), ("w", "Worker", "")], &[("a", "w")]);
        let port = Port::new(None);
        let session = graph.session(&port, 1, &options()).expect("accepted");
        let (values, outcome) = play(&session, &port, start, seconds(0..3_600));
        assert_eq!((values.len(), outcome), (3_600, Outcome::Finished), "{start:?}");
        assert!(values.iter().copied().eq(0..3_600));
    }
}

#[test]
fn a_deadline_counts_what_has_arrived() {
    for (length, expected) in [(9, Outcome::Finished), (12, Outcome::TimedOut)] {
        for start in STARTS {
            let runtime = runtime();
            let graph = pipeline(&runtime, &[("a", "Pass", "")], &[]);
            let port = Port::new(None);
            let options = SessionOptions { deadline: Some(Duration::from_secs(10)), ..options() };
            let session = graph.session(&port, 1, &options).expect("accepted");
            let (values, outcome) = play(&session, &port, start, seconds(0..length));
            // The packet that arrives at 10 s comes too late: what is due by then comes first.
            assert_eq!((values.len(), outcome), (9, expected), "{start:?}");
        }
    }
}

#[test]
fn time_stands_still_while_the_host_works() {
    let runtime = runtime();
    let graph = hosted(&runtime);
    let port = Port::new(None);
    let session = graph.session(&port, 1, &options()).expect("accepted");
    let mut left = seconds(0..3);
    for number in 0..3 {
        session.send(&mut left, 0, PATIENCE, ALL).expect("taken");
        assert_eq!(left.len(), 2 - number, "the next one arrives when this one is done");
        let out = call(&port);
        assert_eq!(out.entries.len(), 1);
        if number < 2 {
            assert!(!session.has_room().expect("it goes on"));
        }
        answer(&port, &out);
        if number < 2 {
            assert!(matches!(next(&port), Event::Room { token: 1 }));
            assert!(session.has_room().expect("it goes on"));
        }
    }
    session.finish().expect("it goes on");
    assert!(matches!(next(&port), Event::Completed { .. }));
}

#[test]
fn packets_at_the_same_time_wait_for_each_other_too() {
    let runtime = runtime();
    let graph = hosted(&runtime);
    let port = Port::new(None);
    let session = graph.session(&port, 1, &options()).expect("accepted");
    let mut left: VecDeque<Packet> = (0..2).map(|value| Packet::new(Value::Int(value))).collect();
    session.send(&mut left, 0, PATIENCE, ALL).expect("taken");
    assert_eq!(left.len(), 1);
    answer(&port, &call(&port));
    assert!(matches!(next(&port), Event::Room { token: 1 }));
    assert!(session.cancel());
}

#[test]
fn time_waits_for_a_reader() {
    for start in STARTS {
        let runtime = runtime();
        let graph = pipeline(&runtime, &[("a", "Pass", "")], &[]);
        let port = Port::new(None);
        let buffer = BufferOptions { packets: Some(2), ..BufferOptions::default() };
        let session = graph.session(&port, 1, &SessionOptions { buffer, ..options() }).expect("accepted");
        let (values, outcome) = play(&session, &port, start, seconds(0..50));
        assert_eq!((values, outcome), ((0..50).collect(), Outcome::Finished), "{start:?}");
    }
}
