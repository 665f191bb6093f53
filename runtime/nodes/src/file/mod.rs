//! Nodes that bring files and write them, and what is said of paths.
//!
//! What touches the disk for writing lives here, also for other families; a path is always one that the manifest or the
//! caller named.

mod direct;
mod disk;
mod failure;
mod folder;
mod input;
mod output;
mod pattern;
mod sink;
mod source;
mod target;
mod template;
mod temporary;
mod wait;

pub(crate) use disk::DiskFile;
pub(crate) use failure::{empty, unreadable};
pub(crate) use input::{Arrival, Incoming, Input, open};
pub(crate) use output::{Existing, Finished, Output, unwritten};
pub use sink::{FileSink, FileSinkParams};
pub use source::{FileSource, FileSourceParams};
