//! Manifests that are made to cost memory: what they cost, and how long the answer to them is.
//!
//! An allocator counts what this program holds, so the tests stand in one function, one after the other.

#[path = "manifest/node_types.rs"]
mod node_types;

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use node_types::{hosts, msgpack, registry};
use remotemedia_core::manifest::{ManifestError, parse};
use serde_json::Value as Json;

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: it hands on to the system's allocator and only counts.
#[allow(unsafe_code, reason = "there is no other way to count")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes of a message, whatever the manifest is.
const LONGEST_MESSAGE: usize = 64 << 10;
/// The most bytes of all that the detail of an error lists.
const LARGEST_DETAIL: usize = 256 << 10;
/// What reading and checking may hold for each byte of a manifest, and beside that: a value of a single byte becomes a
/// node of a tree, twice.
const PER_BYTE: usize = 300;
const BESIDE: usize = 32 << 20;

fn refused(name: &str, bytes: &[u8]) {
    let (registry, hosts) = (registry(), hosts());
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let error = parse(bytes, &registry, &hosts).expect_err(name);
    let peak = PEAK.load(Ordering::Relaxed) - before;
    let most = BESIDE + PER_BYTE * bytes.len();
    assert!(peak <= most, "{name}: {} bytes took {} MiB", bytes.len(), peak >> 20);
    assert_bounded(name, &error);
}

fn assert_bounded(name: &str, error: &ManifestError) {
    let message = error.to_string();
    assert!(message.len() <= LONGEST_MESSAGE, "{name}: a message of {} bytes", message.len());
    assert!((1..=100).contains(&error.problems.len()), "{name}: {} problems", error.problems.len());
    let texts = error.problems.iter().flat_map(|problem| {
        let parts = [&problem.expected, &problem.got, &problem.suggestion];
        [&problem.path, &problem.message].into_iter().chain(parts.into_iter().flatten())
    });
    let mut total = 0;
    for text in texts {
        assert!(!text.chars().any(|character| character.is_control()), "{name}: {text:?}");
        total += text.len();
    }
    assert!(total <= LARGEST_DETAIL, "{name}: a detail of {total} bytes");
}

/// In all three notations; JSON is YAML too, but for this its own reader has to see it.
fn refused_in_every_notation(name: &str, json: &str) {
    refused(&format!("{name} in JSON"), json.as_bytes());
    refused(&format!("{name} in YAML"), format!("--- {json}\n").as_bytes());
    let value: Json = serde_json::from_str(json).expect(name);
    refused(&format!("{name} in msgpack"), &msgpack(&value));
}

