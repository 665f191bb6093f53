//! Nodes for text.

mod collector;
mod sentence;

pub use collector::{TextCollector, TextCollectorParams};
