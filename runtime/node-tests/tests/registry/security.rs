//! The table of limits in `docs/security.md` is made here: each row by going over its limit and taking down what is said.
//! And what has no business with files, processes or the network has none in its sources.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use remotemedia_core::exec::{Config, Port, Runtime, Submission, Submitted};
use remotemedia_core::graph::Graph;
use remotemedia_core::manifest::{HostNodes, parse};
use remotemedia_core::value::{Audio, Buffer, Inputs, Packet, Value};
use remotemedia_core::wire::{Limits, decode};
use serde_json::json;

use harness::drive::prepare;
use harness::items::decode_pieces;
use harness::remux::vorbis_of_a_large_codebook;

/// The switch that writes the table instead of comparing it.
const WRITE: &str = "UPDATE_SECURITY";
const BEGIN: &str = "<!-- limits: written by a test, see runtime/node-tests/tests/registry/security.rs -->\n";
const END: &str = "<!-- end of limits -->\n";

/// One limit: what it bounds, its default, what changes it, and what is said beyond it.
struct Row {
    what: &'static str,
    default: String,
    change: &'static str,
    said: String,
}

fn row(what: &'static str, default: impl ToString, change: &'static str, said: impl ToString) -> Row {
    Row { what, default: default.to_string(), change, said: said.to_string() }
}

fn table() -> String {
    let mut text = "| what | default | how to change it | beyond it |\n|---|---|---|---|\n".to_owned();
    let rows = documents().into_iter().chain(manifests()).chain(execution()).chain(sound());
    for Row { what, default, change, said } in rows {
        let said = said.replace('|', "\\|").replace('\n', " ");
        writeln!(text, "| {what} | {default} | {change} | `{said}` |").expect("text takes text");
    }
    text
}

fn documents() -> Vec<Row> {
    let limits = Limits::default();
    let said = |bytes: &[u8], buffers: &[Buffer]| decode(bytes, buffers, &limits).expect_err("over the limit");
    let deep = [vec![0x91; limits.depth + 1], vec![0xc0]].concat();
    let many = [&b"\xdd"[..], &(limits.items as u32 + 1).to_be_bytes(), &vec![0; limits.items + 1]].concat();
    let long = vec![0; limits.bytes + 1];
    let buffers = vec![Buffer::from_bytes(Vec::new()); limits.buffers + 1];
    // A tensor of zeros: dtype u8, one dimension, stride 0, one byte inside.
    let repeated = tensor(b"\x91\xce\x10\0\0\x01", b"\x91\0");
    let dimensions = [&b"\xdc\x00\x41"[..], &[1; 65]].concat();
    let flat = tensor(&dimensions, &[&b"\xdc\x00\x41"[..], &[0; 65]].concat());
    let channels = Audio::from_planar(Vec::new(), Audio::MAX_CHANNELS + 1, 8000).expect_err("too many");
    vec![
        row(
            "lists and maps inside each other, in a document or its JSON twin",
            format!("{}; never more than {}", limits.depth, Limits::MAX_DEPTH),
            "`limits.depth`",
            said(&deep, &[]).kind(),
        ),
        row("entries of all lists and maps of a document", limits.items, "`limits.items`", said(&many, &[]).kind()),
        row(
            "bytes of a document, without its buffers",
            limits.bytes,
            "`limits.document_bytes`",
            said(&long, &[]).kind(),
        ),
        row("buffers of a document", limits.buffers, "`limits.buffers`", said(b"\xc0", &buffers).kind()),
        row(
            "bytes that an array, sound or picture stands for, where its memory is less",
            limits.extent,
            "`limits.extent_bytes`",
            said(&repeated, &[]).kind(),
        ),
        row("dimensions of a tensor", Limits::MAX_DIMENSIONS, "fixed", said(&flat, &[]).kind()),
        row("channels of sound", Audio::MAX_CHANNELS, "fixed", channels),
    ]
}

/// A tensor document: `[dtype, shape, strides, data, offset]` in an extension of type 1.
fn tensor(shape: &[u8], strides: &[u8]) -> Vec<u8> {
    let payload = [&b"\x95\xa5uint8"[..], shape, strides, b"\xc4\x01\0\0"].concat();
    [&[0xc8][..], &(payload.len() as u16).to_be_bytes(), &[1], &payload].concat()
}

