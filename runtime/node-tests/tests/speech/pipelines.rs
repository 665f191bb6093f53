//! The nodes in pipelines, from a file to segments, run by the scheduler.

use harness::media;
use remotemedia_core::exec::{Completion, Config, Outcome, Runtime};
use remotemedia_core::manifest::{HostNodes, parse};
use remotemedia_core::value::{File, Value};

/// Runs these nodes and connections on the shipped recording.
fn run(nodes: &str, connections: &str) -> Completion {
    let runtime = Runtime::new(Config::default(), remotemedia_nodes::registry());
    let manifest = format!(r#"{{"version": "v1", "nodes": [{nodes}], "connections": [{connections}]}}"#);
    let pipeline = runtime.compile(manifest.as_bytes(), &HostNodes::new()).unwrap_or_else(|error| panic!("{error}"));
    let path = media::of_project("examples/speech.flac");
    pipeline.execute(Some(vec![Value::from(File::from_path(path))]), 0, None).expect("accepted")
}

/// The values of one key in the maps that reached the only sink.
fn numbers(completion: &Completion, key: &str) -> Vec<f64> {
    assert_eq!(completion.outcome, Outcome::Finished, "{:?}", completion.errors);
    let number = |value: &Value| match value {
        Value::Map(map) => match map[key] {
            Value::Float(number) => number,
            ref other => panic!("expected a float, got {}", other.kind().name()),
        },
        other => panic!("expected a map, got {}", other.kind().name()),
    };
    completion.sinks[0].outputs.iter().map(|output| number(&output.value)).collect()
}

const DECODE: &str = r#"{"id": "decode", "node_type": "AudioDecode"}"#;
const CUT: &str = r#"{"id": "cut", "node_type": "SpeechSegments"}"#;
const PASS: &str = r#"{"id": "pass", "node_type": "PassThrough"}"#;

#[test]
fn segments_are_the_usual_output() {
    let sink = run(&format!("{DECODE}, {CUT}"), r#"{"from": "decode", "to": "cut"}"#);
    let starts = numbers(&sink, "start_s");
    assert!(!starts.is_empty());
    let connected =
        run(&format!("{DECODE}, {CUT}, {PASS}"), r#"{"from": "decode", "to": "cut"}, {"from": "cut", "to": "pass"}"#);
    assert_eq!(numbers(&connected, "start_s"), starts);
}

#[test]
fn a_detector_of_ones_own_gives_the_same_segments() {
    let alone = run(&format!("{DECODE}, {CUT}"), r#"{"from": "decode", "to": "cut.in"}"#);
    let with_detector = run(
        &format!(r#"{DECODE}, {{"id": "vad", "node_type": "VAD"}}, {CUT}"#),
        r#"{"from": "decode", "to": "vad"}, {"from": "decode", "to": "cut"}, {"from": "vad", "to": "cut.vad"}"#,
    );
    for key in ["start_s", "end_s"] {
        assert_eq!(numbers(&with_detector, key), numbers(&alone, key));
    }
}

#[test]
fn converters_do_with_jumps_in_time_what_their_node_does() {
    for (params, gaps) in [(r#"{"gaps": "ignore"}"#, Some("ignore")), ("{}", None)] {
        let vad = format!(r#"{{"id": "vad", "node_type": "VAD", "params": {params}}}"#);
        let manifest = format!(r#"{{"version": "v1", "nodes": [{vad}]}}"#);
        let plan = parse(manifest.as_bytes(), harness::drive::registry(), &HostNodes::new()).expect("a manifest");
        let given = |id: &str| plan.nodes.iter().find(|node| &*node.id == id).expect("it is put in").params.get("gaps");
        assert_eq!(given("vad.resample").and_then(|gaps| gaps.as_str()), gaps);
        // It keeps nothing between packets.
        assert_eq!(given("vad.mix"), None);
    }
}

#[test]
fn events_have_a_port_of_their_own() {
    let events = run(
        &format!("{DECODE}, {CUT}, {PASS}"),
        r#"{"from": "decode", "to": "cut"}, {"from": "cut.events", "to": "pass"}"#,
    );
    let (at, detected) = (numbers(&events, "at_s"), numbers(&events, "detected_s"));
    assert!(at.len() >= 2 && at.len().is_multiple_of(2), "{at:?}");
    assert!(at.iter().zip(&detected).all(|(at, detected)| at <= detected));
}
