//! What a node's error means for the work that the node is part of, as a manifest says it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

/// What an error of a node means. A panic of a native node is a defect of it and always fails the work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The error fails the work.
    #[default]
    Fail,
    /// What the node was working on is dropped and reported, and the node begins anew with what follows.
    Skip,
    /// The node tries again with what it was working on.
    Retry(Retry),
}

/// How often a node tries again, and what then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// How many times it is tried again, after the first time.
    #[schemars(range(min = 1, max = 100))]
    pub times: u32,
    /// How long to wait before the first time, in milliseconds; twice as long before each further one, up to an hour.
    #[serde(default = "default_backoff_ms")]
    #[schemars(range(max = 3_600_000))]
    pub backoff_ms: u32,
    /// What the last error means.
    #[serde(default)]
    pub then: Then,
}

/// What an error means once it has been tried often enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Then {
    /// It fails the work.
    #[default]
    Fail,
    /// What the node was working on is dropped and reported.
    Skip,
}

/// Where a node runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum Isolation {
    #[default]
    Thread,
}

const LONGEST_BACKOFF: Duration = Duration::from_secs(3600);

fn default_backoff_ms() -> u32 {
    100
}

impl OnError {
    /// How a node tries again, if it does.
    pub fn retry(&self) -> Option<Retry> {
        match self {
            OnError::Retry(retry) => Some(*retry),
            OnError::Fail | OnError::Skip => None,
        }
    }

    /// Whether an error that is not tried again leaves the rest of the work going on.
    pub fn skips(&self) -> bool {
        matches!(self, OnError::Skip | OnError::Retry(Retry { then: Then::Skip, .. }))
    }
}

impl Retry {
    /// How long to wait before it is tried again, after it has been tried again `tried` times.
    pub fn backoff(&self, tried: u32) -> Duration {
        let factor = 1u32.checked_shl(tried).unwrap_or(u32::MAX);
        Duration::from_millis(self.backoff_ms.into()).saturating_mul(factor).min(LONGEST_BACKOFF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_doubles_up_to_an_hour() {
        let retry = Retry { times: 100, backoff_ms: 100, then: Then::Fail };
        let backoffs: Vec<_> = [0, 1, 2, 15, 16, 31, 32, 99].map(|tried| retry.backoff(tried).as_millis()).into();
        assert_eq!(backoffs, [100, 200, 400, 3_276_800, 3_600_000, 3_600_000, 3_600_000, 3_600_000]);
        assert_eq!(Retry { backoff_ms: 0, ..retry }.backoff(99), Duration::ZERO);
    }
}