fn manifests() -> Vec<Row> {
    let registry = harness::drive::registry();
    let said =
        |text: &str| parse(text.as_bytes(), registry, &HostNodes::new()).expect_err("over the limit").to_string();
    let deep = format!("{{\"nodes\": {}}}", "[".repeat(65));
    let many = format!("{{\"nodes\": [{}1]}}", "1,".repeat(200_000));
    let repeated = format!("text: &t {}\ncopies: [{}]\n", "x".repeat(1 << 20), ["*t"; 9].join(", "));
    let nodes: Vec<_> = (0..60).map(|index| json!({"id": format!("n{index}"), "node_type": "Nope"})).collect();
    let wrong = said(&json!({"version": "v1", "nodes": nodes}).to_string());
    let wide = parse(&diamonds(54), registry, &HostNodes::new()).expect("a right manifest");
    vec![
        row("bytes of a manifest", "8 MiB", "fixed", said(&" ".repeat(9 << 20))),
        row("lists and maps inside each other in a manifest", 64, "fixed", said(&deep)),
        row("values in a manifest", 200_000, "fixed", said(&many)),
        row("text that aliases of YAML repeat", "8 MiB", "fixed", said(&repeated)),
        row(
            "problems that a message lists",
            50,
            "fixed; the search ends with 100 problems, and the detail of the error has them all",
            format!(
                "{} ... {}",
                wrong.lines().next().unwrap_or_default(),
                wrong.lines().last().unwrap_or_default().trim()
            ),
        ),
        row("ways through a graph", "2^53", "fixed", Graph::plan(wide).expect_err("too many ways")),
    ]
}

/// A chain of so many places at which the graph parts and joins again.
fn diamonds(count: usize) -> Vec<u8> {
    let mut nodes = vec![json!({"id": "j0", "node_type": "PassThrough"})];
    let mut connections = Vec::new();
    for index in 0..count {
        for id in [format!("a{index}"), format!("b{index}"), format!("j{}", index + 1)] {
            nodes.push(json!({"id": id, "node_type": "PassThrough"}));
        }
        for side in ["a", "b"] {
            connections.push(json!({"from": format!("j{index}"), "to": format!("{side}{index}")}));
            connections.push(json!({"from": format!("{side}{index}"), "to": format!("j{}", index + 1)}));
        }
    }
    json!({"version": "v1", "nodes": nodes, "connections": connections}).to_string().into_bytes()
}

