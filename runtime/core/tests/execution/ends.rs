//! Named inputs and outputs: what a host sends to which input, and what comes out where.

use std::collections::VecDeque;

use remotemedia_core::exec::{
    BufferOptions, CallEntry, HostCall, HostOutput, InputMetrics, Outcome, PipelineOptions, Received, Reply, Session,
    SessionClock, SessionOptions, SessionPacket, SubmitError, TakeLimit,
};
use remotemedia_core::value::Packet;
use serde_json::{Value as Json, json};

use super::*;

const ALL: TakeLimit = TakeLimit { packets: usize::MAX, bytes: usize::MAX };
const NONE: TakeLimit = TakeLimit { packets: 0, bytes: 0 };

/// Node types of the host: `two` has the inputs and outputs `a` and `b`, `slow` is replied to by the test.
const HOSTS: &str = r#"{"host_nodes": {
    "two": {"token": 1, "inputs": ["a", "b"], "outputs": ["a", "b"]},
    "slow": {"token": 2, "batch": 1}
}}"#;

fn graph(runtime: &Runtime, manifest: Json) -> Pipeline {
    let hosts = PipelineOptions::parse(HOSTS.as_bytes(), |_| ()).expect("valid options").host_nodes;
    let mut manifest = manifest;
    (manifest["version"], manifest["metadata"]) = ("v1".into(), json!({"name": "test"}));
    runtime.compile(manifest.to_string().as_bytes(), &hosts).unwrap_or_else(|error| panic!("{error}"))
}

fn node(id: &str, node_type: &str, params: Json) -> Json {
    json!({"id": id, "node_type": node_type, "params": params})
}

/// Two branches that join: `mic` at `m`, `reference` at `r` and `join`; a tap in the middle.
fn two_inputs() -> Json {
    json!({
        "nodes": [
            node("m", "Offset", json!({"by": 100})),
            node("r", "Hoard", json!({"packets": 1})),
            node("join", "Pass", json!({})),
            node("end", "Offset", json!({"by": 1000})),
        ],
        "connections": [{"from": "m", "to": "join"}, {"from": "r", "to": "join"}, {"from": "join", "to": "end"}],
        "inputs": {"mic": "m", "reference": ["r", "join"]},
        "outputs": {"all": "end", "tap": "m"},
    })
}

fn named(lists: &[(&str, &[i64])]) -> Inputs {
    let list = |values: &[i64]| values.iter().copied().map(Value::Int).collect();
    Inputs::Named(lists.iter().map(|(name, values)| ((*name).into(), list(values))).collect())
}

fn to(input: usize, values: std::ops::Range<i64>) -> VecDeque<SessionPacket> {
    values.map(|value| SessionPacket { packet: Packet::new(Value::Int(value)), input }).collect()
}

fn open(pipeline: &Pipeline, port: &Port, options: &SessionOptions) -> Session {
    pipeline.session(port, 1, options).unwrap_or_else(|error| panic!("{error}"))
}

fn with_buffer(packets: usize) -> SessionOptions {
    let buffer = BufferOptions { packets: Some(packets), ..BufferOptions::default() };
    SessionOptions { buffer, ..SessionOptions::default() }
}

/// The outputs until the session ends, as (place, value, seq); and its outcome.
fn rest(session: &Session, port: &Port) -> (Vec<(usize, i64, u64)>, Outcome) {
    session.finish().expect("it goes on");
    let (mut outputs, mut outcome) = (Vec::new(), None);
    loop {
        match session.receive(None, ALL) {
            Received::Outputs(taken) => outputs.extend(taken.iter().map(|output| match output.packet.value {
                Value::Int(value) => (output.place, value, output.packet.seq),
                ref other => panic!("expected an integer, got {other:?}"),
            })),
            Received::End => break,
            Received::WouldBlock => {
                for event in port.next(Some(PATIENCE)).events {
                    match event {
                        Event::Completed { completion, .. } => outcome = Some(completion.outcome),
                        Event::Call(call) => reply(port, &call),
                        _ => {}
                    }
                }
            }
        }
    }
    let completed = |event| match event {
        Event::Completed { completion, .. } => Some(completion.outcome),
        _ => None,
    };
    let outcome = outcome.or_else(|| port.next(Some(PATIENCE)).events.into_iter().find_map(completed));
    (outputs, outcome.expect("it is completed"))
}

/// Replies to a call of `two` or `slow`: what comes at one port leaves at the other.
fn reply(port: &Port, call: &HostCall) {
    let swaps = call.nodes[0].0 == 1;
    let entries = call.entries.iter().enumerate();
    let outputs = entries.filter_map(|(entry, each)| match each {
        CallEntry::Packet { packet, port, .. } => {
            let port = if swaps { 1 - *port } else { 0 };
            Some(HostOutput { entry, value: packet.value.clone(), pts: None, duration: None, port })
        }
        _ => None,
    });
    port.reply(call.id, Reply { outputs: outputs.collect(), is_final: true, failure: None }).expect("taken");
}

