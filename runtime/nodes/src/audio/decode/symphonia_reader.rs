//! What the readers of our own have in common, which give Symphonia the packets of a container: how they read ahead, and
//! the parts of its trait that are the same for all. It knows nothing of containers.

use std::io;

use symphonia::core::errors::{Error, Result};
use symphonia::core::io::{MediaSourceStream, ReadBytes};

/// Reads on until there are `wanted` bytes in `bytes`, in pieces of `least` to `most` bytes; fewer are there where the
/// source ends. Whether it does.
///
/// # Errors
/// If the source can't be read.
pub(super) fn read_ahead(
    source: &mut MediaSourceStream<'_>,
    bytes: &mut Vec<u8>,
    wanted: usize,
    least: usize,
    most: usize,
) -> Result<bool> {
    while bytes.len() < wanted {
        let start = bytes.len();
        bytes.resize(start + least.max(wanted - start).min(most), 0);
        let read = source.read_buf(&mut bytes[start..]);
        bytes.truncate(start + read.as_ref().map_or(0, |count| *count));
        match read {
            Ok(0) => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(true),
            Err(error) => return Err(Error::IoError(error)),
        }
    }
    Ok(false)
}

/// The methods of Symphonia's `FormatReader` that give a reader's fields `media`, `metadata`, `tracks` and `reader`, and
/// refuse to seek; the format is `$info`.
macro_rules! format_reader_fields {
    ($info:expr) => {
        fn format_info(&self) -> &symphonia::core::formats::FormatInfo {
            $info
        }

        fn media_info(&self) -> &symphonia::core::formats::MediaInfo {
            &self.media
        }

        fn metadata(&mut self) -> symphonia::core::meta::Metadata<'_> {
            self.metadata.metadata()
        }

        fn tracks(&self) -> &[symphonia::core::formats::Track] {
            &self.tracks
        }

        fn seek(
            &mut self,
            _: symphonia::core::formats::SeekMode,
            _: symphonia::core::formats::SeekTo,
        ) -> symphonia::core::errors::Result<symphonia::core::formats::SeekedTo> {
            Err(symphonia::core::errors::Error::Unsupported("seeking"))
        }

        fn into_inner<'inner>(self: Box<Self>) -> symphonia::core::io::MediaSourceStream<'inner>
        where
            Self: 'inner,
        {
            self.reader
        }
    };
}
pub(super) use format_reader_fields;
