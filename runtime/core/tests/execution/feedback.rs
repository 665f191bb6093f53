//! Connections that go backwards: when their packets arrive and at what time, what is dropped, and that a loop neither holds
//! up a node nor the end.

use std::collections::VecDeque;
use std::time::Instant;

use remotemedia_core::exec::{
    Completion, Outcome, Received, Session, SessionClock, SessionOptions, SessionOutput, TakeLimit,
};
use remotemedia_core::value::{Audio, Packet};

use super::*;

const ALL: TakeLimit = TakeLimit { packets: usize::MAX, bytes: usize::MAX };
const NONE: TakeLimit = TakeLimit { packets: 0, bytes: 0 };
const MS: i64 = 1_000_000;

/// `x -> y`, and back from `y` to `x` with these fields beside the ends; `y` adds 1. Both are of these types.
fn looped(runtime: &Runtime, x: &str, back: &str) -> Pipeline {
    let manifest = format!(
        r#"{{"version": "v1", "nodes": [{{"id": "x", "node_type": "{x}"}}, {{"id": "y", "node_type": "Offset", "params": {{"by": 1}}}},
            {{"id": "beside", "node_type": "Pass"}}],
            "connections": [{{"from": "x", "to": "y"}}, {{"from": "x", "to": "beside"}}, {{"from": "y", "to": "x", {back}}}]}}"#
    );
    runtime.compile(manifest.as_bytes(), &HostNodes::new()).unwrap_or_else(|error| panic!("{error}"))
}

fn virtual_time() -> SessionOptions {
    SessionOptions { clock: SessionClock::Virtual, outputs: vec!["y".to_owned()], ..SessionOptions::default() }
}

fn at(value: i64, pts_ms: i64) -> Packet {
    Packet::new(Value::Int(value)).at(Some(pts_ms * MS), Some(0))
}

/// The value and the time in milliseconds.
fn seen(output: &SessionOutput) -> (i64, Option<i64>) {
    let Value::Int(value) = output.packet.value else { panic!("unexpected {output:?}") };
    (value, output.packet.pts.map(|pts| pts / MS))
}

/// What is sent and what comes out until the end.
fn play(
    session: &Session,
    port: &Port,
    mut left: VecDeque<Packet>,
    budget: Duration,
) -> (Vec<SessionOutput>, Completion) {
    let (mut outputs, mut completion, mut is_finished) = (Vec::new(), None, false);
    loop {
        if !left.is_empty() {
            outputs.extend(session.send(&mut left, 0, budget, ALL).expect("taken").outputs);
        } else if !is_finished {
            // What is on its way back at the finish is dropped: so first all of it comes that time has brought.
            is_finished = true;
            session.finish().expect("it goes on");
        }
        match session.receive(None, ALL) {
            Received::Outputs(more) => outputs.extend(more),
            Received::End if completion.is_some() => return (outputs, completion.expect("it is there")),
            Received::WouldBlock if left.is_empty() && !is_finished => {}
            Received::End | Received::WouldBlock => {
                let events = port.next(Some(PATIENCE)).events;
                assert!(!events.is_empty(), "it hangs: {outputs:?}, {:#?}", session.metrics());
                let found = events.into_iter().find_map(|event| match event {
                    Event::Completed { completion, .. } => Some(completion),
                    _ => None,
                });
                completion = completion.or(found);
            }
        }
    }
}

