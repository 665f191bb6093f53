//! Manifests in JSON, YAML and msgpack: whatever the bytes are, they end as a plan or as problems with their places. A
//! manifest in JSON is the same one in msgpack.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use remotemedia_core::graph::Graph;
use remotemedia_core::manifest::{HostNodeType, HostNodes, ManifestError, parse};
use remotemedia_core::node::Registry;
use remotemedia_core::wire::{Limits, encode, json};

static REGISTRY: LazyLock<Registry> = LazyLock::new(remotemedia_nodes::registry);
static HOSTS: LazyLock<HostNodes> = LazyLock::new(|| HostNodes::from([("Mine".to_owned(), HostNodeType::new(7, 32))]));

fuzz_target!(|bytes: &[u8]| {
    let Some(blueprint) = checked(bytes, parse(bytes, &REGISTRY, &HOSTS)) else { return };
    let text = std::str::from_utf8(bytes).unwrap_or_default().trim_start_matches('\u{feff}');
    // Params may hold what the JSON twin takes for a tag.
    if text.trim_start().starts_with('{')
        && !bytes.windows(3).any(|part| part == b"$rm")
        && let Ok(value) = json::from_json(text, &Limits::default())
    {
        let twin = parse(&encode(&value).bytes, &REGISTRY, &HOSTS).expect("the same manifest in msgpack");
        assert_eq!(format!("{blueprint:?}"), format!("{twin:?}"));
    }
    let nodes = blueprint.nodes.len();
    if let Some(graph) = checked(bytes, Graph::plan(blueprint)) {
        assert_eq!(graph.stages.iter().map(|stage| stage.links.len()).sum::<usize>(), nodes);
        assert_eq!(graph.describe()["nodes"].as_array().map(Vec::len), Some(nodes));
    }
});

fn checked<T>(bytes: &[u8], result: Result<T, ManifestError>) -> Option<T> {
    let error = match result {
        Ok(value) => return Some(value),
        Err(error) => error,
    };
    assert!(!error.problems.is_empty() && !error.to_string().is_empty());
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    for problem in &error.problems {
        assert!(!problem.message.is_empty());
        assert_eq!(problem.line.is_some(), problem.column.is_some());
        assert!(problem.line.is_none_or(|line| (1..=lines + 1).contains(&line)), "{error}");
    }
    None
}
