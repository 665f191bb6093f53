//! The reader of a tag of APE that stands before or behind a file. The tag is taken out by the length that its header or
//! footer gives, so that what is wrong in it costs its texts and never the sound. (Hydrogenaudio, APEv2 specification.)

use std::io::{Cursor, Seek, SeekFrom};

use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::probe::{ProbeMetadataData, ProbeableMetadata, Score, Scoreable};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadBytes, ScopedStream};
use symphonia::core::meta::{MetadataBuffer, MetadataBuilder, MetadataInfo, MetadataOptions, MetadataReader};
use symphonia::default::meta::ApeReader;

use super::id3::LONGEST;
use crate::audio::decode::symphonia_reader::read_ahead;

/// The length of a header and of a footer.
const PART_LEN: usize = 32;

/// The header or the footer of a tag: both look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audio::decode) struct ApePart {
    /// The bytes of the items and the footer.
    size: u64,
    is_header: bool,
    has_header: bool,
}

impl ApePart {
    /// The part that these bytes begin with. That of version 1 is a footer whatever its flags are.
    pub(in crate::audio::decode) fn read(bytes: &[u8]) -> Option<Self> {
        const VERSION_2: u32 = 2000;
        const HAS_HEADER: u32 = 1 << 31;
        const IS_HEADER: u32 = 1 << 29;
        let fields = bytes.strip_prefix(b"APETAGEX")?.get(..16)?;
        let number = |at: usize| u32::from_le_bytes([fields[at], fields[at + 1], fields[at + 2], fields[at + 3]]);
        let flags = if number(0) == VERSION_2 { number(12) } else { 0 };
        let (is_header, has_header) = (flags & IS_HEADER != 0, flags & HAS_HEADER != 0);
        Some(Self { size: number(4).into(), is_header, has_header })
    }

    /// The bytes from the start of this part that are no sound. Behind a footer its tag is over, which may be missing as where
    /// a file was cut and joined.
    pub(in crate::audio::decode) fn len_ahead(self) -> u64 {
        PART_LEN as u64 + if self.is_header { self.size } else { 0 }
    }

    /// The length of the whole tag.
    pub(in crate::audio::decode) fn tag_len(self) -> u64 {
        self.size + if self.is_header || self.has_header { PART_LEN as u64 } else { 0 }
    }
}

/// The most bytes of an item before its value.
pub(in crate::audio::decode) const MOST_ITEM_HEAD: usize = 8 + 255 + 1;

/// The length of an item, whose head these bytes begin with: only by its items is a tag known that has no header. One that is
/// longer than [`LONGEST`] is none.
pub(in crate::audio::decode) fn item_len(bytes: &[u8]) -> Option<u64> {
    const MOST_FLAGS: u32 = 7;
    const KEY: std::ops::RangeInclusive<usize> = 2..=255;
    let (size, rest) = bytes.split_first_chunk()?;
    let (flags, key) = rest.split_first_chunk()?;
    let (size, flags) = (u32::from_le_bytes(*size), u32::from_le_bytes(*flags));
    let key_len = key.iter().position(|letter| !matches!(letter, b' '..=b'~'))?;
    let is_item = flags <= MOST_FLAGS && (1..=LONGEST).contains(&(size as usize)) && KEY.contains(&key_len);
    (is_item && key[key_len] == 0).then(|| 8 + key_len as u64 + 1 + u64::from(size))
}

/// A reader of the tag whose header comes next in a source, or of that whose footer does.
pub(in crate::audio::decode) struct ApeTagReader<'s> {
    reader: MediaSourceStream<'s>,
}

impl ApeTagReader<'_> {
    /// The bytes of the tag, as far as they are there, and the place of the part in them. The source is behind that then.
    fn take(&mut self) -> Result<(Vec<u8>, u64)> {
        const PIECE: usize = 1 << 16;
        let mut tag = Vec::new();
        read_ahead(&mut self.reader, &mut tag, PART_LEN, PART_LEN, PART_LEN)?;
        let part = ApePart::read(&tag).ok_or(Error::Unsupported("no tag of APE"))?;
        let kept = usize::try_from(part.tag_len()).unwrap_or(LONGEST).min(LONGEST);
        if part.is_header {
            // By pieces: the source may have less than the header says.
            read_ahead(&mut self.reader, &mut tag, kept, 1, PIECE)?;
            self.reader.ignore_bytes(part.tag_len().saturating_sub(tag.len() as u64))?;
            return Ok((tag, 0));
        }
        let end = self.reader.pos();
        let Some(begins) = end.checked_sub(part.tag_len()).filter(|_| self.reader.is_seekable()) else {
            return Ok((tag, 0));
        };
        self.reader.seek(SeekFrom::Start(begins))?;
        tag.clear();
        read_ahead(&mut self.reader, &mut tag, kept, 1, PIECE)?;
        self.reader.seek(SeekFrom::Start(end))?;
        Ok((tag, part.tag_len().saturating_sub(PART_LEN as u64)))
    }
}

impl Scoreable for ApeTagReader<'_> {
    fn score(mut source: ScopedStream<&mut MediaSourceStream<'_>>) -> Result<Score> {
        let mut part = [0; PART_LEN];
        let is_tag = source.read_buf_exact(&mut part).is_ok() && ApePart::read(&part).is_some();
        Ok(if is_tag { Score::Supported(255) } else { Score::Unsupported })
    }
}

impl ProbeableMetadata<'_> for ApeTagReader<'_> {
    fn try_probe_new(reader: MediaSourceStream<'_>, _: MetadataOptions) -> Result<Box<dyn MetadataReader + '_>> {
        Ok(Box::new(ApeTagReader { reader }))
    }

    fn probe_data() -> &'static [ProbeMetadataData] {
        ApeReader::probe_data()
    }
}

impl MetadataReader for ApeTagReader<'_> {
    fn metadata_info(&self) -> &MetadataInfo {
        &ApeReader::probe_data()[1].info
    }

    fn read_all(&mut self) -> Result<MetadataBuffer> {
        let (tag, part) = self.take()?;
        let mut tag = MediaSourceStream::new(Box::new(Cursor::new(tag)), Default::default());
        tag.seek(SeekFrom::Start(part))?;
        let read = ApeReader::try_new(tag, MetadataOptions::default()).and_then(|mut reader| reader.read_all());
        let nothing = |_| {
            let revision = MetadataBuilder::new(*self.metadata_info()).build();
            MetadataBuffer { revision, side_data: Vec::new() }
        };
        Ok(read.unwrap_or_else(nothing))
    }

    fn into_inner<'inner>(self: Box<Self>) -> MediaSourceStream<'inner>
    where
        Self: 'inner,
    {
        self.reader
    }
}
