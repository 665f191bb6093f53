//! Nodes for text.

mod collector;
mod language;
mod sentence;

pub use collector::{TextCollector, TextCollectorParams};
pub use language::Language;
