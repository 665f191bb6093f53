//! What of the packets in Ogg is sound. Only the last page of a stream may count fewer frames than its packets hold, and leaves
//! the others out (RFC 7845, 4.4; Vorbis I, A.2); so may the first of Vorbis, where it has two packets. Symphonia's reader takes
//! every page at its word, and converters that round times write pages that count some frames more or less: those give all their
//! packets here.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_VORBIS;
use symphonia::core::errors::{Error, Result, SeekErrorKind};
use symphonia::core::formats::{FormatReader, SeekMode, SeekTo, SeekedTo};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};

use super::pages::{FIRST, FIXED, LAST_OF_STREAM, MARK, packets_ended, page_len, serial};
use crate::audio::decode::symphonia_reader::inner_reader_fields;

/// The page that the reader has of each stream of a link.
#[derive(Clone, Default)]
pub(in crate::audio::decode) struct PagesRead(Arc<Mutex<BTreeMap<u32, PageRead>>>);

#[derive(Clone, Copy, Default)]
struct PageRead {
    is_last: bool,
    /// How many packets end on it.
    packets: usize,
}

impl PagesRead {
    fn take(&self, header: &[u8]) {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if header[5] & FIRST != 0 {
            pages.clear();
        }
        let is_last = header[5] & LAST_OF_STREAM != 0;
        pages.insert(serial(header), PageRead { is_last, packets: packets_ended(header) });
    }

    fn of(&self, stream: u32) -> PageRead {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&stream).copied().unwrap_or_default()
    }
}

/// A source that gives no byte behind the page that is read, so that it is known from which one the packets come that the
/// reader has.
pub(in crate::audio::decode) struct PageByPage {
    source: Box<dyn MediaSource>,
    /// So many bytes of tags still come before the first page.
    tags: u64,
    /// What was given of the header of a page.
    header: Vec<u8>,
    /// So many bytes of the page are still to be given.
    left: u64,
    pages: PagesRead,
}

impl PageByPage {
    /// The source stands at its start, and its pages begin at a place. It notes them in `pages`.
    pub(in crate::audio::decode) fn new(source: Box<dyn MediaSource>, begins: u64, pages: PagesRead) -> Self {
        Self { source, tags: begins, header: Vec::new(), left: 0, pages }
    }

    fn take_of_header(&mut self, bytes: &[u8]) {
        self.header.extend_from_slice(bytes);
        let may_begin = |from: &usize| {
            let known = &self.header[*from..];
            MARK.starts_with(&known[..known.len().min(MARK.len())])
        };
        let from = (0..self.header.len()).find(may_begin).unwrap_or(self.header.len());
        self.header.drain(..from);
        if let Some(len) = page_len(&self.header) {
            self.pages.take(&self.header);
            self.left = len - self.header.len() as u64;
            self.header.clear();
        }
    }
}

impl Read for PageByPage {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let known = self.header.len();
        let header = if known < FIXED { FIXED } else { FIXED + usize::from(self.header[FIXED - 1]) };
        let within = self.tags.max(self.left);
        let most =
            if within > 0 { usize::try_from(within).unwrap_or(usize::MAX) } else { header.saturating_sub(known) };
        let most = most.max(1).min(target.len());
        let count = self.source.read(&mut target[..most])?;
        match (self.tags, self.left) {
            (1.., _) => self.tags -= count as u64,
            (_, 1..) => self.left -= count as u64,
            _ => self.take_of_header(&target[..count]),
        }
        Ok(count)
    }
}

impl Seek for PageByPage {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = self.source.seek(to)?;
        (self.tags, self.left) = (0, 0);
        self.header.clear();
        Ok(place)
    }
}

impl MediaSource for PageByPage {
    fn is_seekable(&self) -> bool {
        self.source.is_seekable()
    }

    fn byte_len(&self) -> Option<u64> {
        self.source.byte_len()
    }
}

/// A reader of Ogg whose packets follow on each other to the frame, but where some are missing.
pub(in crate::audio::decode) struct OggPackets {
    reader: Box<dyn FormatReader>,
    pages: PagesRead,
    streams: BTreeMap<u32, Count>,
}

/// How far the packets of a stream have counted.
#[derive(Clone, Copy, Debug)]
struct Count {
    /// What follows on the last packet as the pages count, and as the packets do.
    by_pages: i64,
    by_packets: i64,
    /// Frames that pages have not counted, among them those before zero: others may still do so.
    uncounted: i64,
}

