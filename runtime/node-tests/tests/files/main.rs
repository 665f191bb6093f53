//! `FileSource` and `FileSink`: files in and out, in pipelines as users write them and step by step.

mod sink;
mod source;
#[cfg(unix)]
mod streams;
#[cfg(unix)]
mod targets;

use std::path::{Path, PathBuf};

use harness::{drive, media};
use remotemedia_core::exec::{Completion, Config, Runtime};
use remotemedia_core::manifest::HostNodes;
use remotemedia_core::node::NodeError;
use remotemedia_core::value::{File, FileSource, Value};
use serde_json::{Value as Json, json};

/// A directory of the test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(media::directory())
    }

    /// A path in it, as text.
    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("the path is UTF-8").to_owned()
    }

    /// Writes a file in it, folders included.
    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("the directory can be made");
        std::fs::write(path, bytes).expect("the file can be written");
        self.path(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Every file in it, hidden ones too, sorted.
    fn files(&self) -> Vec<String> {
        let mut waiting = vec![self.0.clone()];
        let mut files = Vec::new();
        while let Some(folder) = waiting.pop() {
            for entry in std::fs::read_dir(folder).expect("it is there") {
                let path = entry.expect("it can be read").path();
                if path.is_dir() && !path.is_symlink() {
                    waiting.push(path);
                } else {
                    files.push(path.strip_prefix(&self.0).expect("it is below").display().to_string());
                }
            }
        }
        files.sort();
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs nodes one after the other.
fn run(nodes: &[(&str, Json)], inputs: Option<Vec<Value>>) -> Completion {
    let runtime = Runtime::new(Config::default(), remotemedia_nodes::registry());
    let entries: Vec<Json> = nodes
        .iter()
        .map(|(node_type, params)| json!({"id": node_type.to_lowercase(), "node_type": node_type, "params": params}))
        .collect();
    let connections: Vec<Json> = nodes
        .windows(2)
        .map(|pair| json!({"from": pair[0].0.to_lowercase(), "to": pair[1].0.to_lowercase()}))
        .collect();
    let manifest = json!({"version": "v1", "nodes": entries, "connections": connections}).to_string();
    let pipeline = runtime.compile(manifest.as_bytes(), &HostNodes::new()).unwrap_or_else(|error| panic!("{error}"));
    pipeline.execute(inputs, 0, None).expect("accepted")
}

/// What a run that must succeed emitted.
fn outputs(completion: &Completion) -> Vec<&Value> {
    assert!(completion.errors.is_empty(), "{:?}", completion.errors);
    completion.sinks[0].outputs.iter().map(|output| &output.value).collect()
}

/// The one error of a run.
fn error(completion: &Completion) -> String {
    assert_eq!(completion.errors.len(), 1, "{:?}", completion.errors);
    completion.errors[0].to_string()
}

fn path_of(value: &Value) -> &str {
    match value {
        Value::File(file) => match &file.source {
            FileSource::Path(path) => path,
            FileSource::Bytes(_) => panic!("expected a path"),
        },
        other => panic!("expected a file, got {other:?}"),
    }
}

fn message(error: &NodeError) -> String {
    format!("{}. {}", error.cause, error.cure)
}

fn file(path: impl AsRef<Path>) -> Value {
    Value::from(File::from_path(path.as_ref().to_str().expect("the path is UTF-8")))
}
