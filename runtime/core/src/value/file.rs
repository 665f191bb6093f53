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
    /// Its name, where the source does not tell it: of a file that its host has opened, as its path is not UTF-8.
    pub raw_name: Option<Arc<[u8]>>,
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
        Self { source: FileSource::Path(path.into()), mime: None, raw_name: None }
    }

    /// A file in memory.
    pub fn from_bytes(content: Buffer) -> Self {
        Self { source: FileSource::Bytes(content), mime: None, raw_name: None }
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
        let source = match &self.source {
            FileSource::Path(path) => path.len(),
            FileSource::Bytes(buffer) => buffer.len(),
        };
        source + self.raw_name.as_ref().map_or(0, |name| name.len())
    }
}
