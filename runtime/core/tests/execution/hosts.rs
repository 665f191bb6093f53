//! Nodes that the host runs: calls go out in batches, replies come back in order.

use std::sync::{Arc, OnceLock};

use remotemedia_core::exec::{
    CallEntry, HostCall, HostFailure, HostOutput, Notifier, Outcome, PipelineOptions, Reply, ReplyError, WeakPort,
};
use remotemedia_core::manifest::HostNodeType;
use remotemedia_core::value::Packet;

use super::*;

fn hosts(batch: usize) -> HostNodes {
    [("double".to_owned(), HostNodeType::new(11, batch)), ("drop_odd".to_owned(), HostNodeType::new(12, batch))].into()
}

/// Serves calls as a host would until the work is done; returns the completion and the sizes of the calls.
fn serve(port: &Port, answer: impl Fn(&HostCall) -> Reply) -> (Completion, Vec<usize>) {
    let mut sizes = Vec::new();
    loop {
        let batch = port.next(Some(PATIENCE));
        assert!(!batch.events.is_empty(), "nothing came");
        for event in batch.events {
            match event {
                Event::Completed { completion, .. } => return (completion, sizes),
                Event::Call(call) => {
                    sizes.push(call.entries.len());
                    port.reply(call.id, answer(&call)).expect("taken");
                }
                other => panic!("unexpected {other:?}"),
            }
        }
    }
}

fn integer(call: &HostCall, entry: usize) -> i64 {
    match &call.entries[entry] {
        CallEntry::Packet { packet: Packet { value: Value::Int(value), .. }, .. } => *value,
        other => panic!("expected an integer, got {other:?}"),
    }
}

fn output(entry: usize, value: i64) -> HostOutput {
    HostOutput { entry, value: Value::Int(value), pts: None, duration: None, port: 0 }
}

/// Runs the chain that a call names: doubles, and drops what is odd.
fn answer(call: &HostCall) -> Reply {
    let mut outputs = Vec::new();
    for entry in 0..call.entries.len() {
        let mut value = Some(integer(call, entry));
        for (token, _) in &call.nodes {
            value = match token {
                11 => value.map(|value| value * 2),
                12 => value.filter(|value| value % 2 == 0),
                other => panic!("unexpected node {other}"),
            };
        }
        outputs.extend(value.map(|value| output(entry, value)));
    }
    Reply { outputs, is_final: true, failure: None }
}

#[test]
fn batches_go_out_and_order_is_kept() {
    let runtime = runtime();
    let graph = compile(
        &runtime,
        &[("in", "Pass", ""), ("host", "double", ""), ("out", "Count", ""), ("all", "Pass", "")],
        &[("in", "host"), ("host", "out"), ("host", "all")],
        &hosts(8),
    );
    for start in STARTS {
        let port = Port::new(None);
        graph.submit(&port, submission(1, start, integers(0..100))).expect("accepted");
        let (completion, sizes) = serve(&port, answer);
        assert_eq!(values_of(&completion, 0), (0..100).map(|item| item * 1000 + 1).collect::<Vec<_>>());
        assert_eq!(values_of(&completion, 1), (0..100).map(|item| item * 2).collect::<Vec<_>>());
        assert_eq!(sizes.iter().sum::<usize>(), 100);
        assert!(sizes.iter().all(|&size| size <= 8), "{sizes:?}");
        assert!(sizes.len() <= 40, "batches are used: {sizes:?}");
    }
}

#[test]
fn adjacent_host_nodes_are_one_call() {
    let runtime = runtime();
    let graph = compile(&runtime, &[("a", "drop_odd", ""), ("b", "double", "")], &[("a", "b")], &hosts(100));
    let port = Port::new(None);
    graph.submit(&port, submission(1, Start::Here, integers(0..10))).expect("accepted");
    let (completion, sizes) = serve(&port, |call| {
        let ids: Vec<&str> = call.nodes.iter().map(|(_, id)| &**id).collect();
        assert_eq!(ids, ["a", "b"]);
        answer(call)
    });
    assert_eq!(integers_of(&completion), [0, 4, 8, 12, 16]);
    let seqs: Vec<u64> = completion.sinks[0].outputs.iter().map(|output| output.seq).collect();
    assert_eq!(seqs, [0, 1, 2, 3, 4], "what the stage emitted is counted");
    assert_eq!(sizes, [10]);
}

