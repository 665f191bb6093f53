//! A file that arrives in pieces: when it can be opened, and when its next packet is certain to be there.
//!
//! The demuxers read from a source until a packet is whole and can't stop in the middle of one. So the reader is let on
//! only when enough has arrived: the longest packet that the format (or the header of this file) allows, or for Ogg
//! the pages that are whole. Memory holds that much, and the head of the file until it is open.

use std::io::Cursor;

use remotemedia_core::node::NodeError;
use remotemedia_core::value::Buffer;
use symphonia::core::io::MediaSource;

use super::container::{Container, SNIFF_LEN, Sniffed, sniff};
use super::demuxer::{Demuxer, Wanted};
use super::failure;
use super::iff::tags::chunk_tags;
use super::iff::{aiff, caf};
use super::matroska::Blocks;
use super::ogg::links::{Link, SoundingLinks};
use super::ogg::pages::{OggPages, Streams};
use super::opened::Opened;
use super::refusal::{Refusal, foreign};
use super::source::{Arriving, PatchedSource};
use super::system::codecs::{SystemSource, ready};
use super::whole_file::{open_buffer, whole_band};

/// A stream that no one knows after so many bytes is no audio.
const PATIENCE: u64 = 1 << 20;
/// The most bytes that are kept of a stream: of a file that must be there as a whole, and of one whose sound should
/// have come by then.
const MOST_COLLECTED: u64 = 512 << 20;
const MOST_AHEAD: u64 = 64 << 20;
/// The most bytes of a stream in which the upper band of HE-AAC is looked for.
const HEARD: usize = 1 << 16;
/// The first attempt to open comes after so many bytes, each further one after half as many again: live sound of 12 kbit/s has
/// these in 170 ms.
const FIRST_ATTEMPT: u64 = 256;
/// The same for what is known by several frames in a row, or by what they hold.
const FIRST_ATTEMPT_BY_FRAMES: u64 = 4096;

/// The bytes of one file, as far as they are there.
pub(super) struct ByteStream {
    /// What messages call the file.
    name: String,
    bytes: Arriving,
    next_attempt: u64,
    /// Whether the file can only be read once it is whole.
    is_collected: bool,
    open: Option<Open>,
    /// Whether the sound is out, so that what follows on it is of no use.
    is_over: bool,
}

struct Open {
    file: Opened,
    /// `None` if the whole file was collected first.
    gate: Option<Gate>,
    /// Whether the end of an Ogg stream was looked at.
    is_end_known: bool,
}

/// When the next packet is certain to be there.
enum Gate {
    /// So many bytes ahead of the reader.
    Ahead(u64),
    Ogg(OggPages),
    /// Blocks, and how many packets of the track were asked for. The reader must not meet the end within a cluster.
    Matroska {
        blocks: Box<Blocks>,
        track: u32,
        asked: u64,
    },
}

