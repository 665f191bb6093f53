//! What a node may know of the item whose packets it gets.

use std::sync::Arc;

/// One input of a run, one of the things that a source brings, or the stream of a session from its beginning or the last
/// flush on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Counts from 0 within the run. In a session, the number of the first packet of the stream.
    pub number: u64,
    /// The name of the file that it is, without its folder; or what a source calls it.
    pub name: Option<Arc<str>>,
}