#[test]
fn an_answer_may_come_in_parts() {
    let runtime = runtime();
    let graph = compile(&runtime, &[("host", "double", ""), ("n", "Count", "")], &[("host", "n")], &hosts(4));
    let port = Port::new(None);
    graph.submit(&port, submission(1, Start::Here, integers(0..4))).expect("accepted");
    let batch = port.next(Some(PATIENCE));
    let [Event::Call(call)] = &batch.events[..] else { panic!("unexpected {batch:?}") };
    let part = |entries: &[usize], is_final| Reply {
        outputs: entries.iter().map(|&entry| output(entry, 0)).collect(),
        is_final,
        failure: None,
    };
    port.reply(call.id, part(&[0, 0, 1], false)).expect("taken");
    port.reply(call.id, part(&[1, 3], false)).expect("taken");
    assert_eq!(
        port.reply(call.id, part(&[2], false)),
        Err(ReplyError::OutOfOrder { output: 0, entry: 2, previous: 3 })
    );
    port.reply(call.id, part(&[3], true)).expect("taken");
    let late = port.reply(call.id, part(&[3], true)).expect_err("over");
    assert_eq!(late.to_string(), format!("call {} is over: its work has ended or it was answered before", call.id));
    assert_eq!(integers_of(&completion_of(&port, 1)), [2, 1002, 2000, 3002]);
}

#[test]
fn who_answers_takes_the_next_call_along_if_it_is_there() {
    let runtime = runtime();
    let graph = compile(&runtime, &[("host", "double", "")], &[], &hosts(4));
    let port = Port::new(None);
    graph.submit(&port, submission(1, Start::Here, integers(0..10))).expect("accepted");
    let mut batch = port.next(Some(PATIENCE));
    let Some(Event::Call(mut call)) = batch.events.pop() else { panic!("unexpected {batch:?}") };
    let mut sizes = vec![call.packets()];
    while let (_, Some(next)) = port.reply_for_next(call.id, answer(&call)).expect("taken") {
        sizes.push(next.packets());
        call = next;
    }
    assert_eq!(sizes, [4, 4, 2]);
    let batch = port.next(Some(PATIENCE));
    let [Event::Completed { completion, .. }] = &batch.events[..] else { panic!("unexpected {batch:?}") };
    assert_eq!(integers_of(completion), (0..10).map(|item| 2 * item).collect::<Vec<_>>());
}

#[test]
fn a_part_of_an_answer_brings_no_call_along_and_the_next_one_is_told_of_where_nobody_takes_it() {
    let runtime = runtime();
    let graph = compile(&runtime, &[("host", "double", "")], &[], &hosts(1));
    let port = Port::new(None);
    graph.submit(&port, submission(1, Start::Here, integers(0..3))).expect("accepted");
    let take = || match port.next(Some(PATIENCE)).events.pop() {
        Some(Event::Call(call)) => call,
        other => panic!("unexpected {other:?}"),
    };
    let first = take();
    let part = Reply { outputs: Vec::new(), is_final: false, failure: None };
    assert!(port.reply_for_next(first.id, part).expect("taken").1.is_none());
    port.reply(first.id, answer(&first)).expect("taken");
    let second = take();
    let (_, third) = port.reply_for_next(second.id, answer(&second)).expect("taken");
    let third = third.expect("it is there");
    assert_eq!(third.first().map(|(item, _)| item), Some(2));
    port.reply(third.id, answer(&third)).expect("taken");
    assert_eq!(integers_of(&completion_of(&port, 1)), [0, 2, 4]);
}

