//! The options of pipelines and sessions, and how the documents are read that set them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::error::ConfigError;
use super::queue::Bounds;
use crate::manifest::{HostNodeType, HostNodes, check_form, plain};
use crate::outside::message;
use crate::wire;

/// The options of a pipeline, beside its manifest.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PipelineOptions {
    /// The node types that the host runs itself.
    #[schemars(with = "BTreeMap<String, HostNodeType>")]
    pub host_nodes: HostNodes,
}

/// The options of a port.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PortOptions {
    /// How an event loop learns that events are there; the best that the system has if it is not chosen.
    pub bell: Option<Bell>,
}

/// How an event loop learns that a port has events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Bell {
    /// The descriptor of a Linux eventfd.
    EventFd,
    /// The descriptor of one end of a pair of sockets.
    SocketPair,
    /// Nothing: threads wait at the port.
    None,
}

/// The options of a session.
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    /// The names of the outputs to hand out; all if none is named. What reaches the others is dropped.
    pub outputs: Vec<String>,
    /// The bounds of each entry queue and of the queue of each output.
    pub buffer: BufferOptions,
    /// How long the session may last, by its own clock.
    pub deadline: Option<Duration>,
    /// How long a packet may take from when it is taken to its outputs; what comes later is dropped and counted.
    pub packet_deadline: Option<Duration>,
    /// The time that the session goes by.
    pub clock: SessionClock,
    /// Whether the session records what it does, for [`Session::trace`](super::Session::trace).
    pub is_traced: bool,
}

/// The time that a session goes by: for its deadlines, the pauses before a retry, and batches that wait to be full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SessionClock {
    /// The time of the machine.
    #[default]
    Real,
    /// The media time that has arrived: a packet arrives at its end, once all that came before it has been processed. So a
    /// session for live audio can be tested at full speed, with the same results each time.
    Virtual,
}

/// The bounds of a queue at either end of a session.
#[derive(Clone, Copy, Debug, Default)]
pub struct BufferOptions {
    /// Packets: 64 by default.
    pub packets: Option<usize>,
    /// Bytes: 8 MiB by default.
    pub bytes: Option<usize>,
    /// Media time: 5 s by default.
    pub media: Option<Duration>,
}

/// The options of a session as a document has them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct SessionDocument {
    outputs: Vec<String>,
    buffer: BufferDocument,
    deadline_us: Option<u64>,
    packet_deadline_us: Option<u64>,
    clock: SessionClock,
    trace: bool,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct BufferDocument {
    packets: Option<usize>,
    bytes: Option<usize>,
    ms: Option<u64>,
}

impl PipelineOptions {
    /// Reads a map as JSON text or msgpack; an empty document means the defaults.
    ///
    /// # Errors
    /// If an entry is unknown or out of range.
    pub fn parse(document: &[u8]) -> Result<Self, ConfigError> {
        read(document, "options")
    }
}

impl PortOptions {
    /// Reads a map as JSON text or msgpack; an empty document means the defaults.
    ///
    /// # Errors
    /// If an entry is unknown or out of range.
    pub fn parse(document: &[u8]) -> Result<Self, ConfigError> {
        read(document, "options")
    }
}