#[test]
fn an_item_is_a_value_of_each_input_and_ends_at_all_entries() {
    let runtime = runtime();
    let graph = graph(&runtime, two_inputs());
    for start in STARTS {
        let work = Submission {
            inputs: named(&[("reference", &[1, 2]), ("mic", &[3, 4])]),
            ..submission(1, start, Vec::new())
        };
        let completion = finish(&graph, work);
        let outputs: Vec<(&str, Vec<(u64, i64)>)> = completion
            .sinks
            .iter()
            .map(|sink| {
                let pair = |output: &remotemedia_core::exec::Output| match output.value {
                    Value::Int(value) => (output.item, value),
                    ref other => panic!("expected an integer, got {other:?}"),
                };
                (&*sink.sink, sink.outputs.iter().map(pair).collect())
            })
            .collect();
        // By item, then by path: the input at the node itself, then the connections.
        let all = vec![(0, 1001), (0, 1103), (0, 1001), (1, 1002), (1, 1104), (1, 1002)];
        assert_eq!(outputs, [("all", all), ("tap", vec![(0, 103), (1, 104)])]);
    }
}

#[test]
fn inputs_that_are_not_those_of_the_graph_are_refused() {
    let runtime = runtime();
    let (two, unnamed) = (graph(&runtime, two_inputs()), pipeline(&runtime, &[("a", "Pass", "")], &[]));
    let wanted = r#"pipeline 'test' has the inputs 'mic' and 'reference'; give a list for each: {"mic": [...], "reference": [...]}"#;
    let refused = |graph: &Pipeline, inputs: Inputs| match graph.execute(inputs, 0, None) {
        Err(SubmitError::Inputs(cause)) => cause,
        other => panic!("expected a refusal, got {other:?}"),
    };
    assert_eq!(refused(&two, Inputs::None), format!("inputs are missing: {wanted}"));
    assert_eq!(
        refused(&two, Inputs::List(integers(0..2))),
        format!("a list says nothing of where its values go: {wanted}")
    );
    assert_eq!(refused(&two, named(&[("mic", &[1])])), format!("the input 'reference' is missing: {wanted}"));
    assert_eq!(
        refused(&two, named(&[("mic", &[1]), ("refrence", &[1])])),
        "pipeline 'test' has no input 'refrence'; did you mean 'reference'?"
    );
    assert_eq!(
        refused(&two, named(&[("mic", &[1]), ("reference", &[1]), ("far", &[])])),
        "pipeline 'test' has no input 'far'; its inputs are 'mic' and 'reference'"
    );
    assert_eq!(
        refused(&two, named(&[("reference", &[1, 2]), ("mic", &[1])])),
        "the input 'mic' has 1 value, but 'reference' has 2 values; item i is the i-th value of each, so give lists of \
         one length"
    );
    assert_eq!(
        refused(&unnamed, named(&[("a", &[1])])),
        "the inputs are a map, but pipeline 'test' names no inputs; give a list"
    );
}

#[test]
fn one_named_input_takes_a_list_too() {
    let runtime = runtime();
    let graph = graph(
        &runtime,
        json!({"nodes": [node("a", "Pass", json!({})), node("b", "Source", json!({"count": 2}))], "inputs": {"x": "a"}}),
    );
    for inputs in [Inputs::List(integers(5..7)), named(&[("x", &[5, 6])])] {
        let completion = graph.execute(inputs, 0, None).expect("accepted");
        assert_eq!(values_of(&completion, 0), [5, 6]);
        assert_eq!(completion.sinks[1].outputs.iter().map(|output| output.item).max(), Some(1), "a source beside it");
    }
}