#[test]
fn a_call_that_was_taken_along_ends_with_its_work() {
    let runtime = runtime();
    let graph = compile(&runtime, &[("host", "double", "")], &[], &hosts(1));
    let port = Port::new(None);
    graph.submit(&port, submission(1, Start::Here, integers(0..3))).expect("accepted");
    let mut batch = port.next(Some(PATIENCE));
    let Some(Event::Call(first)) = batch.events.pop() else { panic!("unexpected {batch:?}") };
    let (_, next) = port.reply_for_next(first.id, answer(&first)).expect("taken");
    let next = next.expect("it is there");
    assert!(port.cancel(1));
    assert_eq!(port.reply_for_next(next.id, answer(&next)).err(), Some(ReplyError::Gone { call: next.id }));
}

/// Node types of the host: `split` has the outputs `low` and `high`, `join` the inputs `left` and `right`.
fn with_ports() -> HostNodes {
    let declared = br#"{"host_nodes": {"split": {"token": 21, "outputs": ["low", "high"]},
        "join": {"token": 22, "inputs": ["left", "right"]}}}"#;
    PipelineOptions::parse(declared, |_| ()).expect("good").host_nodes
}

#[test]
fn ports_of_the_host_lead_values_apart_and_tell_where_they_came() {
    let runtime = runtime();
    let graph = compile(
        &runtime,
        &[("split", "split", ""), ("join", "join", "")],
        &[("split.high", "join.right"), ("split", "join")],
        &with_ports(),
    );
    assert_eq!(graph.graph().stages.len(), 2, "nodes with ports at both ends share no call");
    let port = Port::new(None);
    graph.submit(&port, submission(1, Start::Here, integers(0..10))).expect("accepted");
    let (completion, _) = serve(&port, |call| {
        let is_split = call.nodes[0].0 == 21;
        let outputs = call.entries.iter().enumerate().map(|(entry, each)| {
            let CallEntry::Packet { packet: Packet { value: Value::Int(value), .. }, port, .. } = each else {
                panic!("unexpected {each:?}")
            };
            match is_split {
                true => HostOutput { port: usize::from(*value >= 5), ..output(entry, *value) },
                false => output(entry, 100 * *port as i64 + value),
            }
        });
        Reply { outputs: outputs.collect(), is_final: true, failure: None }
    });
    let mut values = integers_of(&completion);
    values.sort_unstable();
    assert_eq!(values, [0, 1, 2, 3, 4, 105, 106, 107, 108, 109]);
}

#[test]
fn a_port_that_the_last_node_does_not_have_is_refused() {
    let runtime = runtime();
    let graph = compile(&runtime, &[("split", "split", "")], &[], &with_ports());
    let port = Port::new(None);
    graph.submit(&port, submission(1, Start::Here, integers(0..1))).expect("accepted");
    let batch = port.next(Some(PATIENCE));
    let [Event::Call(call)] = &batch.events[..] else { panic!("unexpected {batch:?}") };
    let reply = Reply { outputs: vec![HostOutput { port: 2, ..output(0, 1) }], is_final: true, failure: None };
    assert_eq!(
        port.reply(call.id, reply).expect_err("refused").to_string(),
        "outputs[0] comes at port 2, the last node of the call has 2, counted from 0"
    );
}

#[test]
fn answers_that_name_what_the_call_does_not_have_are_refused_and_can_be_mended() {
    let runtime = runtime();
    let graph = compile(&runtime, &[("host", "double", "")], &[], &hosts(4));
    let port = Port::new(None);
    graph.submit(&port, submission(1, Start::Here, integers(0..2))).expect("accepted");
    let batch = port.next(Some(PATIENCE));
    let [Event::Call(call)] = &batch.events[..] else { panic!("unexpected {batch:?}") };
    let reply = |outputs, failure| Reply { outputs, is_final: true, failure };
    let refusal = |reply| port.reply(call.id, reply).expect_err("refused").to_string();
    assert_eq!(refusal(reply(vec![output(2, 0)], None)), "outputs[0] answers entry 2, the call has 2");
    assert_eq!(
        refusal(reply(vec![output(1, 0), output(0, 0)], None)),
        "outputs[1] answers entry 0 after entry 1; answer the entries in their order"
    );
    let failure = HostFailure {
        entry: 0,
        node: 1,
        pts: None,
        message: String::new(),
        chain: Vec::new(),
        token: None,
        ends_run: false,
    };
    assert_eq!(
        refusal(reply(Vec::new(), Some(failure))),
        "the error names node 1 of entry 0, the call has 1 nodes and 2 entries"
    );
    port.reply(call.id, reply(vec![output(0, 5)], None)).expect("taken");
    assert_eq!(integers_of(&completion_of(&port, 1)), [5]);
}

