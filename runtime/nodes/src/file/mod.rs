//! Nodes that bring files and write them, and what is said of paths.
//!
//! What touches the disk for writing lives here, also for other families; a path is always one that the manifest or the
//! caller named.

mod failure;
mod folder;
mod output;
mod pattern;
mod sink;
mod source;
mod template;

pub(crate) use failure::{directory, unopened, unreadable};
pub(crate) use output::{Existing, Finished, Output, unwritten};
pub use sink::{FileSink, FileSinkParams};
pub use source::{FileSource, FileSourceParams};
