//! The options of pipelines and sessions, and how the documents are read that set them.

use std::fmt::Display;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::error::ConfigError;
use crate::exec::queues::queue::Bounds;
use crate::manifest::{Form, HostNodes, HostNodesDocument, check_form, form, host_tokens, read_plain};
use crate::outside::message;

/// The options of a pipeline, beside its manifest.
#[derive(Clone, Debug, Default)]
pub struct PipelineOptions {
    /// The node types that the host runs itself.
    pub host_nodes: HostNodes,
}

/// The options of a pipeline as a document has them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct PipelineDocument {
    host_nodes: HostNodesDocument,
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
    /// The names of the outputs to hand out, each once; all if none is named. What reaches the others is dropped.
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

form!(PipelineDocument);
form!(PortOptions);
form!(SessionDocument);

impl PipelineOptions {
    /// Reads a map as JSON text or msgpack; an empty document means the defaults. `given` gets the token of each node type as
    /// soon as the document is read, also if it is refused then: the host has to get it back.
    ///
    /// # Errors
    /// If it can't be read, or an entry is unknown or out of range.
    pub fn parse(document: &[u8], given: impl FnMut(u64)) -> Result<Self, ConfigError> {
        let Some(value) = read_value(document, OPTIONS)? else { return Ok(Self::default()) };
        host_tokens(&value).for_each(given);
        let PipelineDocument { host_nodes } = typed(value, OPTIONS)?;
        Ok(Self { host_nodes: host_nodes.checked().map_err(|error| refused(OPTIONS, &error))? })
    }
}

impl PortOptions {
    /// Reads a map as JSON text or msgpack; an empty document means the defaults.
    ///
    /// # Errors
    /// If an entry is unknown or out of range.
    pub fn parse(document: &[u8]) -> Result<Self, ConfigError> {
        read(document, OPTIONS)
    }
}

impl SessionOptions {
    /// Reads a map as JSON text or msgpack; an empty document means the defaults.
    ///
    /// # Errors
    /// If an entry is unknown or out of range.
    pub fn parse(document: &[u8]) -> Result<Self, ConfigError> {
        let SessionDocument { outputs, buffer, deadline_us, packet_deadline_us, clock, trace } =
            read(document, OPTIONS)?;
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

/// The name of documents of options in messages.
const OPTIONS: &str = "options";

/// Reads a document of options, JSON text or msgpack, told apart by the first byte. An empty one means the defaults.
pub(super) fn read<T: Form + Default>(document: &[u8], name: &str) -> Result<T, ConfigError> {
    read_value(document, name)?.map_or_else(|| Ok(T::default()), |value| typed(value, name))
}

/// The value of a document that is not empty.
fn read_value(document: &[u8], name: &str) -> Result<Option<Json>, ConfigError> {
    if document.is_empty() {
        return Ok(None);
    }
    read_plain(document).map(Some).map_err(|error| refused(name, &error.of("the document")))
}

/// The value as a `T`. Its form is checked first: serde takes a list in place of a map, and what it says of a wrong form is for
/// those who know its types.
fn typed<T: Form>(value: Json, name: &str) -> Result<T, ConfigError> {
    check_form::<T>(&value).map_err(|error| refused(name, &error))?;
    T::deserialize(value).map_err(|error| refused(name, &error))
}

fn refused(name: &str, reason: &dyn Display) -> ConfigError {
    ConfigError(message(format!("{name}: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;
    use crate::wire;

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
            (
                r#"{"trace": true, "trace": true}"#,
                r#"line 1, column 17: trace: the name "trace" stands in this map twice; remove one of the two"#,
            ),
            (
                "{",
                "line 1, column 2: expected a name in quotes, got the end of the text; the map that begins on line 1 is not closed",
            ),
            (r#"[["a"]]"#, "expected a map, got a list"),
            (r#"{"buffer": [3]}"#, "buffer: expected a map, got a list"),
            (" null", "expected a map, got null"),
        ];
        for (options, expected) in wrong {
            let refused = SessionOptions::parse(options.as_bytes()).expect_err("it has another form");
            assert_eq!(refused.to_string(), format!("options: {expected}"));
        }
        for list in [&b"\x90"[..], b"\xdc\0\0"] {
            let refused = SessionOptions::parse(list).expect_err("a list as msgpack");
            assert_eq!(refused.to_string(), "options: expected a map, got an empty list");
        }
        let refused = SessionOptions::parse(br#"{"buffer": {"bytes": 0}}"#).expect_err("nothing would ever fit");
        assert_eq!(refused.to_string(), "options: buffer.bytes: expected 1 or more, got 0");
    }

    #[test]
    fn node_types_of_the_host_are_refused_with_their_place_and_their_tokens_are_known() {
        for (declared, expected, tokens) in [
            (r#"{"mine": {"batch": 1}}"#, "mine.token: expected an integer, got nothing", &[][..]),
            (r#"{"mine": [7, 3]}"#, "mine: expected a map, got a list", &[]),
            (
                r#"{"a": {"token": 1}, "b": {"token": 2, "x": 1}}"#,
                "b.x: there is no 'x' here; there are 'token', 'batch', 'max_wait_ms', 'ends', 'inputs' and 'outputs'",
                &[1, 2],
            ),
            (r#"{"a": {"token": 1, "batch": -1}}"#, "a.batch: expected an integer of at least 1, got -1", &[1]),
            (r#"{"a": {"token": 1, "batch": 0}}"#, "a.batch: expected an integer of at least 1, got 0", &[1]),
            (r#"{"a": {"token": 3, "max_wait_ms": -5}}"#, "a.max_wait_ms: expected 0 or more, got -5", &[3]),
            (r#"{"a": {"token": 1, "inputs": []}}"#, "a.inputs: expected 1 to 64 names, got 0", &[1]),
            (
                r#"{"a": {"token": 1, "inputs": ["b", "a.b"]}}"#,
                r#"a.inputs[1]: expected a name of 1 to 64 letters, digits, '_' and '-', got "a.b""#,
                &[1],
            ),
            (r#"{"a": {"token": 1, "outputs": ["b", "b"]}}"#, r#"a.outputs[1]: the name "b" stands there twice"#, &[1]),
        ] {
            let mut given = Vec::new();
            let options = format!(r#"{{"host_nodes": {declared}}}"#);
            let refused = PipelineOptions::parse(options.as_bytes(), |token| given.push(token));
            let message = refused.expect_err("it has another form").to_string();
            assert_eq!((message, &given[..]), (format!("options: host_nodes.{expected}"), tokens));
        }
        let longest = br#"{"host_nodes": {"a": {"token": 1, "max_wait_ms": 1e300}}}"#;
        let options = PipelineOptions::parse(longest, |_| ()).expect("a wait without an end");
        assert_eq!(options.host_nodes["a"].max_wait, Some(Duration::MAX));
        let twice = br#"{"host_nodes": {"t": {"token": 1}, "t": {"token": 2}}}"#;
        let refused = PipelineOptions::parse(twice, |_| panic!("a name that stands twice can't be read"));
        assert_eq!(
            refused.expect_err("twice").to_string(),
            r#"options: line 1, column 36: host_nodes.t: the name "t" stands in this map twice; remove one of the two"#
        );
    }
}