#[test]
fn an_exception_of_the_host_names_its_node_and_item_and_what_came_before_is_kept() {
    let runtime = runtime();
    let graph = compile(&runtime, &[("a", "double", ""), ("b", "drop_odd", "")], &[("a", "b")], &hosts(10));
    let port = Port::new(None);
    graph.submit(&port, submission(1, Start::Here, integers(0..5))).expect("accepted");
    let (completion, _) = serve(&port, |_| Reply {
        outputs: vec![output(0, 0), output(1, 2)],
        is_final: true,
        failure: Some(HostFailure {
            entry: 2,
            node: 1,
            pts: Some(3_000_000_000),
            message: "ValueError: no".to_owned(),
            chain: vec!["KeyError: 'x'".to_owned()],
            token: None,
            ends_run: false,
        }),
    });
    assert_eq!(completion.outcome, Outcome::Failed);
    assert_eq!(message_of(&completion), "node 'b' (drop_odd), input 2 at 00:00:03.000: ValueError: no");
    assert_eq!(completion.errors[0].chain, ["KeyError: 'x'"]);
    assert_eq!(values_of(&completion, 0), [0, 2]);
}

#[test]
fn a_late_answer_after_a_cancel_is_refused() {
    let runtime = runtime();
    let graph = compile(&runtime, &[("host", "double", "")], &[], &hosts(4));
    let port = Port::new(None);
    graph.submit(&port, submission(1, Start::Here, integers(0..2))).expect("accepted");
    let batch = port.next(Some(PATIENCE));
    let [Event::Call(call)] = &batch.events[..] else { panic!("unexpected {batch:?}") };
    assert!(port.cancel(1));
    let events = port.next(Some(PATIENCE)).events;
    let [Event::CallCancelled { call: over }, Event::Completed { token: 1, completion }] = &events[..] else {
        panic!("unexpected {events:?}")
    };
    assert_eq!((*over, completion.outcome), (call.id, Outcome::Cancelled), "the call is over before its work");
    assert_eq!(port.reply(call.id, answer(call)), Err(ReplyError::Gone { call: call.id }));
    assert!(runtime.shut_down(PATIENCE));
}

/// The message of a run over these nodes whose host never replies, without its seconds.
fn timed_out(nodes: &[(&str, &str, &str)], connections: &[(&str, &str)], batch: usize, inputs: i64) -> String {
    let runtime = runtime();
    let graph = compile(&runtime, nodes, connections, &hosts(batch));
    let port = Port::new(None);
    let timeout = Some(Duration::from_millis(5));
    graph.submit(&port, Submission { timeout, ..submission(1, Start::Here, integers(0..inputs)) }).expect("accepted");
    loop {
        for event in port.next(Some(PATIENCE)).events {
            if let Event::Completed { completion, .. } = event {
                assert_eq!(completion.outcome, Outcome::TimedOut);
                let message = message_of(&completion);
                let (cause, seconds) = message.rsplit_once(" for ").expect("it says for how long");
                assert!(seconds.ends_with(" s. Allow more time, or give it less to do."), "{message}");
                return cause.to_owned();
            }
        }
    }
}

