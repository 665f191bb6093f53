//! A file, by path or by content.

use std::sync::Arc;

use super::Buffer;

/// A file as an input or a result. Nothing here opens it.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Where its bytes are.
    pub source: FileSource,
    /// Its media type, such as `audio/flac`, if known.
    pub mime: Option<Arc<str>>,
}

/// Where the bytes of a file are.
#[derive(Clone, Debug, PartialEq)]
pub enum FileSource {
    /// On disk, at a path of this machine in UTF-8.
    Path(Arc<str>),
    /// Here.
    Bytes(Buffer),
}

impl File {
    /// A file on disk.
    pub fn from_path(path: impl Into<Arc<str>>) -> Self {
        Self { source: FileSource::Path(path.into()), mime: None }
    }

    /// The last part of the path, for messages. What divides a path is up to the system: `\` is a letter on Unix.
    pub fn name(&self) -> Option<&str> {
        match &self.source {
            FileSource::Path(path) => path.rsplit(std::path::is_separator).next(),
            FileSource::Bytes(_) => None,
        }
    }

    /// The bytes of memory that this file keeps alive.
    pub fn weight(&self) -> usize {
        match &self.source {
            FileSource::Path(path) => path.len(),
            FileSource::Bytes(buffer) => buffer.len(),
        }
    }
}