impl ByteStream {
    pub(super) fn new(name: String) -> Self {
        Self { name, bytes: Arriving::default(), next_attempt: 0, is_collected: false, open: None, is_over: false }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn push(&mut self, piece: Buffer) {
        if !self.is_over {
            self.bytes.push(piece);
        }
    }

    /// The sound is out; more bytes may come.
    pub(super) fn end(&mut self) {
        self.is_over = true;
    }

    /// Whether the sound is out.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// No more comes.
    pub(super) fn finish(&mut self) {
        self.bytes.finish();
    }

    pub(super) fn is_finished(&self) -> bool {
        self.bytes.is_finished()
    }

    /// The open file, whether or not a packet is there.
    pub(super) fn opened(&self) -> Option<&Opened> {
        self.open.as_ref().map(|open| &open.file)
    }

    /// As [`ByteStream::opened`], for its head.
    pub(super) fn opened_mut(&mut self) -> Option<&mut Opened> {
        self.open.as_mut().map(|open| &mut open.file)
    }

    /// The file, if its next packet is there.
    ///
    /// # Errors
    /// If the stream can't be opened.
    pub(super) fn ready(&mut self) -> Result<Option<&mut Opened>, NodeError> {
        if self.open.is_none() {
            self.open = self.try_open()?;
        }
        let most = if self.is_collected { MOST_COLLECTED } else { MOST_AHEAD };
        if self.bytes.kept() > most {
            return Err(failure::too_long(&self.name, most));
        }
        let Some(open) = &mut self.open else { return Ok(None) };
        let Some(gate) = &mut open.gate else { return Ok(Some(&mut open.file)) };
        let position = self.bytes.read_position();
        if let (Gate::Matroska { blocks, .. }, Opened::BuiltIn(demuxer)) = (&mut *gate, &mut open.file) {
            blocks.advance(|place, len| self.bytes.peek(place, len), self.bytes.end());
            demuxer.learn(blocks);
            if let Some(lost) = blocks.lost() {
                demuxer.learn_lost(&lost);
                self.bytes.finish_at(lost.at);
            }
            if let Some(place) = blocks.joined_at() {
                self.bytes.finish_at(place);
            }
        }
        if let (Gate::Ogg(pages), Opened::BuiltIn(demuxer)) = (&mut *gate, &mut open.file)
            && self.bytes.is_finished()
            && !std::mem::replace(&mut open.is_end_known, true)
            && let Some(last) = pages.end(&self.bytes)
        {
            demuxer.learn_end(last);
        }
        if let (Gate::Ogg(pages), Opened::BuiltIn(demuxer)) = (&mut *gate, &mut open.file) {
            let limit = pages.whole(&self.bytes);
            if let Some(lost) = pages.lost() {
                demuxer.learn_lost(&lost);
                self.bytes.finish_at(limit);
            }
            if let Some(place) = pages.outside() {
                self.bytes.go_on_at(place);
            }
        }
        let limit = if self.bytes.is_finished() {
            self.bytes.end()
        } else {
            match gate {
                Gate::Ahead(ahead) if self.bytes.end() - position < *ahead => return Ok(None),
                Gate::Ahead(_) => self.bytes.end(),
                Gate::Ogg(pages) => pages.whole(&self.bytes),
                Gate::Matroska { blocks, track, asked } => {
                    if blocks.whole(*track) <= *asked {
                        return Ok(None);
                    }
                    *asked += 1;
                    self.bytes.end()
                }
            }
        };
        self.bytes.allow(limit);
        self.bytes.release(match gate {
            Gate::Matroska { blocks, .. } => position.min(blocks.next()),
            Gate::Ogg(pages) => position.min(pages.seen()),
            Gate::Ahead(_) => position,
        });
        Ok(Some(&mut open.file))
    }

    /// If the reader met the end of what has arrived, makes it go on later, and says so.
    pub(super) fn step_back_if_starved(&mut self) -> bool {
        self.open.as_ref().is_some_and(|open| open.gate.is_some()) && self.bytes.starved()
    }

    /// Opens what begins at a place as a file by itself, as soon as enough of it has arrived: a link of a chain that takes
    /// another reader.
    pub(super) fn go_on(&mut self, place: u64) {
        let bytes = self.bytes.rest(place);
        *self = Self { bytes, ..Self::new(std::mem::take(&mut self.name)) };
    }

    /// Opens the file if enough of it has arrived.
    fn try_open(&mut self) -> Result<Option<Open>, NodeError> {
        if !self.bytes.is_finished() && self.bytes.end() < self.next_attempt.max(SNIFF_LEN as u64) {
            return Ok(None);
        }
        if self.bytes.end() == 0 {
            return Err(failure::empty(&self.name));
        }
        let Some((container, begins)) = self.container() else { return Ok(None) };
        match self.is_streamable(container, begins) {
            None => Ok(None),
            _ if self.is_collected => self.open_whole(container),
            Some(false) => self.open_whole(container),
            Some(true) if self.has_head(container) => self.open_head(container, begins),
            Some(true) => Ok(None),
        }
    }

    /// The container and where it begins, unless that takes more bytes.
    fn container(&mut self) -> Option<(Container, u64)> {
        match sniff(|place, len| self.bytes.peek(place, len), self.bytes.is_finished()) {
            Sniffed::Found(container, begins) => Some((container, begins)),
            Sniffed::Needs(end) => {
                self.next_attempt = end;
                None
            }
        }
    }

    /// Whether the file can be read while it arrives, unless that takes more bytes to know.
    fn is_streamable(&mut self, container: Container, begins: u64) -> Option<bool> {
        match container {
            Container::Mp4 | Container::Unknown | Container::Foreign(_) => Some(false),
            Container::Caf => {
                let description = self.bytes.peek(begins, caf::DESCRIPTION_LEN);
                if description.len() < caf::DESCRIPTION_LEN && !self.bytes.is_finished() {
                    self.next_attempt = begins + caf::DESCRIPTION_LEN as u64;
                    return None;
                }
                Some(caf::is_streamable(&description))
            }
            Container::Aiff => {
                let told = aiff::is_streamable(|place, len| self.bytes.peek(begins + place, len));
                if told.is_none() && !self.bytes.is_finished() {
                    self.next_attempt = self.bytes.end() + 1;
                    return None;
                }
                Some(told.unwrap_or(true))
            }
            Container::Matroska => {
                let blocks = self.blocks(begins);
                if !blocks.has_block() && blocks.lost().is_none() && !self.bytes.is_finished() {
                    self.next_attempt = self.bytes.end() + 1;
                    return None;
                }
                Some(blocks.has_tracks() || !blocks.has_block())
            }
            _ => Some(true),
        }
    }

    /// Whether so much has arrived that the head of the file is likely to be whole.
    fn has_head(&mut self, container: Container) -> bool {
        let first = match container {
            Container::Ogg | Container::Matroska | Container::Wav => FIRST_ATTEMPT,
            _ => FIRST_ATTEMPT_BY_FRAMES,
        };
        self.next_attempt = self.next_attempt.max(first);
        self.bytes.is_finished() || self.bytes.end() >= self.next_attempt
    }

    /// The blocks of Matroska that have arrived.
    fn blocks(&self, begins: u64) -> Blocks {
        let mut blocks = Blocks::new(begins);
        blocks.advance(|place, len| self.bytes.peek(place, len), self.bytes.end());
        blocks
    }

    /// Opens the demuxer on what has arrived, unless it meets the end of that.
    fn open_head(&mut self, container: Container, begins: u64) -> Result<Option<Open>, NodeError> {
        let end = self.bytes.end();
        let link = Link::first_sounding(|place, len| self.bytes.peek(place, len), begins);
        if container == Container::Ogg
            && let Some((codec, channels)) = link.outside()
        {
            if link.is_open() && !self.bytes.is_finished() {
                self.next_attempt = end + 1;
                return Ok(None);
            }
            return self.open_outside(container, failure::kind_unsupported(&self.name, codec, channels));
        }
        let mut pages = OggPages::default();
        self.bytes.rewind(0);
        // A page that is cut would be lost to the reader, so it must not see the beginning of one.
        let is_cut = container == Container::Ogg && !self.bytes.is_finished();
        let whole = if container == Container::Ogg { pages.whole(&self.bytes) } else { end };
        if pages.lost().is_some() {
            self.bytes.finish_at(whole);
        }
        if let Some(place) = pages.outside() {
            self.bytes.go_on_at(place);
        }
        let blocks = if container == Container::Matroska { self.blocks(begins) } else { Blocks::default() };
        if let Some(lost) = blocks.lost() {
            self.bytes.finish_at(lost.at);
        }
        self.bytes.allow(if is_cut { whole } else { end });
        let first = self.bytes.peek(0, SNIFF_LEN);
        let lost = pages.lost().map(|lost| lost.to_string()).or(blocks.lost().map(|lost| lost.to_string()));
        if let Some(refusal) = blocks.refusal(&self.name) {
            return self.open_outside(container, refusal);
        }
        let track = match container {
            Container::Ogg => Streams::read(|place, len| self.bytes.peek(place, len), link.begins).sound,
            _ => blocks.wanted(),
        };
        let source: Box<dyn MediaSource> = match container {
            Container::Ogg => {
                let bytes = self.bytes.clone();
                Box::new(SoundingLinks::new(self.bytes.source(), move |place, len| bytes.peek(place, len)))
            }
            Container::Matroska => {
                let source = self.bytes.endless_source();
                Box::new(PatchedSource::new(source, blocks.patches(self.bytes.end())))
            }
            _ => Box::new(self.bytes.source()),
        };
        let begins = if container == Container::Matroska { blocks.begins() } else { begins };
        let wanted = Wanted { track, facts: blocks.facts() };
        let result = Demuxer::open(source, container, begins, self.name.clone(), &first, None, wanted);
        if self.bytes.starved() {
            self.next_attempt = end + end / 2;
            return Ok(None);
        }
        let mut demuxer = match result {
            Ok(demuxer) if !self.has_upper_band(&demuxer, container)? => demuxer,
            Ok(_) => return self.collect(container),
            Err(refusal) => {
                let refusal = match lost {
                    Some(lost) => refusal.of_damaged(failure::damaged(&self.name, &lost)),
                    None => refusal,
                };
                return self.open_outside(container, refusal);
            }
        };
        let gate = match container {
            Container::Ogg => Gate::Ogg(pages),
            Container::Matroska => {
                demuxer.learn(&blocks);
                demuxer.learn_private(blocks.private(demuxer.track()))?;
                demuxer.tell(blocks.tags(demuxer.track()));
                Gate::Matroska { blocks: Box::new(blocks), track: demuxer.track(), asked: 0 }
            }
            Container::Flac => Gate::Ahead(flac_packet_len(&self.bytes)),
            Container::Wav | Container::Aiff | Container::Caf => {
                let read = |place: u64, len: usize| self.bytes.peek(begins.saturating_add(place), len);
                demuxer.tell(chunk_tags(container, read, false));
                Gate::Ahead(1)
            }
            Container::Adts => Gate::Ahead(10 * 1024),
            // Their readers keep what is no whole packet yet.
            _ => Gate::Ahead(1),
        };
        Ok(Some(Open { file: demuxer.into(), gate: Some(gate), is_end_known: false }))
    }

    /// Collects the file for codecs of the system, which want it whole, or fails where there are none.
    fn open_outside(&mut self, container: Container, refusal: Refusal) -> Result<Option<Open>, NodeError> {
        match refusal.may_be_outside(container) && ready().is_some() {
            true => self.collect(container),
            false => Err(refusal.without_outside(container, &self.name)),
        }
    }

    fn collect(&mut self, container: Container) -> Result<Option<Open>, NodeError> {
        self.bytes.rewind(0);
        self.is_collected = true;
        self.next_attempt = u64::MAX;
        if self.bytes.is_finished() { self.open_whole(container) } else { Ok(None) }
    }

    /// Whether frames of AAC that have arrived show that they are HE-AAC, which codecs of the system decode.
    fn has_upper_band(&self, demuxer: &Demuxer, container: Container) -> Result<bool, NodeError> {
        let arrived = || Ok(Box::new(Cursor::new(self.bytes.peek(0, HEARD))) as Box<dyn SystemSource>);
        Ok(whole_band(demuxer, container, arrived)?.is_some())
    }

    fn open_whole(&mut self, container: Container) -> Result<Option<Open>, NodeError> {
        if let Container::Foreign(format) = container
            && !self.bytes.is_finished()
        {
            let refusal = foreign(&self.name, &self.bytes.peek(0, SNIFF_LEN), container, format);
            return self.open_outside(container, refusal);
        }
        if container == Container::Unknown && self.bytes.end() > PATIENCE {
            return Err(failure::not_audio(&self.name, &self.bytes.peek(0, SNIFF_LEN), None));
        }
        if !self.bytes.is_finished() {
            self.is_collected =
                matches!(container, Container::Mp4 | Container::Caf | Container::Aiff | Container::Matroska);
            // Frames may follow on what no one knows.
            self.next_attempt = if self.is_collected { u64::MAX } else { (2 * self.bytes.end()).min(PATIENCE + 1) };
            return Ok(None);
        }
        self.is_collected = true;
        let file = open_buffer(self.bytes.take_all(), &self.name)?;
        Ok(Some(Open { file, gate: None, is_end_known: true }))
    }
}

/// The most bytes that the reader of FLAC takes for one frame: the longest frame of this stream (RFC 9639, 8.2), and
/// what it reads ahead to find the next header.
fn flac_packet_len(bytes: &Arriving) -> u64 {
    const READ_AHEAD: u64 = 36 * 1024;
    let place = match sniff(|place, len| bytes.peek(place, len), true) {
        Sniffed::Found(_, place) | Sniffed::Needs(place) => place,
    };
    let info = bytes.peek(place + 8, 13);
    let [_, _, block_high, block_low, _, _, _, high, middle, low, _, _, channels] = info[..] else {
        return 2 << 20;
    };
    let stated = u64::from(high) << 16 | u64::from(middle) << 8 | u64::from(low);
    let block = u64::from(block_high) << 8 | u64::from(block_low);
    // A frame that did not compress holds its samples as they are, of at most 33 bits.
    let verbatim = block * u64::from((channels >> 1 & 7) + 1) * 33 / 8 + 64;
    let longest = if stated == 0 { verbatim } else { stated };
    longest.max(READ_AHEAD) + READ_AHEAD
}
