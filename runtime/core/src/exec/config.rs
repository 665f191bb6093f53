//! The configuration of a runtime: a document with few entries, all of them optional.

use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::Deserialize;

use super::error::ConfigError;
use super::options::read;
use crate::exec::workers::nice;
use crate::manifest::form;
use crate::wire;

/// The configuration of a runtime.
#[derive(Clone, Debug)]
pub struct Config {
    workers: Option<usize>,
    nice: u8,
    /// The most bytes that the results of a one-shot may keep alive.
    pub output_bytes: usize,
    /// The limits of documents that come in.
    pub wire: wire::Limits,
    /// Whether a completion that a call returns begins with `offsets`.
    pub has_offsets: bool,
    /// Whether the description of the runtime has the codecs, for which those of the system are loaded.
    pub lists_codecs: bool,
}

/// The configuration as a document has it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct ConfigDocument {
    workers: Option<usize>,
    nice: i64,
    limits: LimitsDocument,
    offsets: bool,
    codecs: bool,
    /// Reserved for libraries with further node types.
    node_libraries: Vec<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct LimitsDocument {
    output_bytes: Option<usize>,
    depth: Option<usize>,
    items: Option<usize>,
    document_bytes: Option<usize>,
    buffers: Option<usize>,
    extent_bytes: Option<usize>,
}

form!(ConfigDocument);

const MOST_WORKERS: usize = 1024;

impl Config {
    /// Reads a map as JSON text or msgpack; an empty document means the defaults.
    ///
    /// # Errors
    /// If an entry is unknown or out of range.
    pub fn parse(document: &[u8]) -> Result<Self, ConfigError> {
        let document: ConfigDocument = read(document, "config")?;
        if let Some(workers) = document.workers.filter(|workers| !(1..=MOST_WORKERS).contains(workers)) {
            return Err(ConfigError(format!("config: workers: expected 1 to {MOST_WORKERS}, got {workers}")));
        }
        let deepest = wire::Limits::MAX_DEPTH;
        if let Some(depth) = document.limits.depth.filter(|depth| *depth > deepest) {
            return Err(ConfigError(format!("config: limits.depth: expected 0 to {deepest}, got {depth}")));
        }
        let nice = checked_nice(document.nice, nice::IS_PER_THREAD)?;
        if !document.node_libraries.is_empty() {
            let reason = "this version loads no node libraries, so the list must be empty";
            return Err(ConfigError(format!("config: node_libraries: {reason}")));
        }
        let defaults = Self::default();
        let limits = document.limits;
        Ok(Self {
            workers: document.workers,
            nice,
            output_bytes: limits.output_bytes.unwrap_or(defaults.output_bytes),
            wire: wire::Limits {
                depth: limits.depth.unwrap_or(defaults.wire.depth),
                items: limits.items.unwrap_or(defaults.wire.items),
                bytes: limits.document_bytes.unwrap_or(defaults.wire.bytes),
                buffers: limits.buffers.unwrap_or(defaults.wire.buffers),
                extent: limits.extent_bytes.unwrap_or(defaults.wire.extent),
            },
            has_offsets: document.offsets,
            lists_codecs: document.codecs,
        })
    }

    /// The number of worker threads: as configured, else the cores that this process may use, its cgroup included.
    pub fn workers(&self) -> usize {
        self.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get))
    }

    /// How far the worker threads step back for other threads: steps of the system's nice value above that of the process,
    /// 0 to 19.
    pub fn nice(&self) -> u8 {
        self.nice
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers: None,
            nice: 0,
            output_bytes: 2 << 30,
            wire: wire::Limits::default(),
            has_offsets: false,
            lists_codecs: false,
        }
    }
}

