//! What the readers of our own have in common, which give Symphonia the packets of a container: how they read ahead, and
//! the parts of its trait that are the same for all. It knows nothing of containers.

use std::io;

use symphonia::core::errors::{Error, Result, SeekErrorKind};
use symphonia::core::formats::{SeekTo, SeekedTo};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadBytes};
use symphonia::core::units::Timestamp;

use super::tags::ape::{ApePart, MOST_ITEM_HEAD, item_len};
use super::tags::id3::tag_len;

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

/// Whether the end of a source is that of its file, and not only that of what has arrived.
pub(super) fn is_all_there(source: &MediaSourceStream<'_>) -> bool {
    source.byte_len().is_some()
}

/// Leaves out tags that begin the bytes that wait, as at the end or where a file was put behind another one: what is in them
/// may look like frames. `left` are the bytes of a tag that are still to come. Whether all tags are passed; else the source
/// ends, or what has arrived does not tell yet.
///
/// # Errors
/// If the source can't be read.
pub(super) fn leave_out_tags(source: &mut MediaSourceStream<'_>, bytes: &mut Vec<u8>, left: &mut u64) -> Result<bool> {
    const PIECE: usize = 1024;
    loop {
        while *left > 0 {
            if read_ahead(source, bytes, 1, PIECE, PIECE)? {
                return Ok(false);
            }
            let count = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
            bytes.drain(..count);
            *left -= count as u64;
        }
        let is_end = read_ahead(source, bytes, MOST_ITEM_HEAD, PIECE, PIECE)?;
        let Some(len) = len_of_tag(bytes) else { return Ok(!is_end || is_all_there(source)) };
        // One that claims more than there is may have a wrong length.
        let end = source.pos() - bytes.len() as u64 + len;
        if source.byte_len().is_some_and(|all| end > all) {
            return Ok(true);
        }
        *left = len;
    }
}

/// The bytes of a tag that are no sound, if these bytes begin one; of APE without a header its next item.
fn len_of_tag(bytes: &[u8]) -> Option<u64> {
    const ID3V1: u64 = 128;
    let ape = || ApePart::read(bytes).map(ApePart::len_ahead).or_else(|| item_len(bytes));
    tag_len(bytes).or_else(ape).or_else(|| bytes.starts_with(b"TAG").then_some(ID3V1))
}

/// The frame that a reader of ours is to jump to, whose timestamps are decoded frames.
///
/// # Errors
/// If a time is asked for.
pub(super) fn wanted_frame(to: SeekTo) -> Result<u64> {
    match to {
        SeekTo::Timestamp { ts, .. } => Ok(u64::try_from(ts.get()).unwrap_or(0)),
        SeekTo::Time { .. } => Err(Error::SeekError(SeekErrorKind::Unseekable)),
    }
}

/// What a reader of ours says that jumped to the packet before which so many frames lie, as it was asked for a frame.
pub(super) fn jumped_to(packet: u64, frame: u64) -> SeekedTo {
    let timestamp = |frame: u64| Timestamp::from(i64::try_from(frame).unwrap_or(i64::MAX));
    SeekedTo { track_id: 0, required_ts: timestamp(frame), actual_ts: timestamp(packet) }
}

/// The methods of Symphonia's `FormatReader` that give a reader's fields `media`, `metadata`, `tracks` and `reader`; the
/// format is `$info`.
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

        fn into_inner<'inner>(self: Box<Self>) -> symphonia::core::io::MediaSourceStream<'inner>
        where
            Self: 'inner,
        {
            self.reader
        }
    };
}
pub(super) use format_reader_fields;

/// What a reader that changes packets of another one, its `reader`, tells as that does.
macro_rules! inner_reader_fields {
    () => {
        fn format_info(&self) -> &symphonia::core::formats::FormatInfo {
            self.reader.format_info()
        }

        fn media_info(&self) -> &symphonia::core::formats::MediaInfo {
            self.reader.media_info()
        }

        fn attachments(&self) -> &[symphonia::core::formats::Attachment] {
            self.reader.attachments()
        }

        fn chapters(&self) -> Option<&symphonia::core::meta::ChapterGroup> {
            self.reader.chapters()
        }

        fn metadata(&mut self) -> symphonia::core::meta::Metadata<'_> {
            self.reader.metadata()
        }

        fn tracks(&self) -> &[symphonia::core::formats::Track] {
            self.reader.tracks()
        }
    };
}
pub(super) use inner_reader_fields;
