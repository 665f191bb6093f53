//! Opens a file that is there as a whole, on disk or in memory: finds out its container, and reads what only the whole
//! file tells before the demuxer begins.

use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};

use remotemedia_core::node::NodeError;
use remotemedia_core::value::Buffer;
use symphonia::core::io::MediaSource;

use super::aac::band::Band;
use super::container::{Container, SNIFF_LEN, Sniffed, sniff};
use super::demuxer::{Demuxer, Wanted};
use super::failure;
use super::iff::tags::chunk_tags;
use super::matroska::Blocks;
use super::mp4::gapless::Movie;
use super::mp4::patches::patches;
use super::mp4::tags::mp4_tags;
use super::ogg::links::{Link, SoundingLinks};
use super::ogg::order::OrderedPages;
use super::ogg::pages::{Streams, Tail};
use super::opened::{Chain, Opened};
use super::refusal::Refusal;
use super::source::gap::GapSource;
use super::source::{BufferBytes, CutSource, DiskSource, PatchedSource, TailedSource, read_at};
use super::system::codecs::{SystemSource, ready};
use super::system::file::SystemFile;

/// Opens a file on disk; `name` is what messages call it, and `again` opens it once more, for codecs of the system and for
/// later links of a chain.
///
/// # Errors
/// If it can't be read or decoded.
pub(super) fn open_file(
    file: DiskSource,
    name: String,
    again: impl Fn() -> Result<DiskSource, NodeError> + Send + 'static,
) -> Result<Opened, NodeError> {
    let mut first = Some(file);
    Chain::open(move |begins| {
        let again = || -> Result<DiskSource, NodeError> {
            again()?.from(begins).map_err(|error| failure::unreadable(&name, &error))
        };
        let file = first.take().map_or_else(again, Ok)?;
        let (found, file) = Found::in_file(file, &name)?;
        let container = found.container;
        completed(found.open(file, name.clone()), container, name.clone(), || Ok(Box::new(again()?)))
    })
}

/// Opens a file whose content is in memory; `name` is what messages call it.
///
/// # Errors
/// If it can't be decoded.
pub(super) fn open_buffer(buffer: Buffer, name: &str) -> Result<Opened, NodeError> {
    if buffer.is_empty() {
        return Err(failure::empty(name));
    }
    let name = name.to_owned();
    Chain::open(move |begins| {
        let rest =
            usize::try_from(begins).ok().and_then(|begins| buffer.slice(begins, buffer.len().checked_sub(begins)?));
        let rest = rest.ok_or_else(|| failure::empty(&name))?;
        let mut source = Cursor::new(BufferBytes(rest.clone()));
        let found = Found::in_memory(&mut source);
        let container = found.container;
        let opened = found.open(source, name.clone());
        completed(opened, container, name.clone(), || Ok(Box::new(Cursor::new(BufferBytes(rest)))))
    })
}

/// What the built-in decoders opened, or what codecs of the system make of it, where more is in it than those know.
fn completed(
    opened: Result<Demuxer, Refusal>,
    container: Container,
    name: String,
    source: impl FnOnce() -> Result<Box<dyn SystemSource>, NodeError>,
) -> Result<Opened, NodeError> {
    let demuxer = match opened {
        Ok(demuxer) => demuxer,
        Err(refusal) => return refusal.by_system(container, name, source).map(Opened::from),
    };
    match whole_band(&demuxer, container, source)? {
        Some(file) => Ok(file.into()),
        None => Ok(demuxer.into()),
    }
}

/// The file by codecs of the system, if they are there and find HE-AAC where the built-in decoder finds its lower band.
///
/// # Errors
/// If the file can't be opened again.
pub(super) fn whole_band(
    demuxer: &Demuxer,
    container: Container,
    source: impl FnOnce() -> Result<Box<dyn SystemSource>, NodeError>,
) -> Result<Option<SystemFile>, NodeError> {
    let lower = match demuxer.band() {
        Band::Whole => return Ok(None),
        Band::Lower => None,
        Band::MaybeLower(rate) => Some(rate),
    };
    let Some(codecs) = ready() else { return Ok(None) };
    let file = SystemFile::open(codecs, source()?, container, demuxer.name().to_owned()).ok();
    Ok(file.filter(|file| lower.is_none_or(|lower| file.rate().is_some_and(|rate| rate > lower))))
}