/// The entry `nice`, if it is in range and this system has nice values for single threads.
fn checked_nice(given: i64, is_per_thread: bool) -> Result<u8, ConfigError> {
    let nice = u8::try_from(given)
        .ok()
        .filter(|nice| *nice <= nice::MOST)
        .ok_or_else(|| ConfigError(format!("config: nice: expected 0 to {}, got {given}", nice::MOST)))?;
    if nice > 0 && !is_per_thread {
        let reason = "threads have no nice value of their own on this system, so it must be 0";
        return Err(ConfigError(format!("config: nice: {reason}, got {nice}")));
    }
    Ok(nice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Kind;
    use crate::wire::WireErrorKind;

    fn refusal(document: &str) -> String {
        Config::parse(document.as_bytes()).expect_err("it should be refused").to_string()
    }

    #[test]
    fn takes_entries_and_keeps_defaults() {
        let config = Config::parse(br#"{"workers": 3, "limits": {"depth": 7}}"#).expect("a valid config");
        assert_eq!((config.workers(), config.nice(), config.wire.depth, config.has_offsets), (3, 0, 7, false));
        assert_eq!(config.wire.items, wire::Limits::default().items);
    }

    #[test]
    fn limits_have_the_names_by_which_errors_tell_to_raise_them() {
        let document = WireErrorKind::Bytes { found: 2, limit: 1 };
        let extent = WireErrorKind::Extent { kind: Kind::Tensor, found: 2, held: 1, limit: 1 };
        let buffers = WireErrorKind::Buffers { found: 2, limit: 1 };
        for kind in [WireErrorKind::Depth { limit: 1 }, WireErrorKind::Items { limit: 1 }, document, buffers, extent] {
            let name = kind.cure().split('"').nth(1).expect("the name of a limit");
            let usual = Config::default().wire;
            let raised = Config::parse(format!(r#"{{"limits": {{"{name}": 300}}}}"#).as_bytes());
            assert_ne!(raised.expect("a limit").wire, usual, "{name}");
        }
    }

    #[test]
    fn takes_msgpack_as_well() {
        let document = b"\x81\xa7workers\x05";
        assert_eq!(Config::parse(document).expect("a valid config").workers(), 5);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert_eq!(refusal(r#"{"worker": 3}"#), "config: worker: there is no 'worker' here; did you mean 'workers'?");
        assert_eq!(refusal(r#"{"workers": 0}"#), "config: workers: expected 1 to 1024, got 0");
        assert_eq!(
            refusal(r#"{"node_libraries": ["a.so"]}"#),
            "config: node_libraries: this version loads no node libraries, so the list must be empty"
        );
        assert!(Config::parse(br#"{"node_libraries": []}"#).is_ok());
        assert_eq!(refusal(r#"{"limits": {"depth": 513}}"#), "config: limits.depth: expected 0 to 512, got 513");
        assert_eq!(Config::parse(br#"{"limits": {"depth": 512}}"#).expect("in range").wire.depth, 512);
        assert_eq!(refusal(r#"[1, 0, {"output_bytes": 5}]"#), "config: expected a map, got a list");
        assert_eq!(refusal(r#"{"limits": [5]}"#), "config: limits: expected a map, got a list");
    }

    #[test]
    fn takes_a_nice_value_that_the_system_knows() {
        for nice in [0, 1, 19] {
            assert_eq!(checked_nice(nice, true).expect("in range"), u8::try_from(nice).expect("it is small"));
        }
        for given in [20, -1, 256, -256] {
            let wanted = format!("config: nice: expected 0 to 19, got {given}");
            assert_eq!(refusal(&format!(r#"{{"nice": {given}}}"#)), wanted);
        }
        assert_eq!(refusal(r#"{"nice": 1.5}"#), "config: nice: expected an integer, got 1.5");
    }

    #[test]
    fn takes_no_nice_value_but_0_where_threads_have_none_of_their_own() {
        assert_eq!(checked_nice(0, false).expect("nothing is to be set"), 0);
        assert_eq!(
            checked_nice(7, false).expect_err("refused").to_string(),
            "config: nice: threads have no nice value of their own on this system, so it must be 0, got 7"
        );
        let range = checked_nice(20, false).expect_err("out of range everywhere").to_string();
        assert_eq!(range, "config: nice: expected 0 to 19, got 20");
    }
}
