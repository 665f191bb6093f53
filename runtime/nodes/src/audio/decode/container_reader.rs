//! The reader for a container. Which one it is, is known from its first bytes, so that no other is tried.

use std::io;
use std::sync::LazyLock;

use symphonia::core::errors::Error;
use symphonia::core::formats::probe::{Hint, Probe, ProbeableFormat};
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadBytes};
use symphonia::core::meta::{MetadataLog, MetadataOptions};
use symphonia::default::formats::{IsoMp4Reader, MkvReader, OggReader};
use symphonia::default::meta::Id3v1Reader;

use super::aac::adts::AdtsReader;
use super::container::Container;
use super::flac::FlacReader;
use super::iff::blocks::{BlockReader, HeadError};
use super::iff::wave::Content;
use super::iff::{aiff, caf, wave};
use super::matroska::Blocks;
use super::matroska::order::OrderedElements;
use super::matroska::packets::{MatroskaReader, PacketFacts};
use super::mpeg::MpegReader;
use super::ogg::packets::{OggPackets, PageByPage, PagesRead};
use super::tags::ape::ApeTagReader;
use super::tags::id3::Id3TagReader;

/// Why a file has no reader.
pub(super) enum Unopened {
    /// Its bytes are not as they must be.
    Format(Error),
    /// Its header contradicts itself.
    Damaged(&'static str),
    /// It holds a codec of this name, which can't be decoded.
    Codec(String),
    /// The same, of a codec that libraries of the system take for another one.
    Mistaken(String),
}

impl From<Error> for Unopened {
    fn from(error: Error) -> Self {
        Self::Format(error)
    }
}

impl From<io::Error> for Unopened {
    fn from(error: io::Error) -> Self {
        Self::Format(Error::IoError(error))
    }
}

impl From<HeadError> for Unopened {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::Io(error) => Self::Format(Error::IoError(error)),
            HeadError::Damaged(text) => Self::Damaged(text),
            HeadError::Codec(name) => Self::Codec(name),
            HeadError::Mistaken(name) => Self::Mistaken(name),
        }
    }
}

/// The reader of a container that begins at a place of the source, after tags. Of a source that arrives, `facts` are what is
/// found of packets of Matroska; of others they are found here.
///
/// # Errors
/// If the head of the container is not as it must be, or names a codec that can't be decoded.
pub(super) fn open_reader(
    source: Box<dyn MediaSource>,
    container: Container,
    begins: u64,
    facts: PacketFacts,
) -> Result<Box<dyn FormatReader>, Unopened> {
    let (len, pages) = (source.byte_len(), PagesRead::default());
    // Of what arrives the elements are judged before it is read.
    let source: Box<dyn MediaSource> = match container {
        Container::Matroska if source.is_seekable() => {
            let blocks = Blocks::noting(facts.clone(), begins);
            Box::new(OrderedElements::new(source, len.unwrap_or(u64::MAX), blocks))
        }
        Container::Ogg => Box::new(PageByPage::new(source, begins, pages.clone())),
        _ => source,
    };
    let mut stream = MediaSourceStream::new(source, Default::default());
    let content = match container {
        Container::Wav | Container::W64 => {
            stream.ignore_bytes(begins)?;
            wave::read_head(&mut stream, len)?
        }
        Container::Aiff => {
            stream.ignore_bytes(begins)?;
            Content::Blocks(aiff::read_head(&mut stream, len)?)
        }
        Container::Sun => {
            stream.ignore_bytes(begins)?;
            Content::Blocks(aiff::read_sun_head(&mut stream)?)
        }
        Container::Caf => {
            stream.ignore_bytes(begins)?;
            caf::read_head(&mut stream)?
        }
        // It places its packets by bytes from the start of the file.
        Container::Mp4 => return Ok(Box::new(IsoMp4Reader::try_new(stream, FormatOptions::default())?)),
        Container::Flac => return with_tags(&FLAC, stream),
        Container::Ogg => return Ok(Box::new(OggPackets::new(with_tags(&OGG, stream)?, pages))),
        Container::Mpeg => return with_tags(&MPEG, stream),
        Container::Adts => return with_tags(&ADTS, stream),
        // No tags stand around it, and the end at which they would be looked for may be cut off.
        Container::Matroska => {
            stream.ignore_bytes(begins)?;
            return Ok(Box::new(MatroskaReader::new(MkvReader::try_new(stream, FormatOptions::default())?, facts)));
        }
        Container::Foreign(_) | Container::Unknown => return Err(Unopened::Format(Error::Unsupported("no container"))),
    };
    match content {
        Content::Blocks(sound) => Ok(Box::new(BlockReader::new(stream, sound)?)),
        Content::Mpeg(len) => Ok(Box::new(MpegReader::new(stream, len, MetadataLog::default())?)),
    }
}

/// A reader before and after which tags of ID3 and APE may stand.
fn with_tags(probe: &Probe, stream: MediaSourceStream<'static>) -> Result<Box<dyn FormatReader>, Unopened> {
    Ok(probe.probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())?)
}

static FLAC: LazyLock<Probe> = LazyLock::new(probe::<FlacReader<'_>>);
static OGG: LazyLock<Probe> = LazyLock::new(probe::<OggReader<'_>>);
static MPEG: LazyLock<Probe> = LazyLock::new(probe::<MpegReader<'_>>);
static ADTS: LazyLock<Probe> = LazyLock::new(probe::<AdtsReader<'_>>);

fn probe<P>() -> Probe
where
    for<'a> P: ProbeableFormat<'a>,
{
    let mut probe = Probe::default();
    probe.register_format::<P>();
    probe.register_metadata::<ApeTagReader<'_>>();
    probe.register_metadata::<Id3v1Reader<'_>>();
    probe.register_metadata::<Id3TagReader<'_>>();
    probe
}