#[test]
fn both_ports_of_a_node_are_outputs_and_each_counts_for_itself() {
    let runtime = runtime();
    let manifest = json!({
        "nodes": [node("two", "two", json!({}))],
        "inputs": {"left": "two.a", "right": "two.b"},
        "outputs": {"right": "two.a", "left": "two.b", "again": "two.b"},
    });
    let graph = graph(&runtime, manifest);
    let port = Port::new(None);
    let session = open(&graph, &port, &SessionOptions::default());
    let mut packets = to(0, 1..3);
    packets.extend(to(1, 7..9));
    packets.extend(to(0, 3..4));
    assert_eq!(session.send(&mut packets, 0, Duration::ZERO, NONE).expect("taken").taken, 5);
    let (mut outputs, outcome) = rest(&session, &port);
    outputs.sort_unstable();
    let expected = [(0, 7, 0), (0, 8, 1), (1, 1, 0), (1, 2, 1), (1, 3, 2), (2, 1, 0), (2, 2, 1), (2, 3, 2)];
    assert_eq!((outputs, outcome), (expected.to_vec(), Outcome::Finished));
    // Of a one-shot, the same.
    let inputs = named(&[("left", &[1, 2]), ("right", &[7, 8])]);
    let submitted = graph.submit(&port, Submission { inputs, ..submission(2, Start::Workers, Vec::new()) });
    assert!(matches!(submitted, Ok(Submitted::Pending)));
    let completion = loop {
        match port.next(Some(PATIENCE)).events.pop() {
            Some(Event::Call(call)) => reply(&port, &call),
            Some(Event::Completed { completion, .. }) => break completion,
            other => panic!("unexpected {other:?}"),
        }
    };
    assert_eq!([0, 1, 2].map(|sink| values_of(&completion, sink)), [vec![7, 8], vec![1, 2], vec![1, 2]]);
    let seqs = |sink: usize| completion.sinks[sink].outputs.iter().map(|output| output.seq).collect::<Vec<_>>();
    assert_eq!([seqs(0), seqs(1), seqs(2)], [[0, 1], [0, 1], [0, 1]]);
}

#[test]
fn an_input_that_is_full_holds_up_no_other() {
    let runtime = runtime();
    let manifest = json!({
        "nodes": [node("a", "slow", json!({})), node("b", "Pass", json!({}))],
        "inputs": {"slow": "a", "fast": "b"},
    });
    let graph = graph(&runtime, manifest);
    let port = Port::new(None);
    let session = open(&graph, &port, &with_buffer(1));
    // One packet is with the host, one waits.
    let mut left = to(0, 0..1);
    session.send(&mut left, 0, PATIENCE, NONE).expect("taken");
    let Some(Event::Call(call)) = port.next(Some(PATIENCE)).events.pop() else { panic!("a call") };
    let mut left = to(0, 1..4);
    left.extend(to(1, 9..10));
    assert_eq!(session.send(&mut left, 0, PATIENCE, NONE).expect("taken").taken, 1, "in their order");
    let mut others = to(1, 5..7);
    let mut came = 0;
    while came < 2 {
        session.send(&mut others, 0, PATIENCE, NONE).expect("taken");
        while let Received::Outputs(outputs) = session.receive(None, ALL) {
            assert!(outputs.iter().all(|output| output.place == 1));
            came += outputs.len();
        }
    }
    let inputs = |waiting| {
        let input = |name: &str, sent, waiting| InputMetrics { name: name.into(), sent, waiting };
        vec![input("slow", 2, waiting), input("fast", 2, 0)]
    };
    assert_eq!(session.metrics().inputs, inputs(1));
    assert!(session.has_room().expect("it goes on"), "at one of them");
    reply(&port, &call);
    let mut has_room = false;
    while !has_room {
        // Its output has to be read before the next call is made.
        let _ = session.receive(None, ALL);
        let events = port.next(Some(PATIENCE)).events;
        assert!(!events.is_empty(), "nothing came");
        has_room = events.iter().any(|event| matches!(event, Event::Room { token: 1 }));
    }
    assert!(session.cancel());
    assert_eq!(session.metrics().inputs, inputs(0));
}

#[test]
fn a_packet_for_an_input_that_does_not_exist_takes_nothing() {
    let runtime = runtime();
    let graph = graph(&runtime, two_inputs());
    let port = Port::new(None);
    let session = open(&graph, &port, &SessionOptions::default());
    let mut packets = to(0, 0..1);
    packets.extend(to(2, 1..2));
    let refused = session.send(&mut packets, 0, PATIENCE, NONE).expect_err("refused");
    assert_eq!(refused.to_string(), "pipeline 'test' has 2 inputs, so there is none with number 2");
    assert_eq!((packets.len(), session.metrics().sent), (2, 0));
    assert!(session.cancel());
}

#[test]
fn a_session_hands_out_the_outputs_that_it_was_opened_for() {
    let runtime = runtime();
    let graph = graph(&runtime, two_inputs());
    let port = Port::new(None);
    let options = SessionOptions { outputs: vec!["tap".to_owned()], ..SessionOptions::default() };
    let session = open(&graph, &port, &options);
    assert_eq!((session.outputs(), &**session.output_name(0), session.input_count()), (&[1][..], "tap", 2));
    session.send(&mut to(0, 5..6), 0, PATIENCE, NONE).expect("taken");
    assert_eq!(rest(&session, &port).0, [(0, 105, 0)]);
    let options = SessionOptions { outputs: vec!["tab".to_owned()], ..SessionOptions::default() };
    let refused = graph.session(&port, 2, &options).expect_err("refused");
    assert_eq!(refused.to_string(), "'tab' is no output of pipeline 'test'; did you mean 'tap'?");
}

