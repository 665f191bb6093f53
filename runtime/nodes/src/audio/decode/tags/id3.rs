//! The reader of a tag of ID3v2 that stands before or within a file. The tag is taken out by the length that its header
//! gives, so that what is wrong in it costs its texts and never the sound behind it. (id3.org, ID3v2.4.0 structure.)

use std::io::Cursor;

use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::probe::{ProbeMetadataData, ProbeableMetadata, Score, Scoreable};
use symphonia::core::io::{MediaSourceStream, ReadBytes, ScopedStream};
use symphonia::core::meta::{MetadataBuffer, MetadataBuilder, MetadataInfo, MetadataOptions, MetadataReader};
use symphonia_metadata::id3v2::Id3v2Reader;

use crate::audio::decode::symphonia_reader::read_ahead;

const HEADER_LEN: usize = 10;
/// The most bytes of a tag that are looked at; pictures are what is longer.
pub(in crate::audio::decode) const LONGEST: usize = 16 << 20;

/// The length of a tag, whose header these bytes begin with: its size is of four times seven bits (3.1).
pub(in crate::audio::decode) fn tag_len(bytes: &[u8]) -> Option<u64> {
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
pub(in crate::audio::decode) fn read_tag(mut tag: Vec<u8>) -> Option<MetadataBuffer> {
    tag_len(&tag)?;
    // What is left of a tag that was cut off is a whole one, with an end in its last frame.
    let body = tag.len() - HEADER_LEN;
    for (digit, byte) in tag[6..HEADER_LEN].iter_mut().rev().enumerate() {
        *byte = (body >> (7 * digit)) as u8 & 0x7f;
    }
    mend(&mut tag);
    let stream = MediaSourceStream::new(Box::new(Cursor::new(tag)), Default::default());
    Id3v2Reader::try_new(stream, MetadataOptions::default()).ok()?.read_all().ok()
}

/// Puts right what programs write wrong: iTunes names of version 2.2 in tags of later ones, others UTF-16 without the mark
/// of its order, in the first of several texts or in those behind it.
fn mend(tag: &mut [u8]) {
    const FRAME_HEAD: usize = 10;
    const UNSYNCHRONISED_OR_EXTENDED: u8 = 0xc0;
    const UTF_16: u8 = 1;
    let version = tag[3];
    if !(3..=4).contains(&version) || tag[5] & UNSYNCHRONISED_OR_EXTENDED != 0 {
        return;
    }
    let mut frames = &mut tag[HEADER_LEN..];
    while let Some((head, rest)) = frames.split_first_chunk_mut::<FRAME_HEAD>() {
        let [a, b, c, d, size @ .., _, _] = head;
        if let Some((_, name)) = OLD_NAMES.iter().find(|(old, _)| **old == [*a, *b, *c] && matches!(*d, 0 | b' ')) {
            [*a, *b, *c, *d] = **name;
        }
        let bits = if version == 4 { 7 } else { 8 };
        let size = size.iter().fold(0usize, |size, byte| size << bits | usize::from(*byte));
        let Some((content, next)) = rest.split_at_mut_checked(size) else { return };
        if *a == b'T'
            && let [UTF_16, texts @ ..] = content
        {
            order(texts.as_chunks_mut().0);
        }
        frames = next;
    }
}

/// Brings texts of UTF-16 without a mark of their order into the one that the reader expects of them, the greater byte
/// first. What they have is the order of the text before; that of the first one tells where its letters have zeros.
fn order(units: &mut [[u8; 2]]) {
    let mut is_least_first = None;
    for text in units.split_mut(|unit| *unit == [0, 0]) {
        match text.first() {
            Some([0xff, 0xfe]) => is_least_first = Some(true),
            Some([0xfe, 0xff]) => is_least_first = Some(false),
            _ => {
                let zeros = |byte: usize| text.iter().filter(|unit| unit[byte] == 0).count();
                if *is_least_first.get_or_insert_with(|| zeros(1) > zeros(0)) {
                    text.iter_mut().for_each(|unit| unit.reverse());
                }
            }
        }
    }
}

/// Names of version 2.2 and what the same frames are called later.
const OLD_NAMES: [(&[u8; 3], &[u8; 4]); 14] = [
    (b"COM", b"COMM"),
    (b"TAL", b"TALB"),
    (b"TCM", b"TCOM"),
    (b"TCO", b"TCON"),
    (b"TCR", b"TCOP"),
    (b"TEN", b"TENC"),
    (b"TP1", b"TPE1"),
    (b"TP2", b"TPE2"),
    (b"TPA", b"TPOS"),
    (b"TRK", b"TRCK"),
    (b"TT2", b"TIT2"),
    (b"TXX", b"TXXX"),
    (b"TYE", b"TYER"),
    (b"ULT", b"USLT"),
];

/// A reader of the tag that comes next in a source.
pub(in crate::audio::decode) struct Id3TagReader<'s> {
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
    fn what_programs_write_wrong_is_put_right() {
        let text = |body: &[u8], version: u8| {
            let found = read_tag(tag(version, 0, body)).expect("it is a tag");
            let shown = |tag: &symphonia::core::meta::Tag| format!("{} {:?}", tag.raw.key, tag.raw.value);
            found.revision.media.tags.iter().map(shown).collect::<Vec<_>>().join(", ")
        };
        for version in [3, 4] {
            assert_eq!(
                text(b"TP1\0\0\0\0\x07\0\0\0artistTT2 \0\0\0\x04\0\0\0one", version),
                "TPE1 String(\"artist\"), TIT2 String(\"one\")"
            );
            for letters in [&b"\x01o\0n\0e\0"[..], b"\x01\xff\xfeo\0n\0e\0", b"\x01\0o\0n\0e", b"\x01\xfe\xff\0o\0n\0e"]
            {
                let frame = [&b"TIT2\0\0\0"[..], &[letters.len() as u8], b"\0\0", letters].concat();
                assert_eq!(text(&frame, version), "TIT2 String(\"one\")", "{letters:?}");
            }
        }
        // Only the first of several texts has the mark.
        let texts = b"TPE1\0\0\0\x0b\0\0\x01\xff\xfeo\0\0\0t\0w\0";
        assert_eq!(text(texts, 4), "TPE1 StringList([\"o\", \"tw\"])");
        mend(&mut tag(3, 0, b"TIT2\xff\xff\xff\xff\0\0\x01"));
        mend(&mut tag(4, 0, b"TIT2\0"));
    }

    #[test]
    fn a_tag_that_is_cut_off_says_what_is_whole_in_it() {
        let whole = tag(3, 0, &[TITLE, b"TPE1\0\0\0\x07\0\0\0artist"].concat());
        assert_eq!(read_tag(whole.clone()).as_ref().map(titles), Some(2));
        assert_eq!(read_tag(whole[..whole.len() - 3].to_vec()).as_ref().map(titles), Some(1));
        assert!(matches!(Id3TagReader::probe_data()[0].anchors, Anchors::None));
    }
}
