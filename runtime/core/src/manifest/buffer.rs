//! What may wait on one connection, and what becomes of a packet that finds no room there.

use std::num::{NonZeroU32, NonZeroU64};

use schemars::JsonSchema;
use serde::Deserialize;

/// What may wait on a connection. Each limit that is not given is as it is by default. A connection with a buffer always
/// has a queue: its two nodes run at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EdgeBuffer {
    /// Packets; 64 by default.
    pub packets: Option<NonZeroU32>,
    /// Bytes; 8 MiB by default. A packet that is larger on its own still passes.
    pub bytes: Option<NonZeroU64>,
    /// Media time in milliseconds; 5000 by default.
    pub ms: Option<NonZeroU32>,
    /// What happens where there is no room: `block` (the default) lets the node before it wait, `drop_oldest` drops what
    /// has waited longest, `drop_newest` drops what comes. Drops are counted. Runs over inputs that are all there
    /// (`execute`) lose nothing: they wait whatever the policy is.
    pub policy: Option<Policy>,
}

/// What happens where there is no room for a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[allow(missing_docs, reason = "a variant with documentation becomes a schema of its own, which messages would list")]
pub enum Policy {
    #[default]
    Block,
    DropOldest,
    DropNewest,
}

impl EdgeBuffer {
    /// The policy, by default to wait.
    pub fn policy(self) -> Policy {
        self.policy.unwrap_or_default()
    }
}

impl Policy {
    /// As a manifest writes it.
    pub fn name(self) -> &'static str {
        match self {
            Policy::Block => "block",
            Policy::DropOldest => "drop_oldest",
            Policy::DropNewest => "drop_newest",
        }
    }
}