#[test]
fn flush_and_interrupt_concern_all_inputs() {
    let runtime = runtime();
    let manifest = json!({
        "nodes": [node("a", "Hoard", json!({"packets": 9})), node("b", "Hoard", json!({"packets": 9}))],
        "inputs": {"one": "a", "two": "b"},
    });
    let graph = graph(&runtime, manifest);
    for start in STARTS {
        let budget = if matches!(start, Start::Here) { PATIENCE } else { Duration::ZERO };
        let port = Port::new(None);
        let session = open(&graph, &port, &SessionOptions::default());
        let send = |packets| session.send(&mut { packets }, 0, budget, NONE).expect("taken");
        send(to(0, 1..2));
        send(to(1, 2..3));
        session.interrupt();
        send(to(0, 3..4));
        session.flush().expect("it goes on");
        send(to(1, 4..5));
        session.flush().expect("it goes on");
        let mut values = Vec::new();
        while values.len() < 2 {
            match session.receive(None, ALL) {
                Received::Outputs(outputs) => values.extend(outputs.iter().map(|output| output.packet.value.clone())),
                Received::WouldBlock => assert!(!port.next(Some(PATIENCE)).events.is_empty()),
                Received::End => panic!("it ended"),
            }
        }
        values.sort_unstable_by_key(|value| format!("{value:?}"));
        assert_eq!(values, [Value::Int(3), Value::Int(4)]);
        send(to(1, 5..6));
        assert_eq!(rest(&session, &port), (vec![(1, 5, 1)], Outcome::Finished));
    }
}

#[test]
fn packets_without_a_time_follow_those_of_their_input() {
    let runtime = runtime();
    let graph = graph(&runtime, two_inputs());
    let second = Duration::from_secs(1);
    for (seconds, outcome) in [(3, Outcome::Finished), (4, Outcome::TimedOut)] {
        let port = Port::new(None);
        let deadline = Some(second * 3 + second / 2);
        let options = SessionOptions { clock: SessionClock::Virtual, deadline, ..SessionOptions::default() };
        let session = open(&graph, &port, &options);
        let length = Some(second.as_nanos() as i64);
        let at = |input, value| SessionPacket { packet: Packet::new(Value::Int(value)).at(None, length), input };
        // So many seconds at each input: as long as one of them lasts, not both together.
        let mut left: VecDeque<_> = (0..seconds).flat_map(|value| [at(0, value), at(1, value)]).collect();
        let mut completion = None;
        while completion.is_none() {
            if session.send(&mut left, 0, PATIENCE, ALL).is_err() {
                left.clear();
            }
            if left.is_empty() {
                let _ = session.finish();
            }
            while let Received::Outputs(_) = session.receive(None, ALL) {}
            let events = port.next(Some(PATIENCE)).events;
            assert!(!events.is_empty(), "nothing came");
            completion = events.into_iter().find_map(|event| match event {
                Event::Completed { completion, .. } => Some(completion.outcome),
                _ => None,
            });
        }
        assert_eq!(completion, Some(outcome));
    }
}

#[test]
fn the_plan_shows_inputs_outputs_and_what_is_dropped() {
    let runtime = runtime();
    let mut manifest = two_inputs();
    manifest["outputs"] = json!({"tap": "m"});
    let plan = graph(&runtime, manifest).graph().describe();
    assert_eq!(
        plan["inputs"],
        json!([{"name": "mic", "to": ["m.in"]}, {"name": "reference", "to": ["r.in", "join.in"]}])
    );
    assert_eq!(plan["outputs"], json!([{"name": "tap", "from": "m.out"}]));
    let unread: Vec<_> = plan["nodes"].as_array().expect("nodes").iter().map(|node| &node["unread"]).collect();
    assert_eq!(unread, [&json!(null), &json!(null), &json!(null), &json!(["out"])]);
    let plan = pipeline(&runtime, &[("a", "Pass", ""), ("b", "Pass", "")], &[]).graph().describe();
    assert_eq!(plan["inputs"], json!([{"name": "", "to": ["a.in", "b.in"]}]));
    assert_eq!(plan["outputs"], json!([{"name": "a", "from": "a.out"}, {"name": "b", "from": "b.out"}]));
    let plan = pipeline(&runtime, &[("a", "Source", r#""count": 1"#)], &[]).graph().describe();
    assert_eq!((&plan["inputs"], &plan["outputs"][0]["name"]), (&json!([]), &json!("a")));
}
