//! The reader of a tag of ID3v2 that stands before or within a file. The tag is taken out by the length that its header
//! gives, so that what is wrong in it costs its texts and never the sound behind it. (id3.org, ID3v2.4.0 structure.)

use std::io::Cursor;

use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::probe::{ProbeMetadataData, ProbeableMetadata, Score, Scoreable};
use symphonia::core::io::{MediaSourceStream, ReadBytes, ScopedStream};
use symphonia::core::meta::{MetadataBuffer, MetadataBuilder, MetadataInfo, MetadataOptions, MetadataReader};
use symphonia_metadata::id3v2::Id3v2Reader;

use super::symphonia_reader::read_ahead;

const HEADER_LEN: usize = 10;
/// The most bytes of a tag that are looked at; pictures are what is longer.
pub(super) const LONGEST: usize = 16 << 20;

/// The length of a tag, whose header these bytes begin with: its size is of four times seven bits (3.1).
pub(super) fn tag_len(bytes: &[u8]) -> Option<u64> {
    let header = bytes.strip_prefix(b"ID3")?.get(..HEADER_LEN - 3)?;
    let size = &header[3..];
    if size.iter().any(|byte| *byte >= 0x80) {
        return None;
    }
    let body = size.iter().fold(0, |sum, byte| sum << 7 | u64::from(*byte));
    let footer = if header[2] & 0x10 == 0 { 0 } else { HEADER_LEN as u64 };
    Some(HEADER_LEN as u64 + body + footer)
}

/// What a tag says, if it can be understood. It may be cut off.
pub(super) fn read_tag(mut tag: Vec<u8>) -> Option<MetadataBuffer> {
    tag_len(&tag)?;
    // What is left of a tag that was cut off is a whole one, with an end in its last frame.
    let body = tag.len() - HEADER_LEN;
    for (digit, byte) in tag[6..HEADER_LEN].iter_mut().rev().enumerate() {
        *byte = (body >> (7 * digit)) as u8 & 0x7f;
    }
    let stream = MediaSourceStream::new(Box::new(Cursor::new(tag)), Default::default());
    Id3v2Reader::try_new(stream, MetadataOptions::default()).ok()?.read_all().ok()
}

/// A reader of the tag that comes next in a source.
pub(super) struct Id3TagReader<'s> {
    reader: MediaSourceStream<'s>,
}

impl Scoreable for Id3TagReader<'_> {
    fn score(mut source: ScopedStream<&mut MediaSourceStream<'_>>) -> Result<Score> {
        let mut header = [0; HEADER_LEN];
        let is_tag = source.read_buf_exact(&mut header).is_ok() && tag_len(&header).is_some();
        Ok(if is_tag { Score::Supported(255) } else { Score::Unsupported })
    }
}

impl ProbeableMetadata<'_> for Id3TagReader<'_> {
    fn try_probe_new(reader: MediaSourceStream<'_>, _: MetadataOptions) -> Result<Box<dyn MetadataReader + '_>> {
        Ok(Box::new(Id3TagReader { reader }))
    }

    fn probe_data() -> &'static [ProbeMetadataData] {
        Id3v2Reader::probe_data()
    }
}

impl MetadataReader for Id3TagReader<'_> {
    fn metadata_info(&self) -> &MetadataInfo {
        &Id3v2Reader::probe_data()[0].info
    }

    fn read_all(&mut self) -> Result<MetadataBuffer> {
        const PIECE: usize = 1 << 16;
        let mut tag = Vec::new();
        read_ahead(&mut self.reader, &mut tag, HEADER_LEN, HEADER_LEN, HEADER_LEN)?;
        let len = tag_len(&tag).ok_or(Error::Unsupported("no tag of ID3v2"))?;
        let kept = usize::try_from(len).unwrap_or(LONGEST).min(LONGEST);
        // By pieces: the source may have less than the header says.
        read_ahead(&mut self.reader, &mut tag, kept, 1, PIECE)?;
        self.reader.ignore_bytes(len - tag.len() as u64)?;
        let nothing =
            || MetadataBuffer { revision: MetadataBuilder::new(*self.metadata_info()).build(), side_data: Vec::new() };
        Ok(read_tag(tag).unwrap_or_else(nothing))
    }

    fn into_inner<'inner>(self: Box<Self>) -> MediaSourceStream<'inner>
    where
        Self: 'inner,
    {
        self.reader
    }
}

#[cfg(test)]
mod tests {
    use symphonia::core::formats::probe::Anchors;

    use super::*;

    /// A tag of a version, with these flags and this body.
    fn tag(version: u8, flags: u8, body: &[u8]) -> Vec<u8> {
        let mut tag = vec![b'I', b'D', b'3', version, 0, flags, 0, 0, (body.len() >> 7) as u8, body.len() as u8 & 0x7f];
        tag.extend(body);
        tag
    }

    const TITLE: &[u8] = b"TIT2\0\0\0\x06\0\0\0title";

    fn titles(found: &MetadataBuffer) -> usize {
        found.revision.media.tags.len()
    }

    #[test]
    fn the_length_is_that_of_the_header_the_body_and_the_footer() {
        assert_eq!(tag_len(b"ID3\x04\0\0\0\0\x01\x02"), Some(10 + 130));
        assert_eq!(tag_len(b"ID3\x04\0\x10\0\0\x01\x02"), Some(20 + 130));
        assert_eq!(tag_len(b"ID3\x04\0\0\0\0\x81\x02"), None);
        assert_eq!(tag_len(b"ID3\x04\0\0\0\0\x01"), None);
    }

    #[test]
    fn whatever_is_in_a_tag_what_follows_it_is_left_in_the_source() {
        let cut = [TITLE, b"APIC\0\0\x10\0\0\0picture"].concat();
        for (name, tag, expected) in [
            ("a title", tag(3, 0, TITLE), 1),
            ("an extended header of a wrong length", tag(4, 0x40, &[&[0, 0, 1, 0x76][..], TITLE].concat()), 0),
            ("a version that does not exist", tag(9, 0, TITLE), 0),
            ("compression of 2.2", tag(2, 0x40, TITLE), 0),
            ("a frame that is longer than the tag", tag(3, 0, &cut), 1),
            ("an unsynchronised one that ends within a frame", tag(3, 0x80, &TITLE[..13]), 0),
            ("nothing", tag(4, 0, b""), 0),
        ] {
            let bytes = [&tag[..], b"sound"].concat();
            let source = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
            let mut reader = Box::new(Id3TagReader { reader: source });
            assert_eq!(titles(&reader.read_all().expect(name)), expected, "{name}");
            let mut rest = Vec::new();
            read_ahead(&mut reader.into_inner(), &mut rest, 100, 100, 100).expect("it is in memory");
            assert_eq!(rest, b"sound", "{name}");
        }
    }

    #[test]
    fn a_tag_that_is_cut_off_says_what_is_whole_in_it() {
        let whole = tag(3, 0, &[TITLE, b"TPE1\0\0\0\x07\0\0\0artist"].concat());
        assert_eq!(read_tag(whole.clone()).as_ref().map(titles), Some(2));
        assert_eq!(read_tag(whole[..whole.len() - 3].to_vec()).as_ref().map(titles), Some(1));
        assert!(matches!(Id3TagReader::probe_data()[0].anchors, Anchors::None));
    }
}
