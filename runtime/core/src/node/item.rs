//! The item whose packets a node gets, as far as the node may know it.

use std::sync::Arc;

/// One input of a run, one item of a source such as a file, or the stream of a session since its beginning or its last
/// flush.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Counts from 0 within the run. In a session, the number of the first packet of the stream.
    pub number: u64,
    /// The name of the file without its folder, or the name that a source gives.
    pub name: Option<Arc<str>>,
}
