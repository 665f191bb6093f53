//! Reads and writes what a path leads to: files, pipes, devices. It knows paths and bytes, and nothing of audio or of any
//! one node; a path is always one that the manifest or the caller named.

mod direct;
mod disk;
mod failure;
mod folder;
mod input;
mod item_names;
mod output;
mod pattern;
mod system;
mod target;
mod template;
mod temporary;

pub(crate) use disk::DiskFile;
pub(crate) use failure::{empty, unreadable};
pub(crate) use folder::prepare;
pub(crate) use input::{Arrival, Incoming, Input, open};
pub(crate) use output::{Existing, Finished, Output, is_there, unwritten};
pub(crate) use pattern::{Found, find, root};
pub(crate) use template::Template;