#[test]
fn a_timeout_names_the_nodes_of_the_host_that_are_at_work_and_their_inputs() {
    let one = &[("a", "Pass", ""), ("mine", "double", "")];
    let links = &[("a", "mine")];
    assert_eq!(timed_out(one, links, 4, 1), "timed out after 0.005 s: node 'mine' (double) has worked on input 0");
    let several = timed_out(&one[1..], &[], 4, 3);
    assert_eq!(several, "timed out after 0.005 s: node 'mine' (double) has worked on inputs 0 to 2");
    let chain = &[("mine", "double", ""), ("yours", "drop_odd", "")];
    let chained = timed_out(chain, &[("mine", "yours")], 4, 1);
    assert_eq!(chained, "timed out after 0.005 s: nodes 'mine' to 'yours' have worked on input 0");
}

/// Cancels the work of a port by the first event there, and notes whether there was any.
#[derive(Clone, Default)]
struct CancelsAtOnce {
    port: Arc<OnceLock<WeakPort>>,
    has_cancelled: Arc<OnceLock<bool>>,
}

impl Notifier for CancelsAtOnce {
    fn notify(&self) {
        let port = self.port.get().and_then(WeakPort::upgrade).expect("the port is there");
        self.has_cancelled.get_or_init(|| port.progress(1).is_some() && port.cancel(1));
    }

    fn clear(&self) {}
}

/// A host that can make no reply cancels the work; its call comes while the thread that submits is still at work.
#[test]
fn work_may_be_cancelled_from_its_first_call_on() {
    let runtime = runtime();
    let graph = compile(&runtime, &[("double", "double", "")], &[], &hosts(1));
    let host = CancelsAtOnce::default();
    let port = Port::new(Some(Box::new(host.clone())));
    assert!(host.port.set(port.downgrade()).is_ok());
    let submitted = graph.submit(&port, submission(1, Start::Here, integers(0..3))).expect("accepted");
    assert_eq!(host.has_cancelled.get(), Some(&true));
    assert_eq!(completed(&port, submitted, 1).outcome, Outcome::Cancelled);
    assert!(runtime.shut_down(PATIENCE), "nothing is left");
}

#[test]
fn a_blocking_execute_refuses_nodes_of_the_host() {
    let runtime = runtime();
    let graph = compile(&runtime, &[("mine", "double", "")], &[], &hosts(4));
    let refused = graph.execute(Some(Vec::new()), 0, None).expect_err("refused");
    assert_eq!(
        refused.to_string(),
        "node 'mine' is run by the host, and a blocking execute has no port for its calls; submit with a port instead"
    );
}

#[test]
fn a_host_stage_before_a_slow_one_waits_for_credit() {
    let runtime = runtime();
    let graph = compile(
        &runtime,
        &[
            ("host", "double", ""),
            ("many", "Repeat", r#""times": 50"#),
            ("slow", "Hoard", r#""packets": 7"#),
            ("n", "Count", ""),
        ],
        &[("host", "many"), ("many", "slow"), ("slow", "n"), ("many", "n")],
        &hosts(16),
    );
    let port = Port::new(None);
    graph.submit(&port, submission(1, Start::Here, integers(0..200))).expect("accepted");
    let (completion, _) = serve(&port, answer);
    assert_eq!(integers_of(&completion), (0..200).map(|item| item * 1000 + 100).collect::<Vec<_>>());
}

#[test]
fn a_host_may_say_any_duration() {
    let runtime = runtime();
    let graph = compile(&runtime, &[("host", "double", ""), ("n", "Count", "")], &[("host", "n")], &hosts(4));
    for start in STARTS {
        let port = Port::new(None);
        graph.submit(&port, submission(1, start, integers(0..4))).expect("accepted");
        let (completion, _) = serve(&port, |call| Reply {
            outputs: (0..call.entries.len())
                .flat_map(|entry| [i64::MIN, 1, i64::MAX, i64::MAX].map(|time| (entry, time)))
                .map(|(entry, time)| HostOutput { pts: Some(time), duration: Some(time), ..output(entry, 0) })
                .collect(),
            is_final: true,
            failure: None,
        });
        assert_eq!(integers_of(&completion), [4, 1004, 2004, 3004]);
    }
}
