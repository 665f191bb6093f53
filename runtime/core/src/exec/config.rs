//! How a runtime is set up: a document with few entries, all of them optional.

use std::num::NonZeroUsize;

use serde::Deserialize;

use crate::wire;

/// The configuration of a runtime.
#[derive(Clone, Debug)]
pub struct Config {
    workers: Option<usize>,
    /// The most bytes that the results of a one-shot may keep alive.
    pub output_bytes: usize,
    /// What is allowed in documents that come in.
    pub wire: wire::Limits,
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("config: {0}")]
pub struct ConfigError(String);

/// The configuration as a document has it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ConfigDocument {
    workers: Option<usize>,
    limits: LimitsDocument,
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
    /// From the JSON form of the document; the JSON null means all defaults.
    ///
    /// # Errors
    /// If an entry is unknown or out of range.
    pub fn from_json(document: serde_json::Value) -> Result<Self, ConfigError> {
        if document.is_null() {
            return Ok(Self::default());
        }
        let document: ConfigDocument =
            serde_json::from_value(document).map_err(|error| ConfigError(error.to_string()))?;
        if let Some(workers) = document.workers.filter(|workers| !(1..=MOST_WORKERS).contains(workers)) {
            return Err(ConfigError(format!("workers: expected 1 to {MOST_WORKERS}, got {workers}")));
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
        })
    }

    /// The number of worker threads: as told, else the cores that this process may use, its cgroup included.
    pub fn workers(&self) -> usize {
        self.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self { workers: None, output_bytes: 2 << 30, wire: wire::Limits::default() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(document: serde_json::Value) -> String {
        Config::from_json(document).expect_err("it should be refused").to_string()
    }

    #[test]
    fn takes_entries_and_keeps_defaults() {
        let config = Config::from_json(json!({"workers": 3, "limits": {"depth": 7}})).expect("a valid config");
        assert_eq!((config.workers(), config.wire.depth), (3, 7));
        assert_eq!(config.wire.items, wire::Limits::default().items);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert_eq!(refusal(json!({"worker": 3})), "config: unknown field `worker`, expected `workers` or `limits`");
        assert_eq!(refusal(json!({"workers": 0})), "config: workers: expected 1 to 1024, got 0");
    }
}