/// What is known of a file before its demuxer is opened.
struct Found {
    container: Container,
    /// Where the container begins, after tags.
    begins: u64,
    /// The first bytes.
    first: Vec<u8>,
    len: u64,
    movie: Option<Movie>,
    blocks: Option<Blocks>,
}

impl Found {
    fn new(sniffed: Sniffed, first: Vec<u8>, len: u64) -> Self {
        let (container, begins) = match sniffed {
            Sniffed::Found(container, begins) => (container, begins),
            Sniffed::Needs(_) => (Container::Unknown, 0),
        };
        Self { container, begins, first, len, movie: None, blocks: None }
    }

    /// What a file on disk is, and the file.
    fn in_file(mut file: DiskSource, name: &str) -> Result<(Self, DiskSource), NodeError> {
        let mut first = Vec::new();
        let mut failed = None;
        let read = |place: u64, len: usize| {
            let mut bytes = Vec::new();
            let result =
                file.seek(SeekFrom::Start(place)).and_then(|_| (&mut file).take(len as u64).read_to_end(&mut bytes));
            if let Err(error) = result {
                failed = Some(error);
            }
            if place == 0 && first.is_empty() {
                first.clone_from(&bytes);
            }
            bytes
        };
        let sniffed = sniff(read, true);
        if let Some(error) = failed {
            return Err(failure::unreadable(name, &error));
        }
        let mut found = Found::new(sniffed, first, file.len);
        if found.container == Container::Mp4 {
            found.movie = Movie::read(&mut file).map_err(|error| failure::unreadable(name, &error))?;
        }
        if found.container == Container::Matroska {
            let mut reader = BufReader::new(&mut file);
            found.blocks =
                Some(Blocks::of_file(|place, len| read_at(&mut reader, place, len), found.begins, found.len));
        }
        Ok((found, file))
    }

    /// What the content of a file is.
    fn in_memory(source: &mut Cursor<BufferBytes>) -> Self {
        let bytes = source.get_ref().as_ref();
        let read = |place: u64, len: usize| {
            let start = usize::try_from(place).map_or(bytes.len(), |place| place.min(bytes.len()));
            bytes[start..bytes.len().min(start + len)].to_vec()
        };
        let first = bytes[..bytes.len().min(SNIFF_LEN)].to_vec();
        let mut found = Found::new(sniff(read, true), first, bytes.len() as u64);
        if found.container == Container::Mp4 {
            found.movie = Movie::read(source).ok().flatten();
        }
        if found.container == Container::Matroska {
            found.blocks = Some(Blocks::of_file(|place, len| read_at(source, place, len), found.begins, found.len));
        }
        found
    }

