//! Sessions whose time is what has arrived: it stands still while anything is at work, and nothing waits for a machine.

use std::collections::VecDeque;

use remotemedia_core::exec::{
    BufferOptions, HostCall, HostOutput, Outcome, Received, Reply, Session, SessionClock, SessionOptions, TakeLimit,
};
use remotemedia_core::manifest::HostNodeType;
use remotemedia_core::value::Packet;

use super::*;

const ALL: TakeLimit = TakeLimit { packets: usize::MAX, bytes: usize::MAX };
const NOTHING: TakeLimit = TakeLimit { packets: 0, bytes: 0 };
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

/// Two nodes of the host before one node: whichever replies first, what they have made of one packet is taken in the order of
/// the connections.
#[test]
fn where_branches_join_their_packets_come_by_time_and_then_by_connection() {
    let runtime = runtime();
    let hosts: HostNodes =
        [("left".to_owned(), HostNodeType::new(1, 32)), ("right".to_owned(), HostNodeType::new(2, 32))].into();
    let nodes = [("a", "left", ""), ("b", "right", ""), ("join", "Pass", "")];
    let graph = compile(&runtime, &nodes, &[("a", "join"), ("b", "join")], &hosts);
    for is_turned in [false, true] {
        let port = Port::new(None);
        let session = graph.session(&port, 1, &options()).expect("accepted");
        let mut values = Vec::new();
        for number in 0..3 {
            let mut packets = seconds(number..number + 1);
            while session.send(&mut packets, 0, Duration::ZERO, NOTHING).expect("taken").taken == 0 {
                assert!(!port.next(Some(PATIENCE)).events.is_empty(), "it does not come to rest");
            }
            let mut calls = Vec::new();
            while calls.len() < 2 {
                calls.extend(port.next(Some(PATIENCE)).events.into_iter().filter_map(|event| match event {
                    Event::Call(call) => Some(call),
                    _ => None,
                }));
            }
            calls.sort_by_key(|call| (call.nodes[0].0 == 1) == is_turned);
            for call in calls {
                let value = Value::Int(number * 10 + call.nodes[0].0 as i64);
                let outputs = vec![HostOutput { entry: 0, value, pts: None, duration: None, port: 0 }];
                port.reply(call.id, Reply { outputs, is_final: true, failure: None }).expect("taken");
            }
        }
        session.finish().expect("it goes on");
        while values.len() < 6 {
            match session.receive(None, ALL) {
                Received::Outputs(outputs) => values.extend(outputs.into_iter().map(|output| output.packet.value)),
                Received::WouldBlock => assert!(!port.next(Some(PATIENCE)).events.is_empty(), "nothing comes"),
                Received::End => panic!("{values:?}"),
            }
        }
        assert_eq!(values, [1, 2, 11, 12, 21, 22].map(Value::Int), "{is_turned}");
    }
}