impl SessionOptions {
    /// Reads a map as JSON text or msgpack; an empty document means the defaults.
    ///
    /// # Errors
    /// If an entry is unknown or out of range.
    pub fn parse(document: &[u8]) -> Result<Self, ConfigError> {
        let SessionDocument { outputs, buffer, deadline_us, packet_deadline_us, clock, trace } =
            read(document, "options")?;
        for (name, is_zero) in
            [("packets", buffer.packets == Some(0)), ("bytes", buffer.bytes == Some(0)), ("ms", buffer.ms == Some(0))]
        {
            if is_zero {
                return Err(ConfigError(format!("options: buffer.{name}: expected 1 or more, got 0")));
            }
        }
        Ok(Self {
            outputs,
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

impl BufferOptions {
    /// The bounds, with defaults for what is not set.
    pub(super) fn bounds(self) -> Bounds {
        let default = Bounds::DEFAULT;
        let nanoseconds = |media: Duration| i64::try_from(media.as_nanos()).unwrap_or(i64::MAX);
        Bounds {
            packets: self.packets.unwrap_or(default.packets),
            bytes: self.bytes.unwrap_or(default.bytes),
            media_nanoseconds: self.media.map_or(default.media_nanoseconds, nanoseconds),
        }
    }
}

/// Reads a document of options. The first byte distinguishes msgpack from JSON text, as in manifests.
pub(super) fn read<T: DeserializeOwned + Default + JsonSchema>(document: &[u8], name: &str) -> Result<T, ConfigError> {
    let refused = |reason: &dyn Display| ConfigError(message(format!("{name}: {reason}")));
    // What serde says of a wrong form is for those who know its types. Only what the schema allows has nothing better.
    let misfit = |error: serde_json::Error, value: Option<Json>| match value.map(|value| check_form::<T>(&value)) {
        Some(Err(problem)) => refused(&problem),
        _ => refused(&error),
    };
    match document {
        [] => Ok(T::default()),
        [0x80..=0x8f | 0xde | 0xdf, ..] => {
            let value = wire::decode(document, &[], &wire::Limits::default()).map_err(|error| refused(&error))?;
            let value = plain(&value).map_err(|error| refused(&error.of("the document")))?;
            T::deserialize(&value).map_err(|error| misfit(error, Some(value)))
        }
        // Not by way of a value, in which a name that stands twice stands once.
        _ => serde_json::from_slice(document).map_err(|error| misfit(error, serde_json::from_slice(document).ok())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn a_session_has_options_of_its_own() {
        let options =
            br#"{"outputs": ["a"], "buffer": {"packets": 3, "ms": 20}, "deadline_us": 5, "packet_deadline_us": 7}"#;
        let options = SessionOptions::parse(options).expect("valid options");
        assert_eq!(
            (options.outputs, options.buffer.packets, options.buffer.bytes),
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
        let expected = r#"options: clock: expected "real" or "virtual", got the text "none""#;
        assert_eq!(refused.to_string(), expected);
        let refused =
            SessionOptions::parse(&wire::encode(&Value::map([("deadline_us", Value::Float(f64::NAN))])).bytes);
        let expected = "options: deadline_us: expected a finite number, got NaN";
        assert_eq!(refused.expect_err("it has no end").to_string(), expected);
        let not_finite = ["deadline_us", "packet_deadline_us"].map(|name| (name, Value::Float(f64::NAN)));
        let refused = SessionOptions::parse(&wire::encode(&Value::map(not_finite)).bytes);
        let expected = "options: the document has 2 problems:\n  deadline_us: expected a finite number, got NaN\n  \
                        packet_deadline_us: expected a finite number, got NaN";
        assert_eq!(refused.expect_err("they have no end").to_string(), expected);
        let wrong = [
            (r#"{"buffer": {"packets": "a"}}"#, r#"buffer.packets: expected an integer, got the text "a""#),
            (r#"{"buffer": {"ms": -1}}"#, "buffer.ms: expected an integer of at least 0, got -1"),
            (r#"{"buffer": {"packet": 1}}"#, "buffer.packet: there is no 'packet' here; did you mean 'packets'?"),
            (r#"{"outputs": "a"}"#, r#"outputs: expected a list, got the text "a""#),
            (r#"{"trace": 1}"#, "trace: expected true or false, got 1"),
            (r#"{"trace": true, "trace": true}"#, "duplicate field `trace` at line 1 column 23"),
            ("{", "EOF while parsing an object at line 1 column 1"),
        ];
        for (options, expected) in wrong {
            let refused = SessionOptions::parse(options.as_bytes()).expect_err("it has another form");
            assert_eq!(refused.to_string(), format!("options: {expected}"));
        }
        let refused = PipelineOptions::parse(br#"{"host_nodes": {"mine": {"batch": 1}}}"#);
        let expected = "options: host_nodes.mine.token: expected an integer, got nothing";
        assert_eq!(refused.expect_err("it has no number").to_string(), expected);
        let refused = SessionOptions::parse(br#"{"buffer": {"bytes": 0}}"#).expect_err("nothing would ever fit");
        assert_eq!(refused.to_string(), "options: buffer.bytes: expected 1 or more, got 0");
    }
}