    fn open(self, mut source: impl MediaSource + 'static, name: String) -> Result<Demuxer, Refusal> {
        let read = |place: u64, len: usize| read_at(&mut source, self.begins.saturating_add(place), len);
        let tags = match &self.movie {
            Some(movie) => mp4_tags(movie),
            None => chunk_tags(self.container, read, true),
        };
        let (mut streams, mut tail, mut last, mut is_chain) = (Streams::default(), None, None, false);
        if self.container == Container::Ogg {
            let mut read = |place: u64, len: usize| read_at(&mut source, place, len);
            let link = Link::first_sounding(&mut read, self.begins);
            if let Some((codec, channels)) = link.outside() {
                return Err(failure::kind_unsupported(&name, codec, channels));
            }
            let begins = link.begins;
            streams = Streams::read(&mut read, begins);
            last = tail.insert(Tail::of_file(&mut read, self.len)).last();
            is_chain = last.is_some_and(|last| streams.are_chained(read, begins, last));
        }
        if let Some(refusal) = self.blocks.as_ref().and_then(|blocks| blocks.refusal(&name)) {
            return Err(refusal);
        }
        let track = streams.sound.or(self.blocks.as_ref().and_then(Blocks::wanted));
        let wanted = Wanted { track, ..Wanted::default() };
        source.rewind().map_err(|error| failure::unreadable(&name, &error))?;
        let movie = self.movie.as_ref();
        let source = match &self.blocks {
            Some(blocks) => readable_blocks(source, self.len, blocks),
            None if self.container == Container::Ogg => readable_links(source),
            None => readable_movie(source, self.len, movie),
        };
        let mut demuxer = if matches!(self.container, Container::Ogg | Container::Mp4 | Container::Matroska) {
            let mut file = GapSource::new(source);
            if self.container == Container::Ogg {
                file.end_at(last.map(|last| if last.ends_whole { self.len } else { last.ends_at }));
            }
            let view: Box<dyn MediaSource> = match self.container {
                Container::Ogg => Box::new(OrderedPages::new(file.view(None), 0)),
                _ => Box::new(file.view(None)),
            };
            let lost = self.blocks.as_ref().and_then(Blocks::lost);
            let begins = self.blocks.as_ref().map_or(self.begins, Blocks::begins);
            let demuxer = Demuxer::open(view, self.container, begins, name.clone(), &self.first, movie, wanted)
                // Its reader does not say why it found no tracks or blocks.
                .map_err(|refusal| match lost {
                    Some(lost) => refusal.of_damaged(failure::damaged(&name, &lost.to_string())),
                    None => refusal,
                })?;
            demuxer.jumping(file, movie, self.blocks.as_ref(), is_chain)
        } else {
            Demuxer::open(source, self.container, self.begins, name, &self.first, movie, wanted)?
        };
        demuxer.tell(tags);
        if let Some(last) = last {
            demuxer.learn_end(last);
            demuxer.learn_length(tail.and_then(|tail| tail.end_of(demuxer.track())), is_chain);
        }
        if let Some(blocks) = &self.blocks {
            demuxer.learn(blocks);
            demuxer.learn_private(blocks.private(demuxer.track()))?;
            demuxer.tell(blocks.tags(demuxer.track()));
        }
        Ok(demuxer)
    }
}

/// The demuxer of MP4 reads nothing of a file that is shorter than its boxes, unless it does not see that, and wants all
/// tracks to be right.
fn readable_movie(source: impl MediaSource + 'static, len: u64, movie: Option<&Movie>) -> Box<dyn MediaSource> {
    let Some(movie) = movie else { return Box::new(source) };
    let patches = patches(movie);
    if movie.file_len > len {
        return Box::new(PatchedSource::new(CutSource { source, full_len: movie.file_len }, patches));
    }
    if !movie.has_type {
        // Nor does it read anything without the box `ftyp`, which old files of QuickTime do not have.
        let source = TailedSource::new(source, len, b"\0\0\0\x10ftypqt  \0\0\0\0");
        return Box::new(PatchedSource::new(source, patches));
    }
    Box::new(PatchedSource::new(source, patches))
}

/// That of Matroska is alike: it wants all elements to be right that it knows.
fn readable_blocks(source: impl MediaSource + 'static, len: u64, blocks: &Blocks) -> Box<dyn MediaSource> {
    let source = CutSource { source, full_len: blocks.full_len(len) };
    Box::new(PatchedSource::new(source, blocks.patches(len)))
}

/// That of Ogg does not go on behind a link without sound.
fn readable_links(source: impl MediaSource + 'static) -> Box<dyn MediaSource> {
    let file = GapSource::new(Box::new(source));
    let mut ahead = file.view(None);
    Box::new(SoundingLinks::new(file.view(None), move |place, len| ahead.bytes_at(place, len).unwrap_or_default()))
}

#[cfg(test)]
mod cost;