fn execution() -> Vec<Row> {
    let config = Config::parse(br#"{"workers": 1, "limits": {"output_bytes": 1000}}"#).expect("a right config");
    let runtime = Runtime::new(config, remotemedia_nodes::registry());
    let manifest = br#"{"version": "v1", "nodes": [{"id": "pass", "node_type": "PassThrough"}]}"#;
    let pipeline = runtime.compile(manifest, &HostNodes::new()).expect("a right manifest");
    let submission = Submission {
        token: 1,
        inputs: Inputs::List(vec![Value::bytes(vec![0; 2000])]),
        input_bytes: 0,
        timeout: None,
        budget: std::time::Duration::from_secs(60),
    };
    let Ok(Submitted::Finished(completion)) = pipeline.submit(&Port::new(None), submission) else {
        panic!("it runs on this thread")
    };
    let workers = Config::parse(br#"{"workers": 1025}"#).expect_err("too many");
    vec![
        row(
            "bytes that the results of one execution keep alive",
            Config::default().output_bytes,
            "`limits.output_bytes` (here 1000)",
            &completion.errors[0].cause,
        ),
        row("worker threads", "the cores of the process; 1 to 1024", "`workers`", workers),
    ]
}

fn sound() -> Vec<Row> {
    let zeros = Buffer::from_bytes(vec![0; 8 << 20]);
    // Sends a head and then zeros without end.
    let endless = |head: &[u8]| {
        let mut node = prepare("AudioDecode", json!({})).expect("valid params");
        let mut packets = std::iter::once(Value::bytes(head.to_vec()))
            .chain(std::iter::repeat_with(|| Value::Bytes(Box::new(zeros.clone()))));
        packets.find_map(|value| node.process(0, Packet::new(value)).err()).expect("it is refused").cause
    };
    let refused = |name: &str, params, audio: Audio| {
        prepare(name, params).expect("valid params").process(0, Packet::new(audio.into())).expect_err("refused").cause
    };
    let audio = |channels, rate| Audio::from_planar(vec![0.0; channels], channels, rate).expect("it is sound");
    vec![
        row("bytes of a stream before it is known to be no audio", "1 MiB", "fixed", endless(b"nothing known")),
        row(
            "bytes of a stream that are kept before its sound comes",
            "64 MiB",
            "send a `File`",
            endless(b"ID3\x04\0\0\x7f\x7f\x7f\x7f"),
        ),
        row(
            "bytes of an MP4 stream, which is decoded when it is whole",
            "512 MiB",
            "send a `File`",
            endless(b"\0\0\0\x18ftypM4A \0\0\0\0"),
        ),
        row(
            "memory that the codebooks of Vorbis take",
            "64 MiB",
            "fixed",
            &decode_pieces(&vorbis_of_a_large_codebook().ogg(1, 4, 0), 1000).failure().cause,
        ),
        row(
            "rates that are resampled",
            "1000 to 768000 Hz",
            "fixed",
            refused("AudioResample", json!({"rate": 8000}), audio(1, 999)),
        ),
        row(
            "channels in a FLAC file that is written",
            8,
            "format \"wav\"",
            refused("AudioEncode", json!({"format": "flac"}), audio(9, 8000)),
        ),
        row(
            "rate of a FLAC file that is written",
            "655350 Hz",
            "format \"wav\"",
            refused("AudioEncode", json!({"format": "flac"}), audio(1, 655_351)),
        ),
    ]
}

#[test]
fn the_table_of_the_docs_is_what_the_code_does() {
    let path = root().join("docs/security.md");
    let page = std::fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = page.split_once(BEGIN).expect("the table has a beginning");
    let (_, after) = rest.split_once(END).expect("the table has an end");
    let expected = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var(WRITE).is_ok_and(|value| value == "1") {
        std::fs::write(&path, &expected).expect("the page can be written");
    } else {
        let cure =
            "run `UPDATE_SECURITY=1 cargo test -p remotemedia-node-tests --test registry` and commit docs/security.md";
        assert!(page == expected, "docs/security.md is out of date; {cure}");
    }
}

/// Where the sources may open files, and what they may ask of the process. Whatever is not listed here asks for nothing.
const ALLOWED: [(&str, &str); 19] = [
    // A connection of the process with itself, where there are neither eventfds nor pairs of sockets.
    ("capi/src/bell/windows.rs", "std::net::{Ipv4Addr, TcpListener, TcpStream}"),
    // FFmpeg, where it is installed and not switched off.
    ("capi/src/ffmpeg/library.rs", "dlopen"),
    ("capi/src/ffmpeg/library.rs", "std::env::var_os(VARIABLE)"),
    ("capi/src/ffmpeg/library.rs", "std::fs::read_dir(folder)"),
    // Compiled for tests alone.
    ("core/src/exec/workers/delays.rs", "std::env::var(\"REMOTEMEDIA_DELAYS\")"),
    ("nodes/src/io/direct.rs", "std::fs"),
    ("nodes/src/io/disk.rs", "std::fs"),
    ("nodes/src/io/failure.rs", "std::env::current_dir"),
    ("nodes/src/io/folder.rs", "std::fs"),
    ("nodes/src/io/input.rs", "std::fs"),
    ("nodes/src/io/item_names.rs", "std::env::current_dir"),
    ("nodes/src/io/output.rs", "std::fs"),
    ("nodes/src/io/pattern.rs", "std::fs"),
    ("nodes/src/io/pattern.rs", "std::env::current_dir"),
    ("nodes/src/io/system/unix.rs", "std::fs"),
    ("nodes/src/io/system/windows.rs", "std::fs"),
    ("nodes/src/io/target.rs", "std::fs"),
    ("nodes/src/io/temporary.rs", "std::fs"),
    ("nodes/src/io/temporary.rs", "std::process::id"),
];

/// The folders beside the library's: they only test it.
const OF_TESTS: [&str; 2] = ["fuzz", "node-tests"];

#[test]
fn files_are_touched_where_a_path_was_named_and_nowhere_else() {
    let mut found = Vec::new();
    for source in sources(&root().join("runtime")) {
        let text = std::fs::read_to_string(&source).expect("sources are text");
        let name = source.strip_prefix(root().join("runtime")).expect("it is below").display().to_string();
        // Tests may do as they like.
        if is_of_tests(&source) {
            continue;
        }
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for word in ["std::fs", "std::net", "std::process", "std::env", "libloading", "dlopen", "Command::new"] {
            for (place, _) in text.match_indices(word) {
                found.push((name.clone(), text[place..].chars().take(60).collect::<String>()));
            }
        }
    }
    found.retain(|(name, use_)| !ALLOWED.iter().any(|(file, allowed)| name == file && use_.starts_with(allowed)));
    assert_eq!(found, []);
}

/// Whether a file is a module that its parent has for tests alone.
fn is_of_tests(source: &Path) -> bool {
    let Some((folder, stem)) = source.parent().zip(source.file_stem()) else { return false };
    let parent = std::fs::read_to_string(folder.with_extension("rs")).unwrap_or_default();
    let declared = format!("mod {};", stem.display());
    let after = parent.split("#[cfg(test)]\n").skip(1);
    after.filter_map(|text| text.lines().next()).any(|line| line.ends_with(&declared))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the project is there")
}

/// The sources of every crate that the library is made of.
fn sources(runtime: &Path) -> Vec<PathBuf> {
    let crates = std::fs::read_dir(runtime).expect("the folder is there").map(|entry| entry.expect("it can be read"));
    let of_library = crates.filter(|entry| !OF_TESTS.iter().any(|name| entry.file_name() == *name));
    let mut waiting: Vec<PathBuf> = of_library.map(|entry| entry.path().join("src")).collect();
    let mut files = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    files
}
