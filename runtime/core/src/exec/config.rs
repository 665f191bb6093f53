//! How a runtime and a pipeline are set up: documents with few entries, all of them optional.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::session::{BufferOptions, SessionClock, SessionOptions};
use crate::manifest::HostNodes;
use crate::outside::message;
use crate::wire;

/// The configuration of a runtime.
#[derive(Clone, Debug)]
pub struct Config {
    workers: Option<usize>,
    /// The most bytes that the results of a one-shot may keep alive.
    pub output_bytes: usize,
    /// What is allowed in documents that come in.
    pub wire: wire::Limits,
    /// Whether a completion that a call returns begins with `offsets`.
    pub has_offsets: bool,
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// The configuration as a document has it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ConfigDocument {
    workers: Option<usize>,
    limits: LimitsDocument,
    offsets: bool,
}

/// What the host says of a pipeline beside its manifest.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PipelineOptions {
    /// The node types that the host runs itself.
    pub host_nodes: HostNodes,
}

/// What a host says of a session.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SessionDocument {
    sinks: Vec<String>,
    buffer: BufferDocument,
    deadline_us: Option<u64>,
    packet_deadline_us: Option<u64>,
    clock: SessionClock,
    trace: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct BufferDocument {
    packets: Option<usize>,
    bytes: Option<usize>,
    ms: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsDocument {
    output_bytes: Option<usize>,
    depth: Option<usize>,
    items: Option<usize>,
    document_bytes: Option<usize>,
    buffers: Option<usize>,
    extent_bytes: Option<usize>,
}

const MOST_WORKERS: usize = 1024;

impl Config {
    /// From a map as JSON text or msgpack; from nothing, all defaults.
    ///
    /// # Errors
    /// If an entry is unknown or out of range.
    pub fn parse(document: &[u8]) -> Result<Self, ConfigError> {
        let document: ConfigDocument = read(document, "config")?;
        if let Some(workers) = document.workers.filter(|workers| !(1..=MOST_WORKERS).contains(workers)) {
            return Err(ConfigError(format!("config: workers: expected 1 to {MOST_WORKERS}, got {workers}")));
        }
        let defaults = Self::default();
        let limits = document.limits;
        Ok(Self {
            workers: document.workers,
            output_bytes: limits.output_bytes.unwrap_or(defaults.output_bytes),
            wire: wire::Limits {
                depth: limits.depth.unwrap_or(defaults.wire.depth),
                items: limits.items.unwrap_or(defaults.wire.items),
                bytes: limits.document_bytes.unwrap_or(defaults.wire.bytes),
                buffers: limits.buffers.unwrap_or(defaults.wire.buffers),
                extent: limits.extent_bytes.unwrap_or(defaults.wire.extent),
            },
            has_offsets: document.offsets,
        })
    }

    /// The number of worker threads: as told, else the cores that this process may use, its cgroup included.
    pub fn workers(&self) -> usize {
        self.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get))
    }
}

impl PipelineOptions {
    /// From a map as JSON text or msgpack; from nothing, all defaults.
    ///
    /// # Errors
    /// If an entry is unknown or out of range.
    pub fn parse(document: &[u8]) -> Result<Self, ConfigError> {
        read(document, "options")
    }
}

impl SessionOptions {
    /// From a map as JSON text or msgpack; from nothing, all defaults.
    ///
    /// # Errors
    /// If an entry is unknown or out of range.
    pub fn parse(document: &[u8]) -> Result<Self, ConfigError> {
        let SessionDocument { sinks, buffer, deadline_us, packet_deadline_us, clock, trace } =
            read(document, "options")?;
        for (name, is_zero) in
            [("packets", buffer.packets == Some(0)), ("bytes", buffer.bytes == Some(0)), ("ms", buffer.ms == Some(0))]
        {
            if is_zero {
                return Err(ConfigError(format!("options: buffer.{name}: expected 1 or more, got 0")));
            }
        }
        Ok(Self {
            sinks,
            buffer: BufferOptions {
                packets: buffer.packets,
                bytes: buffer.bytes,
                media: buffer.ms.map(Duration::from_millis),
            },
            deadline: deadline_us.map(Duration::from_micros),
            packet_deadline: packet_deadline_us.map(Duration::from_micros),
            clock,
            is_traced: trace,
        })
    }
}

impl Default for Config {
    fn default() -> Self {
        Self { workers: None, output_bytes: 2 << 30, wire: wire::Limits::default(), has_offsets: false }
    }
}

/// Reads a document by its typed form. Text is told from msgpack by the first byte, as in manifests.
fn read<T: DeserializeOwned + Default>(document: &[u8], name: &str) -> Result<T, ConfigError> {
    let refused = |reason: String| ConfigError(message(format!("{name}: {reason}")));
    let read = match document {
        [] => return Ok(T::default()),
        [0x80..=0x8f | 0xde | 0xdf, ..] => {
            let value = wire::decode(document, &[], &wire::Limits::default());
            let value = value.map_err(|error| refused(error.to_string()))?;
            serde_json::from_str(&wire::json::to_json(&value))
        }
        _ => serde_json::from_slice(document),
    };
    read.map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(document: &str) -> String {
        Config::parse(document.as_bytes()).expect_err("it should be refused").to_string()
    }

    #[test]
    fn takes_entries_and_keeps_defaults() {
        let config = Config::parse(br#"{"workers": 3, "limits": {"depth": 7}}"#).expect("a valid config");
        assert_eq!((config.workers(), config.wire.depth, config.has_offsets), (3, 7, false));
        assert_eq!(config.wire.items, wire::Limits::default().items);
    }

    #[test]
    fn takes_msgpack_as_well() {
        let document = b"\x81\xa7workers\x05";
        assert_eq!(Config::parse(document).expect("a valid config").workers(), 5);
    }

    #[test]
    fn a_session_has_options_of_its_own() {
        let options =
            br#"{"sinks": ["a"], "buffer": {"packets": 3, "ms": 20}, "deadline_us": 5, "packet_deadline_us": 7}"#;
        let options = SessionOptions::parse(options).expect("valid options");
        assert_eq!(
            (options.sinks, options.buffer.packets, options.buffer.bytes),
            (vec!["a".to_owned()], Some(3), None)
        );
        assert_eq!(
            (options.buffer.media, options.deadline),
            (Some(Duration::from_millis(20)), Some(Duration::from_micros(5)))
        );
        assert_eq!(options.packet_deadline, Some(Duration::from_micros(7)));
        let options = SessionOptions::parse(br#"{"clock": "virtual"}"#).expect("valid options");
        assert_eq!(options.clock, SessionClock::Virtual);
        let refused = SessionOptions::parse(br#"{"clock": "none"}"#).expect_err("there is no such clock");
        let expected = "options: unknown variant `none`, expected `real` or `virtual` at line 1 column 16";
        assert_eq!(refused.to_string(), expected);
        let refused = SessionOptions::parse(br#"{"buffer": {"bytes": 0}}"#).expect_err("nothing would ever fit");
        assert_eq!(refused.to_string(), "options: buffer.bytes: expected 1 or more, got 0");
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert_eq!(
            refusal(r#"{"worker": 3}"#),
            "config: unknown field `worker`, expected one of `workers`, `limits`, `offsets` at line 1 column 9"
        );
        assert_eq!(refusal(r#"{"workers": 0}"#), "config: workers: expected 1 to 1024, got 0");
    }
}