#[test]
fn a_packet_comes_back_after_the_delay_and_is_that_much_later() {
    let runtime = runtime();
    for (x, budget) in [("Pass", PATIENCE), ("Pass", Duration::ZERO), ("Worker", Duration::ZERO)] {
        let graph = looped(&runtime, x, r#""delay_ms": 250"#);
        let port = Port::new(None);
        let session = graph.session(&port, 1, &virtual_time()).expect("accepted");
        // The last packet lets the time pass in which the first one comes back four times.
        let (outputs, completion) = play(&session, &port, [at(10, 0), at(100, 1100)].into(), budget);
        assert_eq!(completion.outcome, Outcome::Finished);
        let seen: Vec<_> = outputs.iter().map(seen).collect();
        let round = |time: i64| (11 + time, Some(time * 250));
        assert_eq!(seen, [round(0), round(1), round(2), round(3), round(4), (101, Some(1100))], "{x}");
    }
}

#[test]
fn the_times_of_audio_are_later_as_those_of_its_packet_and_what_has_none_gets_none() {
    let audio = Audio::from_planar(vec![0.0; 160], 1, 16_000).expect("valid audio");
    let later = Packet::new(audio.with_pts(Some(5)).into()).later(Duration::from_nanos(20));
    let Value::Audio(value) = &later.value else { panic!("audio") };
    assert_eq!((later.pts, value.pts), (Some(25), Some(25)));
    assert_eq!(Packet::new(Value::Int(1)).later(Duration::from_nanos(20)).pts, None);
}

#[test]
fn nothing_comes_back_early_by_the_clock_of_the_machine() {
    let runtime = runtime();
    let graph = looped(&runtime, "Pass", r#""delay_ms": 30"#);
    let port = Port::new(None);
    let options = SessionOptions { outputs: vec!["y".to_owned()], ..SessionOptions::default() };
    let session = graph.session(&port, 1, &options).expect("accepted");
    let begun = Instant::now();
    session.send(&mut [Packet::new(Value::Int(0))].into(), 0, PATIENCE, NONE).expect("taken");
    let mut values = Vec::new();
    while values.len() < 4 {
        match session.receive(None, ALL) {
            Received::Outputs(outputs) => values.extend(outputs.iter().map(|output| (seen(output).0, begun.elapsed()))),
            Received::WouldBlock => assert!(!port.next(Some(PATIENCE)).events.is_empty(), "nothing comes back"),
            Received::End => panic!("it ended"),
        }
    }
    for (round, (value, after)) in (0..).zip(&values) {
        assert_eq!(*value, i64::from(round) + 1);
        assert!(*after >= Duration::from_millis(30) * round, "round {round} after {after:?}");
    }
    assert!(session.cancel());
}

#[test]
fn a_loop_ends_with_what_leads_into_it() {
    let runtime = runtime();
    for start in STARTS {
        for x in ["Pass", "Worker"] {
            let graph = looped(&runtime, x, r#""delay_ms": 20"#);
            let completion = run(&graph, start, (0..20).map(|value| Value::Int(value * 1_000_000)).collect());
            assert_eq!(completion.outcome, Outcome::Finished);
            let values = values_of(&completion, 0);
            let first_rounds: Vec<i64> = values.iter().copied().filter(|value| value % 1_000_000 == 1).collect();
            assert_eq!(first_rounds, (0..20).map(|value| value * 1_000_000 + 1).collect::<Vec<_>>(), "nothing is lost");
        }
    }
}

#[test]
fn a_full_loop_drops_its_oldest_and_holds_up_no_node() {
    let runtime = runtime();
    let graph = looped(&runtime, "Pass", r#""delay_ms": 60000, "buffer": {"packets": 2}"#);
    let port = Port::new(None);
    let session = graph.session(&port, 1, &SessionOptions::default()).expect("accepted");
    let mut packets: VecDeque<_> = (0..20).map(|value| Packet::new(Value::Int(value))).collect();
    session.send(&mut packets, 0, PATIENCE, NONE).expect("taken");
    assert!(packets.is_empty());
    let metrics = session.metrics();
    let back = metrics.edges.iter().find(|edge| edge.to == "x.in").expect("it has a queue");
    assert_eq!((&*back.from, back.waiting, back.dropped), ("y.out", 2, 18));
    assert_eq!((&*metrics.nodes[0].node, metrics.nodes[0].packets, metrics.nodes[0].waiting.packets), ("x", 20, 2));
    session.finish().expect("it goes on");
    let end = loop {
        if let Some(Event::Completed { completion, .. }) = port.next(Some(PATIENCE)).events.pop() {
            break completion;
        }
    };
    assert_eq!(end.outcome, Outcome::Finished, "it waits for nothing that is on its way back");
}

#[test]
fn an_interruption_of_either_end_clears_the_way_back() {
    let runtime = runtime();
    let graph = looped(&runtime, "Pass", r#""delay_ms": 60000"#);
    for (at, is_cleared) in [(Some("x"), true), (Some("y"), true), (Some("beside"), false), (None, true)] {
        let port = Port::new(None);
        let session = graph.session(&port, 1, &SessionOptions::default()).expect("accepted");
        session.send(&mut [Packet::new(Value::Int(0))].into(), 0, PATIENCE, NONE).expect("taken");
        let waiting = || session.metrics().edges.iter().map(|edge| edge.waiting).sum::<usize>();
        assert_eq!(waiting(), 1);
        match at {
            Some(at) => session.interrupt_at(at).expect("there is such a node"),
            None => session.interrupt(),
        }
        assert_eq!(waiting(), usize::from(!is_cleared), "{at:?}");
    }
}

#[test]
fn the_plan_shows_the_way_back_and_the_ends_are_those_without_it() {
    let plan = looped(&runtime(), "Pass", r#""delay_ms": 20, "buffer": {"ms": 100}"#).graph().describe();
    let back = &plan["connections"].as_array().expect("a list")[2..];
    let expected = serde_json::json!({
        "from": "y.out", "to": "x.in", "kind": "feedback", "delay_ms": 20, "buffer": {"ms": 100, "policy": "drop_oldest"},
    });
    assert_eq!(back, [expected]);
    assert_eq!(plan["inputs"], serde_json::json!([{"name": "", "to": ["x.in"]}]));
    assert_eq!(plan["outputs"][0], serde_json::json!({"name": "y", "from": "y.out"}));
}

#[test]
fn a_node_may_lead_back_to_itself() {
    let runtime = runtime();
    let manifest = r#"{"version": "v1", "nodes": [{"id": "n", "node_type": "Offset", "params": {"by": 1}}],
        "connections": [{"from": "n", "to": "n", "delay_ms": 100}]}"#;
    let graph = runtime.compile(manifest.as_bytes(), &HostNodes::new()).unwrap_or_else(|error| panic!("{error}"));
    let port = Port::new(None);
    let options = SessionOptions { clock: SessionClock::Virtual, ..SessionOptions::default() };
    let session = graph.session(&port, 1, &options).expect("accepted");
    let (outputs, _) = play(&session, &port, [at(0, 0), at(100, 250)].into(), PATIENCE);
    assert_eq!(outputs.iter().map(|output| seen(output).0).collect::<Vec<_>>(), [1, 2, 3, 101]);
}