fn manifest(nodes: &str, rest: &str) -> String {
    format!(r#"{{"version": "v1", "nodes": [{nodes}]{rest}}}"#)
}

fn many(count: usize, each: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for index in 0..count {
        let comma = if index == 0 { "" } else { ", " };
        write!(text, "{comma}{}", each(index)).expect("it is memory");
    }
    text
}

#[test]
fn no_manifest_takes_much_memory_or_gives_a_long_message() {
    let pass = r#"{"id": "a", "node_type": "PassThrough"}"#;
    let long = "k".repeat(100_000);
    let rude = "\\u001b[31m\\u202e".repeat(10_000);
    let deep_keys = |count: usize, key: &str, inside: &str| {
        format!("{}{inside}{}", format!("{{\"{key}\": ").repeat(count), "}".repeat(count))
    };

    // Unknown names.
    let names = many(60_000, |index| format!("\"x{index}\": 1"));
    refused_in_every_notation("unknown fields", &manifest(pass, &format!(", {names}")));
    let node = format!(r#"{{"id": "a", "node_type": "Calculator", "params": {{{names}}}}}"#);
    refused_in_every_notation("unknown params", &manifest(&node, ""));
    let node = format!(r#"{{"id": "a", "node_type": "PassThrough", "params": {{{names}}}}}"#);
    refused_in_every_notation("params where there are none", &manifest(&node, ""));
    let node = format!(r#"{{"id": "a", "node_type": "PassThrough", {names}}}"#);
    refused_in_every_notation("unknown fields of a node", &manifest(&node, ""));

    // Long texts in every place that has one.
    for (kind, text) in [("long", &long), ("rude", &rude)] {
        let name = |what: &str| format!("a {kind} {what}");
        refused_in_every_notation(&name("field"), &manifest(pass, &format!(", \"{text}\": 1")));
        refused_in_every_notation(&name("version"), &format!(r#"{{"version": "{text}", "nodes": [{pass}]}}"#));
        let node = |field: &str| format!("{{\"id\": \"a\", \"node_type\": \"Calculator\", {field}}}");
        refused_in_every_notation(&name("id"), &manifest(&format!(r#"{{"id": "{text}", "node_type": "Echo"}}"#), ""));
        refused_in_every_notation(&name("type"), &manifest(&format!(r#"{{"id": "a", "node_type": "{text}"}}"#), ""));
        refused_in_every_notation(&name("param"), &manifest(&node(&format!("\"params\": {{\"{text}\": 1}}")), ""));
        let operand = format!("\"params\": {{\"operation\": \"add\", \"operand\": \"{text}\"}}");
        refused_in_every_notation(&name("value"), &manifest(&node(&operand), ""));
        let operation = format!("\"params\": {{\"operation\": \"{text}\", \"operand\": 1}}");
        refused_in_every_notation(&name("choice"), &manifest(&node(&operation), ""));
        refused_in_every_notation(&name("on_error"), &manifest(&node(&format!("\"on_error\": \"{text}\"")), ""));
        let ends = |from: &str, to: &str| format!(", \"connections\": [{{\"from\": \"{from}\", \"to\": \"{to}\"}}]");
        refused_in_every_notation(&name("end"), &manifest(pass, &ends(text, "a")));
        refused_in_every_notation(&name("port"), &manifest(pass, &ends(&format!("a.{text}"), &format!("a.{text}"))));
        refused_in_every_notation(&name("connection"), &manifest(pass, &format!(", \"connections\": [\"{text}->a\"]")));
        refused_in_every_notation(&name("manifest"), &format!("\"{text}\""));
    }

    // Thousands of mistakes.
    let types = many(15_000, |index| format!(r#"{{"id": "n{index}", "node_type": "Nope"}}"#));
    refused_in_every_notation("unknown types", &manifest(&types, ""));
    let ids = many(15_000, |_| pass.to_owned());
    refused_in_every_notation("ids that are taken", &manifest(&ids, ""));
    let ids = many(15_000, |index| format!(r#"{{"id": "a b{index}", "node_type": "PassThrough"}}"#));
    refused_in_every_notation("ids that are none", &manifest(&ids, ""));
    let numbers = many(100_000, |_| "1".to_owned());
    refused_in_every_notation("nodes that are numbers", &manifest(&numbers, ""));
    let params =
        many(10_000, |index| format!(r#"{{"id": "n{index}", "node_type": "Calculator", "params": {{"x": 1}}}}"#));
    refused_in_every_notation("wrong params", &manifest(&params, ""));
    let connections = many(15_000, |index| format!(r#"{{"from": "x{index}", "to": "y{index}"}}"#));
    refused_in_every_notation(
        "connections of nothing",
        &manifest(pass, &format!(", \"connections\": [{connections}]")),
    );
    let connections = many(15_000, |_| r#"{"from": "a", "to": "a"}"#.to_owned());
    refused_in_every_notation("circles", &manifest(pass, &format!(", \"connections\": [{connections}]")));

    // Deep inside of long names: as many problems as there can be, each with all of them in its path.
    let floats = [b"\xdd\0\0\xc3\x50".to_vec(), b"\xca\x7f\xc0\0\0".repeat(50_000)].concat();
    let mut bytes = b"\x81\xa5nodes".to_vec();
    for _ in 0..50 {
        bytes.extend([&b"\x81\xda\x4e\x20"[..], &b"k".repeat(20_000)].concat());
    }
    bytes.extend(floats);
    refused("numbers that are none, deep inside, in msgpack", &bytes);
    let twice = many(30_000, |_| "\"a\": 1".to_owned());
    let deep = deep_keys(50, &"k".repeat(20_000), &format!("{{{twice}}}"));
    refused(
        "names that stand there twice, deep inside, in JSON",
        manifest(pass, &format!(", \"x\": {deep}")).as_bytes(),
    );
    let deep = deep_keys(50, &"k".repeat(1000), &format!("{{{twice}}}"));
    refused(
        "names that stand there twice, in YAML",
        format!("--- {}", manifest(pass, &format!(", \"x\": {deep}"))).as_bytes(),
    );
    let tags = many(50_000, |_| "!t 1".to_owned());
    let deep = deep_keys(50, &"k".repeat(1000), &format!("[{tags}]"));
    refused("tags, deep inside, in YAML", format!("--- {}", manifest(pass, &format!(", \"x\": {deep}"))).as_bytes());
    let numbers = many(50_000, |_| "1e999".to_owned());
    let deep = deep_keys(50, &"k".repeat(20_000), &format!("[{numbers}]"));
    refused("numbers that are too large, in JSON", manifest(pass, &format!(", \"x\": {deep}")).as_bytes());

    // What is no JSON at all.
    for text in [format!("{{{long}: 1}}"), format!("{{\"a\": {long}}}"), format!("[0{}]", "1".repeat(100_000))] {
        refused("no JSON", text.as_bytes());
    }
    refused("an unknown tag", format!("a: !{long} 1").as_bytes());
    refused("an alias of nothing", format!("a: *{long}").as_bytes());
    refused("a directive", format!("%{long} x\n---\na: 1").as_bytes());
}
