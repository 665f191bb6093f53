//! A file, by path or by content.

use std::sync::Arc;

use super::Buffer;

/// A file as an input or a result. Nothing here opens it.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// The place of its bytes.
    pub source: FileSource,
    /// Its media type, such as `audio/flac`, if known.
    pub mime: Option<Arc<str>>,
}

/// The place of the bytes of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum FileSource {
    /// On disk, at a path of this machine in UTF-8.
    Path(Arc<str>),
    /// In memory.
    Bytes(Buffer),
}

impl File {
    /// A file on disk.
    pub fn from_path(path: impl Into<Arc<str>>) -> Self {
        Self { source: FileSource::Path(path.into()), mime: None }
    }

    /// The last part of the path, for messages. The separator is that of the system: `\` is a letter on Unix.
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
