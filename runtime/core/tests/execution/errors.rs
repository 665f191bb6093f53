//! `on_error`: the packet at which a node fails is dropped and reported, or tried again, and all others are processed.

use std::sync::atomic::Ordering;

use remotemedia_core::exec::{
    CallEntry, HostCall, HostFailure, HostOutput, Outcome, Received, Reply, RunError, SessionOptions, SkipReport,
    TakeLimit,
};
use remotemedia_core::manifest::HostNodeType;
use remotemedia_core::value::Packet;

use super::nodes::{LEDGERS, TRIPS};
use super::*;

/// A chain of nodes: id, type, params, and what an error means.
fn chain(runtime: &Runtime, nodes: &[(&str, &str, &str, &str)]) -> Pipeline {
    let hosts = [("host".to_owned(), HostNodeType::new(1, 10))].into();
    let list: Vec<String> = nodes
        .iter()
        .map(|(id, node_type, params, on_error)| {
            format!(r#"{{"id": "{id}", "node_type": "{node_type}", "params": {{{params}}}, "on_error": {on_error}}}"#)
        })
        .collect();
    let ways: Vec<String> =
        nodes.windows(2).map(|pair| format!(r#"{{"from": "{}", "to": "{}"}}"#, pair[0].0, pair[1].0)).collect();
    let manifest =
        format!(r#"{{"version": "v1", "nodes": [{}], "connections": [{}]}}"#, list.join(", "), ways.join(", "));
    runtime.compile(manifest.as_bytes(), &hosts).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a piece of work to its end, with `answer` for the nodes of the host; the errors that were reported on the way, and
/// which were the first of their node.
fn run_reporting(
    pipeline: &Pipeline,
    start: Start,
    inputs: impl Into<Option<Vec<Value>>>,
    answer: impl Fn(&HostCall) -> Reply,
) -> (Completion, Vec<(RunError, bool)>) {
    let port = Port::new(None);
    let mut reported = Vec::new();
    let work = Submission { inputs: inputs.into().into(), ..submission(1, start, Vec::new()) };
    let mut ended = match pipeline.submit(&port, work).expect("accepted") {
        Submitted::Finished(completion) => Some(completion),
        Submitted::Pending => None,
    };
    let mut patience = if ended.is_some() { Duration::ZERO } else { PATIENCE };
    loop {
        let events = port.next(Some(patience)).events;
        if events.is_empty() {
            return (ended.expect("it ends"), reported);
        }
        for event in events {
            match event {
                Event::Completed { completion, .. } => (ended, patience) = (Some(completion), Duration::ZERO),
                Event::Skipped { token: 1, error, is_first } => reported.push((error, is_first)),
                Event::Call(call) => {
                    port.reply(call.id, answer(&call)).expect("taken");
                }
                other => panic!("unexpected {other:?}"),
            }
        }
    }
}

fn no_host(call: &HostCall) -> Reply {
    panic!("unexpected {call:?}")
}

fn texts(errors: &[RunError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

fn passed(completion: &Completion) -> (Vec<String>, u64, u64) {
    let SkipReport { skipped, skips, retries } = &completion.skip_report;
    (texts(skipped), *skips, *retries)
}

#[test]
fn what_a_node_fails_at_is_skipped_and_everything_else_is_done() {
    let runtime = runtime();
    let graph = chain(
        &runtime,
        &[("trip", "Trip", r#""at": [1, 3], "steps": 1"#, r#""skip""#), ("all", "Pass", "", r#""fail""#)],
    );
    for start in STARTS {
        let (completion, reported) = run_reporting(&graph, start, integers(0..5), no_host);
        assert_eq!(completion.outcome, Outcome::Finished);
        // The instance that tripped is gone: the next packet is the first one of another.
        assert_eq!(integers_of(&completion), [11, 121, 211, 321, 411]);
        let errors =
            ["node 'trip' (Trip), input 1: it tripped over 1", "node 'trip' (Trip), input 3: it tripped over 3"];
        assert_eq!(passed(&completion), (errors.map(str::to_owned).into(), 2, 0));
        let reported: Vec<_> = reported.iter().map(|(error, is_first)| (error.to_string(), *is_first)).collect();
        assert_eq!(reported, [(errors[0].to_owned(), true), (errors[1].to_owned(), false)]);
    }
}

#[test]
fn the_end_of_an_item_goes_on_behind_what_was_skipped() {
    let runtime = runtime();
    for (node, skips) in [(r#""at": "process", "ledger": 40"#, 1), (r#""at": "flush", "ledger": 41"#, 5)] {
        let graph = chain(&runtime, &[("fail", "Fail", node, r#""skip""#), ("n", "Count", "", r#""fail""#)]);
        let (completion, _) = run_reporting(&graph, Start::Here, integers(0..5), no_host);
        let lost = i64::from(skips == 1);
        assert_eq!(integers_of(&completion), [1, 1001, 2001, 3001 - lost, 4001]);
        assert_eq!(completion.skip_report.skips, skips);
    }
    for ledger in &LEDGERS[40..=41] {
        let (initialized, cleaned) = (ledger.initialized.load(Ordering::SeqCst), ledger.cleaned.load(Ordering::SeqCst));
        assert_eq!(initialized, cleaned, "each instance is cleaned up once");
    }
}

#[test]
fn a_panic_fails_the_work_whatever_the_manifest_says() {
    let runtime = runtime();
    for (ledger, on_error) in [(42, r#""skip""#), (43, r#"{"retry": {"times": 3, "then": "skip"}}"#)] {
        let params = format!(r#""at": "process", "panics": true, "ledger": {ledger}"#);
        let graph = chain(&runtime, &[("fail", "Fail", &params, on_error)]);
        let completion = run(&graph, Start::Here, integers(0..5));
        assert_eq!(completion.outcome, Outcome::Panicked);
        assert_eq!(passed(&completion), (Vec::new(), 0, 0));
    }
}

#[test]
fn an_error_of_initialize_fails_the_work_whatever_the_manifest_says() {
    let runtime = runtime();
    let graph = chain(&runtime, &[("fail", "Fail", r#""at": "initialize", "ledger": 44"#, r#""skip""#)]);
    let completion = run(&graph, Start::Here, integers(0..5));
    assert_eq!(message_of(&completion), "node 'fail' (Fail), input 0: it was told to fail. Tell it not to.");
}

#[test]
fn a_hundred_errors_are_kept_and_all_are_counted() {
    let runtime = runtime();
    let graph = chain(&runtime, &[("trip", "Trip", r#""at": [7]"#, r#""skip""#)]);
    let (completion, reported) = run_reporting(&graph, Start::Workers, vec![Value::Int(7); 250], no_host);
    assert_eq!((completion.skip_report.skipped.len(), completion.skip_report.skips, reported.len()), (100, 250, 100));
}

#[test]
fn a_node_that_tries_again_repeats_nothing_that_left_it() {
    let runtime = runtime();
    let params = r#""at": [1], "steps": 2, "times": 3, "ledger": 1"#;
    let on_error = r#"{"retry": {"times": 3, "backoff_ms": 1}}"#;
    let graph = chain(&runtime, &[("trip", "Trip", params, on_error), ("all", "Pass", "", r#""fail""#)]);
    for start in STARTS {
        TRIPS[1].store(0, Ordering::SeqCst);
        let (completion, reported) = run_reporting(&graph, start, integers(0..3), no_host);
        assert_eq!(integers_of(&completion), [11, 12, 121, 122, 221, 222]);
        assert_eq!((passed(&completion), reported.len()), ((Vec::new(), 0, 3), 0));
    }
}

#[test]
fn a_node_that_has_tried_often_enough_fails_or_skips() {
    let runtime = runtime();
    let fails = r#"{"retry": {"times": 2, "backoff_ms": 0}}"#;
    let graph = chain(&runtime, &[("trip", "Trip", r#""at": [1]"#, fails)]);
    let (completion, _) = run_reporting(&graph, Start::Here, integers(0..3), no_host);
    assert_eq!(message_of(&completion), "node 'trip' (Trip), input 1: it tripped over 1 (tried 3 times)");
    assert_eq!(passed(&completion), (Vec::new(), 0, 2));
    let skips = r#"{"retry": {"times": 2, "backoff_ms": 0, "then": "skip"}}"#;
    let graph = chain(&runtime, &[("trip", "Trip", r#""at": [1], "steps": 1"#, skips)]);
    let (completion, _) = run_reporting(&graph, Start::Here, integers(0..3), no_host);
    assert_eq!(integers_of(&completion), [11, 121, 211]);
    let error = "node 'trip' (Trip), input 1: it tripped over 1 (tried 3 times)";
    assert_eq!(passed(&completion), (vec![error.to_owned()], 1, 2));
}

#[test]
fn what_fails_at_the_end_of_an_item_is_not_tried_again() {
    let runtime = runtime();
    let on_error = r#"{"retry": {"times": 2, "backoff_ms": 0}}"#;
    let graph = chain(&runtime, &[("fail", "Fail", r#""at": "flush", "ledger": 45"#, on_error)]);
    let completion = run(&graph, Start::Here, integers(0..5));
    assert_eq!(message_of(&completion), "node 'fail' (Fail), input 0: it was told to fail. Tell it not to.");
    assert_eq!(completion.skip_report.retries, 0);
}

#[test]
fn a_source_that_fails_goes_on_with_its_next_item_and_does_not_try_again() {
    let runtime = runtime();
    for on_error in [r#""skip""#, r#"{"retry": {"times": 2, "then": "skip"}}"#] {
        let graph = chain(&runtime, &[("spring", "Spring", "", on_error), ("n", "Count", "", r#""fail""#)]);
        let (completion, _) = run_reporting(&graph, Start::Workers, None, no_host);
        assert_eq!(integers_of(&completion), [2, 1005]);
        let errors = vec!["node 'spring' (Spring), input 0: it dried up".to_owned()];
        assert_eq!(passed(&completion), (errors, 1, 0));
    }
}

#[test]
fn waiting_for_another_try_holds_no_worker_and_ends_with_the_work() {
    let runtime = Runtime::new(Config::parse(br#"{"workers": 1}"#).expect("a valid config"), nodes::registry());
    let on_error = r#"{"retry": {"times": 1, "backoff_ms": 3600000}}"#;
    let waiting = chain(&runtime, &[("trip", "Trip", r#""at": [1], "ledger": 4"#, on_error)]);
    let port = Port::new(None);
    waiting.submit(&port, submission(1, Start::Workers, integers(0..3))).expect("accepted");
    while TRIPS[4].load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    let other = chain(&runtime, &[("pass", "Pass", "", r#""fail""#)]);
    assert_eq!(integers_of(&run(&other, Start::Workers, integers(0..3))), [0, 1, 2]);
    assert!(port.cancel(1));
    assert_eq!(completion_of(&port, 1).outcome, Outcome::Cancelled);
    assert!(runtime.shut_down(PATIENCE));
}

#[test]
fn an_interrupted_session_does_not_wait_for_another_try() {
    let runtime = runtime();
    let on_error = r#"{"retry": {"times": 1, "backoff_ms": 3600000}}"#;
    let graph = chain(&runtime, &[("trip", "Trip", r#""at": [1], "steps": 1, "ledger": 5"#, on_error)]);
    let port = Port::new(None);
    let session = graph.session(&port, 1, &SessionOptions::default()).expect("accepted");
    let all = TakeLimit { packets: usize::MAX, bytes: usize::MAX };
    let send = |value| {
        let mut packets = [Packet::new(Value::Int(value))].into();
        session.send(&mut packets, 0, Duration::ZERO, TakeLimit { packets: 0, bytes: 0 }).expect("taken");
    };
    send(1);
    while session.metrics().nodes[0].retried == 0 {
        std::thread::yield_now();
    }
    session.interrupt();
    send(2);
    session.finish().expect("it goes on");
    let mut values = Vec::new();
    loop {
        match session.receive(None, all) {
            Received::Outputs(outputs) => values.extend(outputs.into_iter().map(|output| output.packet.value)),
            Received::End => break,
            Received::WouldBlock => assert!(!port.next(Some(PATIENCE)).events.is_empty(), "it ends"),
        }
    }
    assert_eq!(values, [Value::Int(211)]);
}

/// What the replaced instance held is lost, so what comes next may not follow; in another item nothing is to be followed.
#[test]
fn the_first_packet_of_a_new_instance_is_marked() {
    let runtime = runtime();
    let graph = chain(&runtime, &[("trip", "Trip", r#""at": [2, 4], "steps": 1"#, r#""skip""#)]);
    let port = Port::new(None);
    let session = graph.session(&port, 1, &SessionOptions::default()).expect("accepted");
    let none = TakeLimit { packets: 0, bytes: 0 };
    for values in [0..5, 5..7] {
        let mut packets = values.map(|value| Packet::new(Value::Int(value))).collect();
        session.send(&mut packets, 0, PATIENCE, none).expect("taken");
        session.flush().expect("it goes on");
    }
    session.finish().expect("it goes on");
    let mut marked = Vec::new();
    loop {
        match session.receive(None, TakeLimit { packets: usize::MAX, bytes: usize::MAX }) {
            Received::Outputs(outputs) => marked.extend(outputs.iter().map(|output| output.packet.discontinuity)),
            Received::End => break,
            Received::WouldBlock => drop(port.next(Some(PATIENCE))),
        }
    }
    assert_eq!(marked, [false, false, false, true, false, false, false]);
}

#[test]
fn a_session_counts_what_it_skips_and_tries_again() {
    let runtime = runtime();
    let on_error = r#"{"retry": {"times": 2, "backoff_ms": 0, "then": "skip"}}"#;
    let graph = chain(&runtime, &[("trip", "Trip", r#""at": [1], "steps": 1"#, on_error)]);
    let port = Port::new(None);
    let session = graph.session(&port, 1, &SessionOptions::default()).expect("accepted");
    let all = TakeLimit { packets: usize::MAX, bytes: usize::MAX };
    let mut packets = (0..3).map(|value| Packet::new(Value::Int(value))).collect();
    let sent = session.send(&mut packets, 0, PATIENCE, all).expect("taken");
    assert_eq!(sent.outputs.len(), 3);
    let metrics = session.metrics();
    let node = &metrics.nodes[0];
    assert_eq!((node.packets, node.errors, node.skipped, node.retried), (5, 3, 1, 2));
    session.finish().expect("it goes on");
    let mut reported = Vec::new();
    let completion = loop {
        match port.next(Some(PATIENCE)).events.pop().expect("it ends") {
            Event::Completed { completion, .. } => break completion,
            other => reported.push(other),
        }
    };
    assert_eq!(
        (completion.outcome, completion.skip_report.skips, completion.skip_report.retries),
        (Outcome::Finished, 1, 2)
    );
}

fn output(entry: usize, value: i64) -> HostOutput {
    HostOutput { entry, value: Value::Int(value), pts: None, duration: None, port: 0 }
}

/// Replies as a host that emits each value twice, and fails at the values that `fails` selects, after the first emission.
fn twice(call: &HostCall, mut fails: impl FnMut(i64) -> bool) -> Reply {
    let mut outputs = Vec::new();
    for (entry, packet) in call.entries.iter().enumerate() {
        let CallEntry::Packet { packet, .. } = packet else { panic!("expected a packet, got {packet:?}") };
        let value = integer(packet);
        outputs.push(output(entry, value * 10));
        if fails(value) {
            let message = format!("ValueError: {value}");
            let failure = Some(HostFailure {
                entry,
                node: 0,
                pts: None,
                message,
                chain: Vec::new(),
                token: None,
                ends_run: false,
            });
            return Reply { outputs, is_final: true, failure };
        }
        outputs.push(output(entry, value * 10 + 1));
    }
    Reply { outputs, is_final: true, failure: None }
}

fn integer(packet: &Packet) -> i64 {
    match packet.value {
        Value::Int(value) => value,
        ref other => panic!("expected an integer, got {other:?}"),
    }
}

#[test]
fn an_entry_that_the_host_fails_at_is_skipped_and_the_others_of_its_batch_are_not() {
    let runtime = runtime();
    let graph = chain(&runtime, &[("mine", "host", "", r#""skip""#), ("all", "Pass", "", r#""fail""#)]);
    for start in STARTS {
        let (completion, reported) =
            run_reporting(&graph, start, integers(0..5), |call| twice(call, |value| value == 1 || value == 4));
        assert_eq!(integers_of(&completion), [0, 1, 10, 20, 21, 30, 31, 40]);
        let errors = ["node 'mine' (host), input 1: ValueError: 1", "node 'mine' (host), input 4: ValueError: 4"];
        assert_eq!(passed(&completion), (errors.map(str::to_owned).into(), 2, 0));
        assert_eq!(reported.iter().map(|(_, is_first)| *is_first).collect::<Vec<_>>(), [true, false]);
    }
}

#[test]
fn an_entry_that_the_host_fails_at_is_tried_again_in_its_place() {
    let runtime = runtime();
    let on_error = r#"{"retry": {"times": 2, "backoff_ms": 1}}"#;
    let graph = chain(&runtime, &[("mine", "host", "", on_error), ("n", "Count", "", r#""fail""#)]);
    for start in STARTS {
        let failures = std::cell::RefCell::new(std::collections::HashMap::<i64, u32>::new());
        let (completion, _) = run_reporting(&graph, start, integers(0..6), |call| {
            twice(call, |value| {
                let mut failures = failures.borrow_mut();
                let failed = failures.entry(value).or_default();
                *failed += 1;
                value % 2 == 1 && *failed <= 2
            })
        });
        assert_eq!(integers_of(&completion), [2, 1002, 2002, 3002, 4002, 5002], "each once, behind its item's END");
        assert_eq!(passed(&completion), (Vec::new(), 0, 6));
    }
}

#[test]
fn what_comes_back_unanswered_counts_as_taken_once_and_each_try_of_what_failed() {
    let runtime = runtime();
    let graph = chain(&runtime, &[("mine", "host", "", r#"{"retry": {"times": 2, "backoff_ms": 0}}"#)]);
    let port = Port::new(None);
    let session = graph.session(&port, 1, &SessionOptions::default()).expect("accepted");
    let mut packets = (0..4).map(|value| Packet::new(Value::Int(value))).collect();
    session.send(&mut packets, 0, Duration::ZERO, TakeLimit { packets: 0, bytes: 0 }).expect("taken");
    session.finish().expect("it goes on");
    let mut calls = Vec::new();
    loop {
        match port.next(Some(PATIENCE)).events.pop().expect("it ends") {
            Event::Call(call) => {
                let tries = calls.len();
                port.reply(call.id, twice(&call, |value| value == 0 && tries < 2)).expect("taken");
                calls.push(call.packets());
            }
            Event::Completed { completion, .. } => break assert_eq!(completion.outcome, Outcome::Finished),
            _ => {}
        }
    }
    assert_eq!(calls, [4, 4, 4]);
    let node = &session.metrics().nodes[0];
    assert_eq!((node.packets, node.errors, node.retried), (6, 2, 2));
}

#[test]
fn a_host_that_was_tried_often_enough_fails_the_work() {
    let runtime = runtime();
    let graph = chain(&runtime, &[("mine", "host", "", r#"{"retry": {"times": 2, "backoff_ms": 0}}"#)]);
    let (completion, _) = run_reporting(&graph, Start::Here, integers(0..3), |call| twice(call, |value| value == 1));
    assert_eq!(message_of(&completion), "node 'mine' (host), input 1: ValueError: 1 (tried 3 times)");
    assert_eq!(values_of(&completion, 0), [0, 1, 10]);
}

#[test]
fn a_node_of_the_host_that_tries_again_does_not_repeat_the_one_before_it() {
    let runtime = runtime();
    let again = r#"{"retry": {"times": 1, "backoff_ms": 0}}"#;
    let graph = chain(&runtime, &[("a", "host", "", r#""fail""#), ("b", "host", "", again)]);
    let calls = std::cell::RefCell::new(Vec::new());
    let (completion, _) = run_reporting(&graph, Start::Here, integers(0..1), |call| {
        let names: Vec<String> = call.nodes.iter().map(|(_, id)| id.to_string()).collect();
        calls.borrow_mut().push(names.join("+"));
        let tries = calls.borrow().iter().filter(|call| *call == "b").count();
        twice(call, |_| tries == 1)
    });
    assert_eq!(calls.into_inner(), ["a", "b", "b"]);
    assert_eq!(integers_of(&completion), [0, 1, 10, 11]);
}

#[test]
fn nodes_of_the_host_share_a_call_where_an_error_of_each_ends_the_work() {
    let runtime = runtime();
    let again = r#"{"retry": {"times": 2, "backoff_ms": 0}}"#;
    for on_error in [r#""fail""#, r#""skip""#, again] {
        let nodes = [("a", r#""fail""#), ("b", on_error), ("c", r#""fail""#), ("d", r#""fail""#)];
        let graph = chain(&runtime, &nodes.map(|(id, on_error)| (id, "host", "", on_error)));
        let stages: Vec<usize> = graph.graph().stages.iter().map(|stage| stage.links.len()).collect();
        assert_eq!(stages, if on_error == r#""fail""# { vec![4] } else { vec![1, 1, 2] }, "{on_error}");
    }
}
