//! The scheduler, tested through its public face with nodes made for the purpose.

mod boundaries;
mod edges;
mod ends;
mod errors;
mod feedback;
mod graphs;
mod hosts;
mod items;
mod lifecycle;
mod live_params;
#[cfg(target_os = "linux")]
mod nice;
mod nodes;
mod parts;
mod sessions;
mod stopping;
mod storm;
mod threads;
mod virtual_time;
mod waiting;

use std::collections::BTreeMap;
use std::time::Duration;

use remotemedia_core::exec::{Completion, Config, Event, Pipeline, Port, Runtime, Submission, Submitted};
use remotemedia_core::manifest::HostNodes;
use remotemedia_core::value::{Inputs, Value};

/// Long enough that only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a piece of work begins: on the caller's thread, or on the workers.
#[derive(Clone, Copy, Debug)]
enum Start {
    Here,
    Workers,
}

const STARTS: [Start; 2] = [Start::Here, Start::Workers];

fn runtime() -> Runtime {
    Runtime::new(Config::parse(br#"{"workers": 2}"#).expect("a valid config"), nodes::registry())
}

/// A pipeline of `nodes` as `id: Type {params}` text and `connections` as `from -> to` text.
fn pipeline(runtime: &Runtime, nodes: &[(&str, &str, &str)], connections: &[(&str, &str)]) -> Pipeline {
    compile(runtime, nodes, connections, &HostNodes::new())
}

fn compile(
    runtime: &Runtime,
    nodes: &[(&str, &str, &str)],
    connections: &[(&str, &str)],
    hosts: &HostNodes,
) -> Pipeline {
    let nodes: Vec<String> = nodes
        .iter()
        .map(|(id, node_type, params)| {
            format!(r#"{{"id": "{id}", "node_type": "{node_type}", "params": {{{params}}}}}"#)
        })
        .collect();
    let connections: Vec<String> =
        connections.iter().map(|(from, to)| format!(r#"{{"from": "{from}", "to": "{to}"}}"#)).collect();
    let manifest = format!(
        r#"{{"version": "v1", "metadata": {{"name": "test"}}, "nodes": [{}], "connections": [{}]}}"#,
        nodes.join(", "),
        connections.join(", ")
    );
    runtime.compile(manifest.as_bytes(), hosts).unwrap_or_else(|error| panic!("{error}"))
}

fn submission(token: u64, start: Start, inputs: Vec<Value>) -> Submission {
    let budget = match start {
        Start::Here => PATIENCE,
        Start::Workers => Duration::ZERO,
    };
    Submission { token, inputs: Inputs::List(inputs), input_bytes: 0, timeout: None, budget }
}

/// Runs a piece of work to its end.
fn run(pipeline: &Pipeline, start: Start, inputs: Vec<Value>) -> Completion {
    finish(pipeline, submission(1, start, inputs))
}

/// Runs a graph that has no inputs to its end.
fn run_sources(pipeline: &Pipeline, start: Start) -> Completion {
    finish(pipeline, Submission { inputs: Inputs::None, ..submission(1, start, Vec::new()) })
}

fn finish(pipeline: &Pipeline, submission: Submission) -> Completion {
    let port = Port::new(None);
    let submitted = pipeline.submit(&port, submission).expect("accepted");
    completed(&port, submitted, 1)
}

/// The completion of work that was submitted; the workers may have been done with it before the submitter was back.
fn completed(port: &Port, submitted: Submitted, token: u64) -> Completion {
    match submitted {
        Submitted::Finished(completion) => completion,
        Submitted::Pending => completion_of(port, token),
    }
}

/// Submits `inputs` for each token from 1 to `count`, calls `then`, and returns the completions: one for each.
fn run_all(
    pipeline: &Pipeline,
    count: u64,
    inputs: impl Fn(u64) -> Vec<Value>,
    then: impl Fn(&Port, u64),
) -> BTreeMap<u64, Completion> {
    let port = Port::new(None);
    let mut completions = BTreeMap::new();
    for token in 1..=count {
        let submitted = pipeline.submit(&port, submission(token, Start::Workers, inputs(token))).expect("accepted");
        if let Submitted::Finished(completion) = submitted {
            completions.insert(token, completion);
        }
        then(&port, token);
    }
    while (completions.len() as u64) < count {
        let batch = port.next(Some(PATIENCE));
        assert!(!batch.events.is_empty(), "{} completions are missing", count - completions.len() as u64);
        for event in batch.events {
            let Event::Completed { token, completion } = event else { panic!("unexpected {event:?}") };
            assert!(completions.insert(token, completion).is_none(), "one completion each");
        }
    }
    completions
}

/// Waits for the completion of a piece of work.
fn completion_of(port: &Port, wanted: u64) -> Completion {
    let mut batch = port.next(Some(PATIENCE));
    match batch.events.pop() {
        Some(Event::Completed { token, completion }) if token == wanted && batch.events.is_empty() => completion,
        other => panic!("expected the completion of {wanted} alone, got {other:?} after {:?}", batch.events),
    }
}

fn integers(range: std::ops::Range<i64>) -> Vec<Value> {
    range.map(Value::Int).collect()
}

/// What reached the only sink, as integers.
fn integers_of(completion: &Completion) -> Vec<i64> {
    assert!(completion.errors.is_empty(), "{:?}", completion.errors);
    assert_eq!(completion.sinks.len(), 1);
    values_of(completion, 0)
}

fn values_of(completion: &Completion, sink: usize) -> Vec<i64> {
    let outputs = &completion.sinks[sink].outputs;
    outputs
        .iter()
        .map(|output| match output.value {
            Value::Int(value) => value,
            ref other => panic!("expected an integer, got {other:?}"),
        })
        .collect()
}

fn message_of(completion: &Completion) -> String {
    completion.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
