//! From the bytes of a manifest to a checked blueprint of nodes and edges.

mod blueprint;
mod problem;

pub use blueprint::{Blueprint, BlueprintNode, Edge, Endpoint, HostNodeType, HostNodes, Work};
pub use problem::{ManifestError, Problem};