impl OggPackets {
    /// The packets of a reader whose source is a [`PageByPage`] that notes in `pages` what it gives.
    pub(in crate::audio::decode) fn new(reader: Box<dyn FormatReader>, pages: PagesRead) -> Self {
        Self { reader, pages, streams: BTreeMap::new() }
    }

    fn params(&self, stream: u32) -> Option<&AudioCodecParameters> {
        let track = self.reader.tracks().iter().find(|track| track.id == stream);
        match track.and_then(|track| track.codec_params.as_ref()) {
            Some(CodecParameters::Audio(params)) => Some(params),
            _ => None,
        }
    }

    /// The fewest frames that are missing. Times are rounded to a millisecond at most, and the shortest packet, one of Vorbis
    /// between two blocks of 64, is not lost in a shorter gap.
    fn least_gap(&self, stream: u32) -> i64 {
        const SHORTEST: i64 = 32;
        let rate = self.params(stream).and_then(|params| params.sample_rate).unwrap_or(0);
        SHORTEST.max(i64::from(rate).div_euclid(1000) + 1)
    }

    /// Leaves out of the second packet of Vorbis what lies before zero, if the first page ends with it: so a stream is cut that
    /// was encoded already (Vorbis I, A.2).
    fn cut_start(&self, packet: &mut Packet, page: PageRead) {
        let is_vorbis = |params: &AudioCodecParameters| params.codec == CODEC_ID_VORBIS;
        let before = u64::try_from(packet.pts.get().saturating_neg()).unwrap_or(0);
        if before > 0 && page.packets == 2 && !page.is_last && self.params(packet.track_id).is_some_and(is_vorbis) {
            let cut = Duration::from(before.min(packet.dur.get()));
            packet.trim_start = packet.trim_start.saturating_add(cut);
            packet.dur = packet.dur.saturating_sub(cut);
        }
    }

    fn place(&mut self, packet: &mut Packet) {
        let page = self.pages.of(packet.track_id);
        if packet.trim_end > Duration::ZERO && !page.is_last {
            packet.dur = packet.dur.saturating_add(packet.trim_end);
            packet.trim_end = Duration::ZERO;
        }
        self.cut_start(packet, page);
        let starts = packet.pts.get();
        let block = i64::try_from(packet.block_dur().get()).unwrap_or(i64::MAX);
        let follows = match self.streams.get(&packet.track_id) {
            None => {
                let before = starts.saturating_add_unsigned(packet.trim_start.get()).min(0);
                Count { by_pages: starts, by_packets: starts, uncounted: before.saturating_neg() }
            }
            Some(before) => before.at(starts, self.least_gap(packet.track_id)),
        };
        packet.pts = Timestamp::from(follows.by_packets);
        let next = Count {
            by_pages: starts.saturating_add(block),
            by_packets: follows.by_packets.saturating_add(block),
            ..follows
        };
        self.streams.insert(packet.track_id, next);
    }
}

impl Count {
    /// The count where a packet starts as the pages count. From `least` on, frames are missing before it.
    fn at(self, starts: i64, least: i64) -> Self {
        let gap = starts.saturating_sub(self.by_pages);
        let uncounted = self.uncounted.saturating_sub(gap);
        let missing = uncounted.min(0).saturating_neg();
        let missing = if missing < least { 0 } else { missing };
        Self { by_pages: starts, by_packets: self.by_packets.saturating_add(missing), uncounted: uncounted.max(0) }
    }
}

impl FormatReader for OggPackets {
    inner_reader_fields!();

    fn seek(&mut self, _: SeekMode, _: SeekTo) -> Result<SeekedTo> {
        Err(Error::SeekError(SeekErrorKind::Unseekable))
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        loop {
            let mut next = self.reader.next_packet();
            match &mut next {
                // A writer that learns too late that its last packet was the last one may mark an empty one as that.
                Ok(Some(packet)) if packet.data.is_empty() => continue,
                Ok(Some(packet)) => self.place(packet),
                Err(Error::ResetRequired) => self.streams.clear(),
                _ => {}
            }
            return next;
        }
    }

    fn into_inner<'inner>(self: Box<Self>) -> MediaSourceStream<'inner>
    where
        Self: 'inner,
    {
        self.reader.into_inner()
    }
}
